import numpy as np
import pytest
from PIL import Image

from cnn_bench.data.crops import central_square, five_crops, googlenet_crops, three_squares
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.training.protocol import Asked, resolve

PREPROCESSING = Preprocessing((224, 224, 3), (0.5,) * 3, (0.5,) * 3, 'bilinear', 256)


def numbered(height: int, width: int) -> np.ndarray:
    """An image that says where each of its pixels is: its row and its column, in two bytes each modulo 256."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows % 256, columns % 256, rows // 256 + 16 * (columns // 256)], axis=-1).astype(np.uint8)


def corner(crop: np.ndarray) -> tuple[int, int]:
    """(top, left) of a crop of `numbered`."""
    row, column, high = (int(value) for value in crop[0, 0])
    return row + 256 * (high % 16), column + 256 * (high // 16)


def test_five_crops_are_at_the_corners_and_the_centre():
    crops = five_crops(numbered(256, 256), (224, 224))
    assert crops.shape == (5, 224, 224, 3)
    assert [corner(crop) for crop in crops] == [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    np.testing.assert_array_equal(crops[3], numbered(256, 256)[32:, 32:])


def test_an_odd_room_is_rounded_as_torchvision_rounds_it():
    # CenterCrop: int(round((9 - 4) / 2.0)) is 2, int(round((11 - 4) / 2.0)) is 4
    assert corner(five_crops(numbered(9, 11), (4, 4))[4]) == (2, 4)


def test_the_ten_crops_of_a_landscape_come_from_its_central_square():
    image = numbered(256, 341)
    assert corner(central_square(image)) == (0, 42)
    assert [corner(crop) for crop in five_crops(central_square(image), (224, 224))] == [
        (0, 42),
        (0, 74),
        (32, 42),
        (32, 74),
        (16, 58),
    ]


def test_no_crop_is_larger_than_the_image():
    with pytest.raises(ValueError, match='no crops of 4x4 in an image of 3x9'):
        five_crops(numbered(3, 9), (4, 4))


def test_the_squares_of_a_landscape_and_a_portrait():
    assert [corner(square) for square in three_squares(numbered(256, 341))] == [(0, 0), (0, 42), (0, 85)]
    assert [corner(square) for square in three_squares(numbered(341, 256))] == [(0, 0), (42, 0), (85, 0)]
    assert three_squares(numbered(7, 7)).shape == (3, 7, 7, 3)


@pytest.mark.parametrize('upright', [False, True])
def test_googlenets_crops_of_a_landscape_and_a_portrait(upright):
    image = numbered(469, 352) if upright else numbered(352, 469)  # a picture of 375x500 at the largest scale
    crops = googlenet_crops(image, (224, 224))
    assert crops.shape == (18, 224, 224, 3)
    for square, start in zip(crops.reshape(3, 6, 224, 224, 3), (0, 58, 117), strict=True):
        top, left = (start, 0) if upright else (0, start)
        inside = [(0, 0), (0, 128), (128, 0), (128, 128), (64, 64)]
        assert [corner(crop) for crop in square[:5]] == [(top + down, left + right) for down, right in inside]
        whole = Image.fromarray(image).crop((left, top, left + 352, top + 352))
        np.testing.assert_array_equal(square[5], whole.resize((224, 224), Image.Resampling.BILINEAR))


def test_144_crops_are_counted():
    protocol = resolve(Asked(crops=144), PREPROCESSING, flat_head=False)
    views = protocol(numbered(375, 500))
    assert [view.shape for view in views] == [(18, 224, 224, 3)] * 4
    assert 2 * sum(map(len, views)) == 144
    assert protocol.flip
