"""Preparing sets: what is read back equals the source's pixels, and bad sources are refused with nothing
written."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import odd_pictures
import pytest
from image_files import save_image, write_idx
from PIL import Image

from cnn_bench import data
from cnn_bench.data import pictures, write
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.data.readers import picture_stream
from cnn_bench.errors import UserError


def files_in(directory):
    return sorted(path.name for path in directory.rglob('*')) if directory.exists() else []


# IDX


@pytest.mark.parametrize('compress', [True, False])
def test_idx_files_read_back(tmp_path, data_dir, idx_arrays, compress):
    info = prepare('tiny', write_idx(tmp_path / 'idx', idx_arrays, compress))
    assert info.directory == data_dir / 'tiny' / '1.0.0'
    assert info.sizes == {'train': 40, 'test': 13}
    assert info.image_shape == (6, 5, 1)
    assert info.class_names == tuple('0123456789')
    for split, (images, labels) in idx_arrays.items():
        loaded = data.load_arrays(data.open_split('tiny', split))
        np.testing.assert_array_equal(loaded[0][..., 0], images)
        np.testing.assert_array_equal(loaded[1], labels)
    pixels = idx_arrays['train'][0] / 255
    np.testing.assert_allclose((info.mean, info.std), ([pixels.mean()], [pixels.std()]), rtol=1e-12)
    assert check('tiny') == info


def test_the_fingerprint_is_the_contents_alone(tmp_path, idx_arrays):
    first = prepare('one', write_idx(tmp_path / 'a', idx_arrays, compress=True))
    second = prepare('two', write_idx(tmp_path / 'b', idx_arrays, compress=False))
    assert first.fingerprint == second.fingerprint
    idx_arrays = {split: (images.copy(), labels) for split, (images, labels) in idx_arrays.items()}
    idx_arrays['test'][0][12, 5, 4] ^= 1
    third = prepare('three', write_idx(tmp_path / 'c', idx_arrays))
    assert third.fingerprint != first.fingerprint


def test_fashion_mnist_knows_its_classes(idx_source):
    assert prepare('fashion_mnist', idx_source).class_names[6] == 'Shirt'


@pytest.mark.parametrize(
    ('file', 'content', 'message'),
    [
        ('t10k-labels-idx1-ubyte', None, 'is missing'),
        ('train-images-idx3-ubyte', b'not an IDX file', 'not an IDX file'),
        ('train-images-idx3-ubyte', bytes([0, 0, 8, 3]) + b'\0\0\0\2' * 3 + b'1234567', 'its header says 24'),
        (
            'train-labels-idx1-ubyte',
            bytes([0, 0, 8, 1]) + b'\0\0\0\2' + b'12',
            '40 train images with 2 labels',
        ),
        ('train-labels-idx1-ubyte', bytes([0, 0, 8, 1]) + b'\0\0\0\x28' + b'\x0a' * 40, 'label 10'),
    ],
)
def test_bad_idx_files_are_refused(tmp_path, data_dir, idx_arrays, file, content, message):
    source = write_idx(tmp_path / 'idx', idx_arrays, compress=False)
    (source / file).unlink() if content is None else (source / file).write_bytes(content)
    with pytest.raises(UserError, match=message):
        prepare('fashion_mnist', source)
    assert files_in(data_dir) == []


def test_a_truncated_gzip_is_refused(tmp_path, data_dir, idx_arrays):
    source = write_idx(tmp_path / 'idx', idx_arrays)
    path = source / 'train-images-idx3-ubyte.gz'
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r'train-images-idx3-ubyte\.gz cannot be read'):
        prepare('tiny', source)
    assert files_in(data_dir) == []


# class folders


def test_class_folders_read_back(class_folders, data_dir):
    info = prepare('insects', class_folders)
    assert info.class_names == ('ant', 'bee')
    assert info.sizes == {'train': 6, 'test': 4}
    assert (info.channels, info.image_shape) == (3, None)
    split = data.open_split('insects', 'train')
    paths = sorted((class_folders / 'train').rglob('*.png'))
    for path, example in zip(paths, split, strict=True):
        np.testing.assert_array_equal(example['image'], np.asarray(Image.open(path)))
        assert info.class_names[example['label']] == path.parent.name
    pixels = np.concatenate([np.asarray(Image.open(path)).reshape(-1, 3) for path in paths]) / 255
    np.testing.assert_allclose((info.mean, info.std), (pixels.mean(0), pixels.std(0)), rtol=1e-12)
    assert check('insects') == info
    with pytest.raises(UserError, match='different sizes'):
        data.load_arrays(split)


def test_files_of_other_kinds_are_skipped_and_counted(class_folders):
    for name in ('notes.txt', 'x.svg', '.DS_Store', '.hidden.png'):
        (class_folders / 'train' / 'ant' / name).write_text('not an image')
    save_image(class_folders / 'train' / 'ant' / 'deeper' / 'x.png', np.zeros((4, 7, 3), np.uint8))
    info = prepare('insects', class_folders)
    assert info.sizes == {'train': 7, 'test': 4}
    assert info.source == f'class folders of {class_folders} (2 other files skipped)'


def test_one_size_is_recorded_as_such(tmp_path):
    for split in ('train', 'val'):
        save_image(tmp_path / 'x' / split / 'a' / '0.png', np.zeros((4, 7), np.uint8))
    info = prepare('grey', tmp_path / 'x')
    assert info.image_shape == (4, 7, 1)
    assert set(info.sizes) == {'train', 'test'}  # val/ is the test split where there is no test/


def test_val_beside_test_is_a_split_of_its_own(class_folders):
    os.rename(class_folders / 'test', class_folders / 'val')
    save_image(class_folders / 'test' / 'bee' / '0.png', np.zeros((4, 7, 3), np.uint8))
    assert prepare('insects', class_folders).sizes == {'train': 6, 'test': 1, 'validation': 4}


def stored(path, channels):
    example = picture_stream.load(str(path), channels)
    encoded, pixels = example.encoded, example.pixels
    if encoded != path.read_bytes():
        assert Image.open(io.BytesIO(encoded)).format == 'PNG'
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encoded))).reshape(pixels.shape), pixels)
    return encoded == path.read_bytes(), pixels


GREY = np.arange(60, dtype=np.uint8).reshape(6, 10) * 4
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def test_what_is_stored_as_it_is(tmp_path):
    for name in ('x.jpg', 'x.png'):
        assert stored(save_image(tmp_path / 'colour' / name, COLOUR), 3)[0]
        assert stored(save_image(tmp_path / 'grey' / name, GREY), 1)[0]


def test_what_is_converted(tmp_path):
    grey = save_image(tmp_path / 'grey.png', GREY)
    same, pixels = stored(grey, 3)
    assert not same
    np.testing.assert_array_equal(pixels, np.repeat(GREY[..., None], 3, axis=-1))

    alpha = save_image(tmp_path / 'alpha.png', np.concatenate([COLOUR, GREY[..., None]], axis=-1))
    on_white = COLOUR * (GREY[..., None] / 255) + 255 * (1 - GREY[..., None] / 255)
    assert np.abs(stored(alpha, 3)[1] - on_white).max() <= 1

    bitmap = save_image(tmp_path / 'colour.bmp', COLOUR)
    assert not stored(bitmap, 3)[0]
    np.testing.assert_array_equal(stored(bitmap, 3)[1], COLOUR)

    deep = save_image(tmp_path / 'deep.png', GREY.astype(np.uint16) * 256 + 255)
    assert not stored(deep, 1)[0]
    np.testing.assert_array_equal(stored(deep, 1)[1][..., 0], GREY)

    Image.fromarray(COLOUR).convert('CMYK').save(tmp_path / 'cmyk.jpg')
    same, pixels = stored(tmp_path / 'cmyk.jpg', 3)
    assert not same
    assert pixels.shape == (6, 10, 3)

    Image.fromarray(COLOUR).convert('P', palette=Image.Palette.ADAPTIVE).save(tmp_path / 'palette.png')
    assert not stored(tmp_path / 'palette.png', 3)[0]


def test_an_image_that_exif_turns_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    turned = save_image(tmp_path / 'train' / 'a' / 'x.png', COLOUR, exif=exif)
    np.testing.assert_array_equal(stored(turned, 3)[1], np.rot90(COLOUR, -1))
    assert picture_stream.scan([(str(turned), 0)]).size == (10, 6)


def test_prepare_and_predict_read_the_same_pixels(tmp_path):
    """Files of every kind, transparent, turned, with odd EXIF or long comments."""
    paths, _ = odd_pictures.write(tmp_path / 'odd')
    for path in paths:
        if 'huge' not in path:  # `predict` decodes it smaller
            np.testing.assert_array_equal(picture_stream.load(path, 3).pixels, pictures.read(path, 3))


def test_no_program_is_started_for_a_drawing_that_is_called_a_picture(class_folders, monkeypatch):
    monkeypatch.setattr('subprocess.Popen', None)  # Pillow would run Ghostscript
    (class_folders / 'train' / 'ant' / 'drawing.jpg').write_bytes(odd_pictures.broken()['program.png'][0])
    with pytest.raises(UserError, match=r'1 unreadable.*drawing\.jpg'):
        prepare('insects', class_folders)


def test_hidden_folders_are_skipped_and_links_followed(class_folders):
    ant = class_folders / 'train' / 'ant'
    save_image(ant / '.ipynb_checkpoints' / '0.png', np.zeros((4, 7, 3), np.uint8))
    assert prepare('insects', class_folders).sizes['train'] == 6
    for number in range(4):
        save_image(class_folders.parent / 'more' / f'{number}.png', np.zeros((4, 7, 3), np.uint8))
    (ant / 'more').symlink_to(class_folders.parent / 'more')
    (ant / 'loop').symlink_to(ant)
    assert prepare('insects', class_folders, overwrite=True).sizes['train'] == 10


def test_all_unreadable_files_are_named_and_nothing_is_written(class_folders, data_dir):
    (class_folders / 'train' / 'ant' / 'not_an_image.jpg').write_text('hello')
    cut = class_folders / 'test' / 'bee' / '1.png'
    cut.write_bytes(cut.read_bytes()[:-200])  # its header is whole
    with pytest.raises(UserError) as error:
        prepare('insects', class_folders)
    assert '2 unreadable' in str(error.value)
    assert 'not_an_image.jpg' in str(error.value)
    assert str(cut) in str(error.value)
    assert files_in(data_dir) == []


def test_unreadable_files_are_left_out_when_asked(class_folders):
    (class_folders / 'train' / 'ant' / 'not_an_image.jpg').write_text('hello')
    cut = class_folders / 'train' / 'bee' / '1.png'
    cut.write_bytes(cut.read_bytes()[:-200])
    left_out = []
    info = prepare('insects', class_folders, skip_unreadable=left_out.append)
    assert info.sizes == {'train': 5, 'test': 4}
    assert left_out == sorted([str(class_folders / 'train' / 'ant' / 'not_an_image.jpg'), str(cut)])
    assert '2 other files skipped' in info.source
    for path in (class_folders / 'train' / 'ant').glob('*.png'):
        path.write_text('')
    with pytest.raises(UserError, match="class 'ant' in train/"):
        prepare('insects', class_folders, overwrite=True, skip_unreadable=left_out.append)


def test_a_split_without_one_readable_image_is_refused(class_folders, data_dir):
    for path in (class_folders / 'test').rglob('*.png'):
        path.write_text('')
    with pytest.raises(UserError, match='no image of the split test'):
        prepare('insects', class_folders, skip_unreadable=lambda path: None)
    assert files_in(data_dir) == []


@pytest.mark.parametrize('name', ['train-images.idx3-ubyte', 'train-images.idx3-ubyte.gz'])
def test_idx_files_have_other_usual_names(tmp_path, idx_arrays, name):
    source = write_idx(tmp_path / 'idx', idx_arrays, compress=name.endswith('.gz'))
    there = next(source.glob('train-images*'))
    there.rename(source / name)
    assert prepare('digits', source).sizes == {'train': 40, 'test': 13}


def test_labels_from_1_are_classes_of_their_own_and_none_is_empty(tmp_path, idx_arrays):
    shifted = {split: (images, labels + 1) for split, (images, labels) in idx_arrays.items()}
    info = prepare('letters', write_idx(tmp_path / 'one', shifted))
    assert info.class_names[0] == '1'
    assert info.num_classes == len(np.unique(idx_arrays['train'][1]))
    gap = {split: (images, np.where(labels == 1, 2, labels)) for split, (images, labels) in idx_arrays.items()}
    with pytest.raises(UserError, match='no training image has label 1'):
        prepare('gap', write_idx(tmp_path / 'gap', gap))


def test_a_set_without_one_readable_train_image(class_folders, data_dir):
    for path in (class_folders / 'train').rglob('*.png'):
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match='6 unreadable'):
        prepare('insects', class_folders)
    assert files_in(data_dir) == []


def test_one_cut_file_alone_is_found_while_writing(class_folders, data_dir):
    cut = class_folders / 'train' / 'bee' / '1.png'
    cut.write_bytes(cut.read_bytes()[:-200])
    with pytest.raises(UserError, match='1 unreadable'):
        prepare('insects', class_folders)
    assert files_in(data_dir) == []


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda d: os.rename(d / 'train', d / 'trian'), 'has no train/ directory; expected: train/CLASS'),
        (lambda d: os.rename(d / 'test', d / 'tset'), 'has no test/ directory; expected: train/CLASS'),
        (lambda d: os.rename(d / 'train' / 'ant', d / 'train' / 'wasp'), 'is not a class of'),
        (lambda d: (d / 'train' / 'cat').mkdir(), 'cat has no images'),
    ],
)
def test_another_layout_is_refused(class_folders, data_dir, change, message):
    change(class_folders)
    with pytest.raises(UserError, match=message):
        prepare('insects', class_folders)
    assert files_in(data_dir) == []


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('\udce9cole', r"class name '\\udce9cole' is not one line of UTF-8"),
        ('two\nlines', 'not one line'),
        ('red \x1b[31m', 'not one line'),
        ('\u2028', 'not one line'),
        (' ', 'is empty'),
        ('ant ', "'ant' and 'ant ' are the same"),
    ],
)
def test_folders_that_cannot_name_a_class(class_folders, data_dir, name, message):
    for split in ('train', 'test'):
        os.rename(class_folders / split / 'bee', class_folders / split / name)
    with pytest.raises(UserError, match=message):
        prepare('insects', class_folders)
    assert files_in(data_dir) == []


def test_names_in_any_language_and_files_of_any_name(class_folders):
    for split in ('train', 'test'):
        os.rename(class_folders / split / 'bee', class_folders / split / 'École 图 می\u200cشود')
        os.rename(class_folders / split / 'ant' / '0.png', class_folders / split / 'ant' / '\udcff\n.png')
    info = prepare('insects', class_folders)
    assert info.class_names == ('ant', 'École 图 می\u200cشود')
    assert info.sizes == {'train': 6, 'test': 4}
    assert check('insects') == info


@pytest.mark.parametrize('name', ['[1]', 'a*b?', '{DATASET}', 'back\\slash', '%d $HOME'])
def test_directories_whose_names_mean_something_in_patterns(idx_source, tmp_path, idx_arrays, name):
    directory = tmp_path / name
    source = shutil.copytree(idx_source, directory / 'source')
    assert check('tiny', prepare('tiny', source, directory).directory.parents[1]).sizes == {'train': 40, 'test': 13}
    images, _ = data.load_arrays(data.open_split('tiny', 'test', directory))
    np.testing.assert_array_equal(images[..., 0], idx_arrays['test'][0])


def test_class_folders_without_splits_are_refused(class_folders):
    with pytest.raises(
        UserError, match='has no form that is known: a directory with ant/, bee/; known are: ImageNet: '
    ):
        prepare('insects', class_folders / 'train')


# all or nothing


def test_a_set_is_replaced_only_when_asked(tmp_path, idx_source, class_folders, data_dir):
    first = prepare('tiny', idx_source)
    with pytest.raises(UserError, match='--overwrite'):
        prepare('tiny', class_folders)
    assert data.info('tiny') == first
    (class_folders / 'train' / 'ant' / '0.png').write_text('broken')
    with pytest.raises(UserError, match='unreadable'):
        prepare('tiny', class_folders, overwrite=True)
    assert data.info('tiny') == first
    (class_folders / 'train' / 'ant' / '0.png').unlink()
    assert prepare('tiny', class_folders, overwrite=True).class_names == ('ant', 'bee')
    assert sorted(path.name for path in (data_dir / 'tiny').iterdir()) == ['1.0.0']


def test_an_exception_leaves_nothing(idx_source, data_dir):
    def stop(items, description, total):
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare('tiny', idx_source, track=stop)
    assert not data_dir.exists()


KILLED = """
import sys, time
from cnn_bench.data.prepare import prepare
def slow(items, description, total):
    for number, item in enumerate(items):
        if number == 5:
            print('writing', flush=True)
            time.sleep(60)
        yield item
