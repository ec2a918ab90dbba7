import numpy as np
import pytest

from cnn_bench import stats


def test_of_three_values_by_hand():
    """Two draws from 1, 2, 6: nine pairs, five with a 1, three of the rest with a 2."""
    assert stats.expected_minimum([6, 1, 2])[:2] == pytest.approx([3, (5 * 1 + 3 * 2 + 6) / 9])


@pytest.mark.parametrize('seed', range(3))
def test_as_often_as_in_a_simulation(seed):
    rng = np.random.default_rng(seed)
    values = np.append(rng.exponential(5, 9).round(1), [7.0, 7.0])  # with a tie
    expected = stats.expected_minimum(values)
    assert expected.shape == (11,)
    assert (np.diff(expected) <= 0).all()
    for n in (1, 2, 5, 11):
        least = rng.choice(values, (100_000, n)).min(axis=1)
        assert expected[n - 1] == pytest.approx(least.mean(), abs=5 * least.std() / np.sqrt(100_000))


def test_a_trial_without_a_value_takes_a_draw():
    assert stats.expected_minimum([1, np.nan, 3]) == pytest.approx(stats.expected_minimum([1, 3, 3]))
    assert np.isnan(stats.expected_minimum([np.nan, np.nan])).all()
    assert stats.expected_minimum([]).size == 0
