"""Pictures that look unlike the training images, and those that do not."""

import numpy as np
import pytest

from cnn_bench import data
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.inference.unlike import remark

DIGITS = Preprocessing((28, 28, 1), (0.1307,), (0.3081,))  # of MNIST
COLOUR = Preprocessing((8, 8, 3), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # of ImageNet


def _digit():
    """A stroke like a one, of 8 % of the pixels."""
    image = np.zeros((28, 28, 1), np.uint8)
    image[4:24, 13:16] = 255
    return image


def _half(value, other, preprocessing):
    image = np.full(preprocessing.input_shape, value, np.uint8)
    image[::2] = other
    return image


def test_a_black_picture_is_almost_one_colour():
    for preprocessing in (DIGITS, COLOUR):
        assert 'almost one colour' in remark(np.zeros(preprocessing.input_shape, np.uint8), preprocessing)
    red = np.zeros((8, 8, 3), np.uint8) + np.array([255, 0, 0], np.uint8)  # its channels differ, its pixels do not
    assert 'almost one colour' in remark(red, COLOUR)


def test_an_inverted_digit_is_brighter():
    assert remark(_digit(), DIGITS) == ''
    said = remark(255 - _digit(), DIGITS)
    average = ((1 - 60 / 784) - 0.1307) / 0.3081
    assert said.startswith(f'much brighter than the training images (by {average:.1f} of their')
    assert 'is it inverted' in said


def test_the_bounds():
    """Of pictures in two tones: the mean of the network's set plus 1.5 of its deviations is 0.593; see also darker."""
    assert remark(_half(100, 200, DIGITS), DIGITS) == ''  # mean 0.588
    assert 'brighter' in remark(_half(104, 200, DIGITS), DIGITS)  # 0.596
    assert 'darker' in remark(_half(0, 50, COLOUR), COLOUR)  # 0.098, below 0.449 - 1.5 x 0.226 = 0.110
    assert remark(_half(0, 60, COLOUR), COLOUR) == ''  # 0.118
    # a standard deviation of 0.1 x 0.3081 x 255 = 7.9 of 255
    assert 'one colour' in remark(_half(100, 115, DIGITS), DIGITS)
    assert remark(_half(100, 117, DIGITS), DIGITS) == ''


@pytest.mark.parametrize(('mean', 'std'), [(0.5, 0.5), (0.0, 1 / 255), (0.0, 1.0)])
def test_a_convention_of_a_network_is_no_statistic(mean, std):
    """Inputs from -1 to 1, 0 to 255 and 0 to 1: the same picture is judged as for ImageNet's own."""
    other = Preprocessing((8, 8, 3), (mean,) * 3, (std,) * 3)
    for image in (_half(0, 50, COLOUR), _half(90, 150, COLOUR), _half(210, 255, COLOUR)):
        assert remark(image, other) == remark(image, COLOUR)


def test_ordinary_pictures_are_not_remarked_on():
    info = data.info('fashion_mnist_subset')
    own = Preprocessing((28, 28, 1), info.mean, info.std)
    images = [example['image'] for example in data.open_split('fashion_mnist_subset', 'test')]
    assert len(images) == 2000
    assert [number for number, image in enumerate(images) if remark(image, own)] == []
    photograph = np.random.default_rng(0).normal(0.45, 0.25, (8, 8, 3)).clip(0, 1)
    assert remark((255 * photograph).astype(np.uint8), COLOUR) == ''
