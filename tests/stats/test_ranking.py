import numpy as np
import pytest

from cnn_bench import stats

ORDER = [[1.0, 1.1, 0.9], [2.0, 2.1, 1.9], [3.0, 3.1, 2.9], [4.0, 4.1, 3.9]]


def test_tau_by_hand():
    """Of six pairs one changed its order: (5 - 1) / 6."""
    found, low, high = stats.tau_of_means(ORDER, [ORDER[1], ORDER[0], *ORDER[2:]])
    assert found == pytest.approx(4 / 6)
    assert low == high == pytest.approx(4 / 6)  # no resample of values this far apart changes an order
    assert stats.tau_of_means(ORDER, ORDER[::-1])[0] == -1


def test_the_interval_is_that_of_all_resamples():
    """Two networks of two seeds whose order is open in the second condition: tau is 1 or -1."""
    one, other = [[1.0, 1.2], [2.0, 2.2]], [[1.0, 4.0], [2.0, 2.5]]
    found, low, high = stats.tau_of_means(one, other)
    assert (found, low, high) == (-1, -1, 1)
    assert np.isnan(stats.tau_of_means([[1.0], [2.0]], [[1.0], [2.0]])[1:]).all()
    assert np.isnan(stats.tau_of_means([[1.0, 1.0]], [[2.0, 2.0]])[0])


def test_places_that_changed_by_more_than_chance():
    other = [ORDER[1], ORDER[0], [3.0, 3.5, 2.6], [2.99, 3.4, 2.5]]
    turned, sure = stats.changed_places(ORDER, other)
    assert turned == [(0, 1), (2, 3)]
    assert sure == [(0, 1)]
    assert stats.changed_places(ORDER, ORDER) == ([], [])
    assert stats.changed_places([[1.0], [2.0]], [[2.0], [1.0]]) == ([(0, 1)], [])
