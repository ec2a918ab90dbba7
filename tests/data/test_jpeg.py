"""JPEG files decode to Pillow's pixels, whole or only what a crop needs, and crops resize to nearly Pillow's."""

import io
import pickle
import threading

import numpy as np
import pytest
from PIL import Image

from cnn_bench import data
from cnn_bench.data import jpeg, pictures
from cnn_bench.data.fast_resize import resize_into
from cnn_bench.data.pipeline import RandomCrop
from cnn_bench.data.prepare import prepare
from cnn_bench.data.preprocessing import Preprocessing, resize


def photo(height, width, channels=3, seed=0):
    """Pixels that look like a photograph's to a filter: noise of all scales, the finer the weaker."""
    generator, total = np.random.default_rng(seed), np.zeros((height, width, channels))
    for scale in (2, 4, 8, 16, 32, 64):
        noise = generator.normal(size=(-(-height // scale) + 1, -(-width // scale) + 1, channels))
        planes = [Image.fromarray(noise[..., c].astype(np.float32)) for c in range(channels)]
        wide = [np.asarray(p.resize((width, height), Image.Resampling.BICUBIC)) for p in planes]
        total += scale**0.8 * np.stack(wide, -1)
    return np.clip(128 + 5 * total, 0, 255).astype(np.uint8)


def file(pixels, **options):
    """A JPEG file made by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, 'JPEG', **options)
    return buffer.getvalue()


@pytest.mark.parametrize('shape', [(1, 1), (7, 9), (33, 17), (120, 161)])
@pytest.mark.parametrize(
    'options',
    [
        {'subsampling': '4:4:4'},
        {'subsampling': '4:2:2'},
        {'subsampling': '4:2:0', 'quality': 30},
        {'subsampling': '4:2:0', 'progressive': True},
        {'restart_marker_rows': 1},
        {'keep_rgb': True},
    ],
)
def test_pixels_are_those_of_pillow(shape, options):
    encoded = file(photo(*shape), **options)
    buffer = jpeg.Buffer()
    expected = pictures.decode(encoded)
    for memory in (None, buffer, buffer):
        np.testing.assert_array_equal(jpeg.decode(encoded, 3, memory), expected)
    assert jpeg.size(encoded) == shape
    for rows in {1, shape[0] // 3 + 1, shape[0]}:
        np.testing.assert_array_equal(jpeg.decode_part(encoded, 3, buffer, rows)[:rows], expected[:rows])


def test_rows_below_are_left_out():
    """The file is cut in the middle of its data, and given its end again: only the lower rows are damaged."""
    encoded = file(photo(200, 150), quality=95)
    cut = encoded[: len(encoded) // 2] + encoded[-2:]
    assert jpeg.decode(cut, 3) is None
    part = jpeg.decode_part(cut, 3, jpeg.Buffer(), 60)
    assert part.shape == (62, 150, 3)
    np.testing.assert_array_equal(part[:60], pictures.decode(encoded)[:60])
    assert jpeg.decode_part(cut[:-2], 3, jpeg.Buffer(), 60) is None  # without its end


def test_grey_files():
    encoded = file(photo(21, 30, 1))
    expected = pictures.decode(encoded)
    np.testing.assert_array_equal(jpeg.decode(encoded, 1), expected)
    np.testing.assert_array_equal(jpeg.decode(encoded, 3), np.repeat(expected, 3, 2))
    assert jpeg.decode(file(photo(21, 30)), 1) is None


def test_what_is_left_to_pillow():
    encoded, png = file(photo(40, 40)), io.BytesIO()
    Image.fromarray(photo(4, 4)).save(png, 'PNG')
    for other in (b'', b'\xff\xd8', png.getvalue(), encoded[:200], encoded[:-20]):
        assert jpeg.decode(other, 3) is None
        assert jpeg.decode_part(other, 3, jpeg.Buffer(), 1) is None
    assert jpeg.size(png.getvalue()) is None


@pytest.mark.parametrize('scale', [2, 4, 8])
@pytest.mark.parametrize('subsampling', ['4:4:4', '4:2:0'])
def test_smaller_is_much_like_a_mean(scale, subsampling):
    encoded = file(photo(8 * 13, 8 * 20), subsampling=subsampling, quality=95)
    small = jpeg.decode_part(encoded, 3, jpeg.Buffer(), 8 * 13, scale)
    mean = pictures.decode(encoded).reshape(104 // scale, scale, 160 // scale, scale, 3).mean((1, 3))
    assert small.shape == mean.shape
    assert np.abs(small - mean).mean() < 2
    part = jpeg.decode_part(encoded, 3, jpeg.Buffer(), 48, scale)
    np.testing.assert_array_equal(part[: 48 // scale], small[: 48 // scale])


def test_the_scale_leaves_the_crop_its_size():
    assert [jpeg.scale_for((3, 5, 3 + w, 5 + h), (224, 200)) for w, h in ((1600, 1792), (1599, 1792), (399, 448))] == [
        8,
        4,
        1,
    ]


def test_threads_have_memory_of_their_own():
    one, other = file(photo(50, 60, seed=1)), file(photo(50, 60, seed=2))
    buffer = pickle.loads(pickle.dumps(jpeg.Buffer()))
    here = jpeg.decode(one, 3, buffer)
    kept, there = here.copy(), []
    thread = threading.Thread(target=lambda: there.append(jpeg.decode(other, 3, buffer)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(here, kept)
    np.testing.assert_array_equal(there[0], pictures.decode(other))
    np.testing.assert_array_equal(jpeg.decode(other, 3, buffer), here)  # this thread's own is used again


# Mean difference from Pillow's antialiased result, of 255, at factors from enlarging to a third.
@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic'])
@pytest.mark.parametrize('side', [30, 56, 62, 70, 100, 120, 180, 215])
@pytest.mark.parametrize('channels', [1, 3])
def test_crops_are_nearly_those_of_pillow(interpolation, side, channels):
    image, out = photo(250, 300, channels), np.empty((2, 56, 64, channels), np.uint8)
    out[:] = 7
    box = (20, 10, 20 + side * 8 // 7, 10 + side)
    resize_into(out[0], image, box, interpolation)
    expected = resize(image[box[1] : box[3], box[0] : box[2]], (0, 0, box[2] - 20, side), (56, 64), interpolation)
    assert np.abs(out[0].astype(int) - expected).mean() < 1.5
    assert (out[1] == 7).all()


@pytest.mark.parametrize('interpolation', ['nearest', 'lanczos'])
def test_other_interpolations_are_those_of_pillow(interpolation):
    image, out = photo(90, 80), np.empty((20, 30, 3), np.uint8)
    resize_into(out, image, (5, 7, 65, 57), interpolation)
    np.testing.assert_array_equal(out, resize(image, (5, 7, 65, 57), (20, 30), interpolation))


def test_a_crop_of_the_target_size_is_taken_as_it_is():
    image, out = photo(40, 50), np.empty((20, 30, 3), np.uint8)
    resize_into(out, image, (5, 7, 35, 27))
    np.testing.assert_array_equal(out, image[7:27, 5:35])


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    """A data directory with the set 'photos': JPEG files of several sizes, grey ones and a PNG file among them."""
    source = tmp_path_factory.mktemp('photos')
    for split in ('train', 'test'):
        (source / split / 'a').mkdir(parents=True)
        for number, (height, width) in enumerate([(90, 120), (300, 221), (160, 160), (64, 50), (77, 99)]):
            (source / split / 'a' / f'{number}.jpg').write_bytes(file(photo(height, width, 3, number), quality=92))
        (source / split / 'a' / '5.jpg').write_bytes(file(photo(80, 70, 1), quality=92))
        Image.fromarray(photo(66, 77)).save(source / split / 'a' / '6.png')
    directory = tmp_path_factory.mktemp('prepared')
    prepare('photos', source, directory)
    return directory


def test_a_grey_file_among_colours_is_stored_as_it_is(photos):
    split = data.open_split('photos', 'train', photos)
    assert split.encoded([5])[0]['image'].startswith(b'\xff\xd8')
    pixels = split[5]['image']
    assert pixels.shape == (80, 70, 3)
    assert np.ptp(pixels, axis=2).max() == 0


def test_images_that_a_split_returns_stay_as_they_are(photos):
    split = data.open_split('photos', 'train', photos)
    first = split[0]['image']
    kept = first.copy()
    split[1], split[2]
    np.testing.assert_array_equal(first, kept)


def test_random_crops_are_those_of_whole_pictures(photos):
    """Against Pillow: the same boxes of whole pictures, reduced to means where a part is decoded smaller, resized."""
    from cnn_bench.data.pipeline import _Shuffled, draws, random_box

    split = data.open_split('photos', 'train', photos)
    crop, preprocessing = RandomCrop(), Preprocessing((32, 32, 3), (0.5,) * 3, (0.5,) * 3)
    with data.stream(split, 70, seed=5, preprocessing=preprocessing, train=True, random_crop=crop) as batches:
        batch = next(batches)
    order, expected, scales = _Shuffled(len(split), 5), [], []
    for position, drawn in enumerate(draws(5, 0, 70)):
        image = split[order[position]]['image']
        box = random_box(drawn, *image.shape[:2], crop.scale, crop.ratio)
        scale = 1 if order[position] == 6 else jpeg.scale_for(box, (32, 32))  # 6: the PNG file
        scales.append(scale)
        picture = Image.fromarray(image).reduce(scale).crop([round(side / scale) for side in box])
        expected.append(np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR)))
    differences = np.abs(batch['image'].astype(int) - np.array(expected)).mean((1, 2, 3))
    whole = np.array(scales) == 1
    assert set(scales) == {1, 2, 4}
    assert differences[whole].mean() < 1
    assert differences[~whole].mean() < 2
    assert differences.max() < 4


def test_numbers_of_a_position_do_not_depend_on_where_the_stream_begins():
    from cnn_bench.data.pipeline import draws

    assert draws(7, 0, 30)[12:20] == draws(7, 12, 8)
    assert draws(7, 0, 1) != draws(8, 0, 1)
    assert len(np.unique(draws(7, 0, 30))) == 30 * 40


def test_batches_of_photographs_do_not_depend_on_how_they_are_made(photos):
    """Resumed, by worker processes, in shards: bit for bit the same, with memory that threads use again."""
    split = data.open_split('photos', 'train', photos)
    preprocessing = Preprocessing((32, 32, 3), (0.5,) * 3, (0.5,) * 3)

    def take(n, size, **options):
        with data.stream(
            split, size, seed=1, preprocessing=preprocessing, train=True, random_crop=RandomCrop(), **options
        ) as batches:
            return np.stack([next(batches)['image'] for _ in range(n)])

    whole = take(8, 6)
    np.testing.assert_array_equal(take(5, 6, start_step=3), whole[3:])
    np.testing.assert_array_equal(take(3, 6, start_step=5, workers=2), whole[5:])
    shards = [take(8, 2, shard=(index, 3)) for index in range(3)]
    np.testing.assert_array_equal(np.concatenate(shards, 1), whole)
