import numpy as np
import pytest
from scipy import stats as scipy_stats

from cnn_bench.stats import front_probability, pareto_front


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


def test_the_order_of_two_noisy_points():
    # The dearer is on the front where its error is less: z = (10 - 9.5) / sqrt(0.3^2 + 0.4^2) = 1
    found = front_probability([1, 2], [10, 9.5], [0.3, 0.4], draws=40_000)
    assert found[0] == 1  # nothing is cheaper
    assert found[1] == pytest.approx(scipy_stats.norm.cdf(1), abs=4 * 0.0019)


def test_two_of_equal_cost_share_one_place():
    found = front_probability([5, 5], [10, 9.5], [0.3, 0.4], draws=40_000)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert found[0] == pytest.approx(scipy_stats.norm.cdf(-1), abs=4 * 0.0019)


def test_equals_come_at_equal_chances():
    # k cheaper ones of the same error: better than all of them with probability 1 / (k + 1)
    found = front_probability(range(1, 6), [10] * 5, [0.5] * 5, draws=40_000)
    assert found == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5], abs=4 * 0.0025)


@pytest.mark.parametrize('seed', range(10))
def test_exact_errors_have_the_front_itself(seed):
    rng = np.random.default_rng(seed)
    cost, error = rng.integers(0, 8, (2, 25))
    sd = np.where(rng.random(25) < 0.5, 0, np.nan)
    assert front_probability(cost, error, sd, draws=3).tolist() == pareto_front(cost, error).astype(float).tolist()


def test_the_probability_by_drawing_fronts():
    rng = np.random.default_rng(4)
    cost, mean, sd = rng.integers(1, 6, 12), rng.normal(10, 1, 12), rng.uniform(0, 1, 12)
    fronts = [brute_force(cost, rng.normal(mean, sd)) for _ in range(3000)]
    assert front_probability(cost, mean, sd) == pytest.approx(np.mean(fronts, axis=0), abs=4 * 0.0104)


def test_points_without_cost_or_error_are_never_on_the_front():
    found = front_probability([1, np.nan, 2, 3], [10, 0, np.nan, 5], [0.1, 0.1, 0.1, 0.1])
    assert found.tolist() == [1, 0, 0, 1]


def test_the_same_seed_draws_the_same():
    points = [1, 2, 3], [10, 9.9, 9.8], [0.3, 0.3, 0.3]
    assert front_probability(*points).tolist() == front_probability(*points).tolist()
    assert front_probability(*points).tolist() != front_probability(*points, seed=1).tolist()


def test_no_points_and_bad_points():
    assert front_probability([], [], []).tolist() == []
    with pytest.raises(ValueError, match='negative'):
        front_probability([1, 2], [3, 4], [0.1, -0.1])
    with pytest.raises(ValueError):
        front_probability([1, 2], [3, 4, 5], 0.1)