prepare('tiny', sys.argv[1], sys.argv[2], track=slow)
"""


def test_a_killed_prepare_opens_as_nothing_and_can_be_done_again(idx_source, data_dir):
    with subprocess.Popen(
        [sys.executable, '-c', KILLED, str(idx_source), str(data_dir)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b'writing\n'
        with pytest.raises(UserError, match='another process is writing'):
            prepare('tiny', idx_source)
        child.send_signal(signal.SIGKILL)
    with pytest.raises(UserError) as error:
        data.open_split('tiny', 'train')
    assert 'half-written' in str(error.value)
    assert 'cnn-bench data prepare tiny --from DIR' in str(error.value)
    assert '\n' not in str(error.value)
    assert prepare('tiny', idx_source).sizes == {'train': 40, 'test': 13}
    assert sorted(path.name for path in (data_dir / 'tiny').iterdir()) == ['1.0.0']


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_no_permission_to_write(idx_source, data_dir):
    data_dir.mkdir()
    data_dir.chmod(0o500)
    with pytest.raises(UserError, match='cannot write'):
        prepare('tiny', idx_source)


def test_a_data_directory_that_is_a_file(idx_source, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot write'):
        prepare('tiny', idx_source, tmp_path / 'file')


@pytest.mark.parametrize('name', ['../x', 'Big', '1st', '', 'a-b'])
def test_a_name_that_tfds_cannot_use(idx_source, name):
    with pytest.raises(UserError, match='cannot name a data set'):
        prepare(name, idx_source)


def test_a_packaged_name_is_taken(idx_source):
    with pytest.raises(UserError, match='packaged'):
        prepare('fashion_mnist_subset', idx_source)


def test_large_sets_go_into_several_shards(idx_source, monkeypatch):
    monkeypatch.setattr('cnn_bench.data.prepare.SHARD_BYTES', 400)  # the images are 30 bytes each
    info = prepare('tiny', idx_source)
    assert [shard.images for shard in info.shards] == [13, 13, 13, 1, 13]
    assert info.shard_of('train', 26).file == 'tiny-train.array_record-00002'
    images, _ = data.load_arrays(data.open_split('tiny', 'train'))
    assert len(images) == 40
    assert check('tiny') == info


def test_a_shard_that_lost_records_is_not_taken(idx_source, data_dir, monkeypatch):
    monkeypatch.setattr(write, 'shard_file', lambda name, split, number: f'{name}-test.array_record-{number:05d}')
    with pytest.raises(UserError, match='has 13 of 40 images'):
        prepare('tiny', idx_source)
    assert not data_dir.exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(idx_source, data_dir):
    code = (
        'import resource, signal, sys; from cnn_bench.cli import main\n'
        'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n'
        "sys.exit(main(['data', 'prepare', 'tiny', '--from', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, '-c', code, str(idx_source)], capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch('cnn-bench: error: cannot write .*tiny/1.0.0.incomplete: File too large\n', done.stderr)
    assert not data_dir.exists()


def test_written_with_is_recorded(prepared):
    facts = json.loads((prepared / 'metadata.json').read_text())
    assert set(facts['written_with']) == {'array_record', 'pillow', 'tensorflow-datasets'}
