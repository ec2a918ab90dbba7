import numpy as np
import pytest
from scipy.signal import correlate2d

from cnn_bench.lecture.given_filters import HORIZONTAL, STEP, VERTICAL, convolve, max_pool

IMAGE = np.random.default_rng(0).integers(-3, 4, (7, 8, 3)).astype(float)
FILTERS = np.random.default_rng(1).integers(-2, 3, (2, 3, 3, 3)).astype(float)


@pytest.mark.parametrize(('stride', 'padding'), [(1, 0), (2, 1), (3, 2)])
def test_convolution_is_the_sum_of_correlations_over_channels(stride, padding):
    made = convolve(IMAGE, list(FILTERS), stride, padding)
    padded = np.pad(IMAGE, ((padding, padding), (padding, padding), (0, 0)))
    for channel, kernel in enumerate(FILTERS):
        whole = sum(correlate2d(padded[..., c], kernel[..., c], 'valid') for c in range(3))
        np.testing.assert_array_equal(made[..., channel], whole[::stride, ::stride])


def test_filters_answer_to_their_own_edge_only():
    np.testing.assert_array_equal(convolve(STEP, [VERTICAL])[..., 0], [[0, 3, 3, 0]] * 4)
    assert not convolve(STEP, [HORIZONTAL]).any()
    np.testing.assert_array_equal(convolve(STEP.T, [HORIZONTAL])[..., 0], np.array([[0, 3, 3, 0]] * 4).T)


def test_pooling_takes_what_the_last_windows_hold():
    np.testing.assert_array_equal(max_pool(np.arange(9.0).reshape(3, 3), 2), [[4, 5], [7, 8]])
    assert max_pool(IMAGE, 2).shape == (4, 4, 3)
    np.testing.assert_array_equal(max_pool(IMAGE, 3, 1)[0, 0], IMAGE[:3, :3].max((0, 1)))
