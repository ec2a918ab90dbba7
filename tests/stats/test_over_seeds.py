import numpy as np
import pytest
from scipy import stats as scipy_stats

from cnn_bench.stats import mean_ci, pareto_front


def test_the_interval_by_hand():
    # mean 10, s = 1, n = 3; t(0.975, 2) = 4.302653 by any table
    mean, half_width = mean_ci([9, 10, 11])
    assert mean == 10
    assert half_width == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)


@pytest.mark.parametrize('level', [0.8, 0.95, 0.99])
def test_the_interval_against_scipy(level):
    values = np.random.default_rng(1).normal(12, 0.7, 6)
    low, high = scipy_stats.t.interval(level, 5, values.mean(), scipy_stats.sem(values))
    mean, half_width = mean_ci(values, level)
    assert (mean - half_width, mean + half_width) == pytest.approx((low, high))


def test_one_value_has_no_interval():
    mean, half_width = mean_ci([7.5])
    assert mean == 7.5
    assert np.isnan(half_width)


def test_no_value_has_no_mean():
    assert np.isnan(mean_ci([])).all()


def brute_force(cost, error):
    def beats(j, i):
        return cost[j] <= cost[i] and error[j] <= error[i] and (cost[j] < cost[i] or error[j] < error[i])

    return [not any(beats(j, i) for j in range(len(cost))) for i in range(len(cost))]


@pytest.mark.parametrize('seed', range(20))
def test_the_front_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    cost, error = rng.integers(0, 8, (2, 25))  # few values: many ties
    assert pareto_front(cost, error).tolist() == brute_force(cost, error)


def test_ties_and_nan_on_the_front():
    cost = [1, 1, 1, 2, 3, np.nan]
    error = [5, 5, 6, 5, 4, 0]
    assert pareto_front(cost, error).tolist() == [True, True, False, False, True, False]


def test_the_front_of_nothing():
    assert pareto_front([], []).tolist() == []
