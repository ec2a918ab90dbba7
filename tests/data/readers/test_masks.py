"""Pictures with masks: what is stored is what the files hold, and what does not fit is refused with its name."""

import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from cnn_bench import data
from cnn_bench.data.check import check
from cnn_bench.data.described import SEGMENTATION, VOID
from cnn_bench.data.prepare import prepare
from cnn_bench.data.reduce import Reduction
from cnn_bench.errors import UserError

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (4, 12, 16, 3), np.uint8)
MASKS = RNG.choice([0, 1, 2, 3], (4, 12, 16)).astype(np.uint8)  # 3 is void, by its name


def _write(root, folders=('{}/images', '{}/masks'), names='road\nsky\ncar\nvoid\n'):
    for split, numbers in {'train': (0, 1, 2), 'test': (3,)}.items():
        for number in numbers:
            save_image(root / folders[0].format(split) / f'{number}.png', PICTURES[number])
            save_image(root / folders[1].format(split) / f'{number}.png', MASKS[number])
    if names:
        (root / 'classes.txt').write_text(names)
    return root


@pytest.mark.parametrize('folders', [('{}/images', '{}/masks'), ('{}', '{}annot')])
def test_pictures_and_masks_are_stored_as_they_are(tmp_path, folders):
    info = prepare('streets', _write(tmp_path / 'from', folders), tmp_path)
    assert (info.task, info.class_names, info.image_shape) == (SEGMENTATION, ('road', 'sky', 'car'), (12, 16, 3))
    images, masks = data.load_arrays(data.open_split('streets', 'train', tmp_path))
    np.testing.assert_array_equal(images, PICTURES[:3])
    np.testing.assert_array_equal(masks, np.where(MASKS[:3] == 3, VOID, MASKS[:3]))
    np.testing.assert_array_equal(data.open_split('streets', 'test', tmp_path)[0]['label'], masks[0] * 0 + _last())
    assert check('streets', tmp_path) == info


def _last():
    return np.where(MASKS[3] == 3, VOID, MASKS[3])


def test_a_palette_counts_by_its_places(tmp_path):
    root = _write(tmp_path / 'from')
    for path in root.glob('*/masks/*.png'):
        picture = Image.open(path)
        picture.putpalette(RNG.integers(0, 256, 768).astype(np.uint8).tobytes())
        picture.save(path)
    prepare('streets', root, tmp_path)
    _, masks = data.load_arrays(data.open_split('streets', 'test', tmp_path))
    np.testing.assert_array_equal(masks[0], _last())


def test_a_smaller_mask_has_the_class_of_the_nearest_pixel(tmp_path):
    prepare('streets', _write(tmp_path / 'from'), tmp_path, reduction=Reduction(6))
    images, masks = data.load_arrays(data.open_split('streets', 'train', tmp_path))
    assert images.shape == (3, 6, 8, 3)
    np.testing.assert_array_equal(masks, np.where(MASKS[:3] == 3, VOID, MASKS[:3])[:, 1::2, 1::2])


def test_a_fingerprint_depends_on_the_masks(tmp_path):
    one = prepare('one', _write(tmp_path / 'a'), tmp_path)
    root = _write(tmp_path / 'b')
    save_image(root / 'train/masks/0.png', MASKS[0] ^ 1)
    assert prepare('two', root, tmp_path).fingerprint != one.fingerprint


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (lambda root: (root / 'train/masks/1.png').unlink(), '1.png has no mask'),
        (lambda root: (root / 'train/images/1.png').unlink(), '1.png has no picture'),
        (lambda root: save_image(root / 'train/masks/1.png', MASKS[1][:5]), '5x16 and its picture 12x16'),
        (lambda root: save_image(root / 'train/masks/1.png', MASKS[1] + 9), 'of class 9; the classes are 0 to 2'),
        (lambda root: save_image(root / 'train/masks/1.png', PICTURES[1]), 'mode RGB'),
        (lambda root: (root / 'classes.txt').unlink(), 'classes.txt is missing'),
        (lambda root: (root / 'classes.txt').write_text('road\n'), 'names 1 classes'),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path, damage, words):
    root = _write(tmp_path / 'from')
    damage(root)
    with pytest.raises(UserError, match=words):
        prepare('streets', root, tmp_path / 'sets')
    assert not (tmp_path / 'sets' / 'streets').exists()


def test_images_with_masks_have_no_labels_and_are_held_out_as_one_class(tmp_path):
    prepare('streets', _write(tmp_path / 'from'), tmp_path)
    split = data.open_split('streets', 'train', tmp_path)
    rest, held = split.hold_out(1)
    assert (len(rest), len(held)) == (2, 1)
    with pytest.raises(UserError, match='is for segmentation'):
        split.labels()
