import numpy as np
import pytest
from scipy import stats as scipy_stats

from cnn_bench.stats import hypervolume, hypervolume_interval, pareto_front


def test_steps_by_hand():
    # to the reference (10, 10): 8 wide and 2 high, then from cost 5 on 3 more, then from 6 on 4 more
    assert hypervolume([2, 5, 6], [8, 5, 1], 10, 10, log_cost=False) == 8 * 2 + 5 * 3 + 4 * 4


def test_a_cost_in_factors_of_ten():
    assert hypervolume([1e6, 1e8], [30, 20], 1e9, 50) == pytest.approx(3 * 20 + 1 * 10)


def test_points_that_count_for_nothing():
    points = [2, 5, 6], [8, 5, 1]
    for more in ((3, 9), (5, 5), (6, 5), (10, 0), (11, 0), (1, 10), (1, 11), (np.nan, 0), (1, np.nan)):
        cost, error = ([*values, value] for values, value in zip(points, more, strict=True))
        assert hypervolume(cost, error, 10, 10, log_cost=False) == 47, more
    assert hypervolume([2, 5, 6, 4], [8, 5, 1, 4], 10, 10, log_cost=False) == 47 + 1 * 4 + 1 * 1  # ahead
    assert hypervolume([], [], 10, 10) == 0


@pytest.mark.parametrize('seed', range(10))
@pytest.mark.parametrize('log_cost', [True, False])
def test_the_area_by_brute_force(seed, log_cost):
    """On a grid of whole numbers every cell is dominated by some point or it is not."""
    rng = np.random.default_rng(seed)
    cost, error = rng.integers(0, 24, (2, 8))
    x, y = np.mgrid[:20, :20] + 0.5  # middles of the cells below the reference
    dominated = ((cost[:, None, None] < x) & (error[:, None, None] < y)).any(axis=0).sum()
    on_axis = 10.0**cost if log_cost else cost
    found = hypervolume(on_axis, error, 1e20 if log_cost else 20, 20, log_cost)
    assert found == pytest.approx(dominated)


def test_only_the_front_counts():
    cost, error = np.random.default_rng(5).uniform(1, 9, (2, 30))
    front = pareto_front(cost, error)
    assert 1 < front.sum() < 30
    assert hypervolume(cost[front], error[front], 10, 10) == pytest.approx(hypervolume(cost, error, 10, 10))


def test_no_place_on_the_axis():
    for wrong in (np.nan, np.inf, 0, -1):
        with pytest.raises(ValueError, match='reference cost'):
            hypervolume([1], [1], wrong, 10)
    with pytest.raises(ValueError, match='reference error'):
        hypervolume([1], [1], 10, np.nan)
    with pytest.raises(ValueError, match='positive'):
        hypervolume([0, 1], [1, 1], 10, 10)
    assert hypervolume([-2], [8], 10, 10, log_cost=False) == 24
    with pytest.raises(ValueError):
        hypervolume([1, 2], [1, 2, 3], 10, 10)
    with pytest.raises(ValueError, match='negative'):
        hypervolume_interval([1], [1], [-1], 10, 10)


def test_one_noisy_point():
    # 3 factors of ten times a normal error: an interval of 20 x 3 -+ 1.96 x 0.5 x 3
    value, low, high = hypervolume_interval([1e6], [30], [0.5], 1e9, 50, draws=40_000)
    assert value == pytest.approx(60)
    assert (low, high) == pytest.approx(scipy_stats.norm.interval(0.95, 60, 1.5), abs=0.06)
    value, low, high = hypervolume_interval([7], [30], [0.5], 10, 50, level=0.5, draws=40_000, log_cost=False)
    assert (value, low, high) == pytest.approx((60, *scipy_stats.norm.interval(0.5, 60, 1.5)), abs=0.06)


def test_two_noisy_points_that_never_cross():
    # 3 x (50 - e1) and 1 x (e1 - e2): deviation sqrt((2 x 0.3)^2 + (1 x 0.8)^2) = 1
    value, low, high = hypervolume_interval([1e6, 1e8], [30, 20], [0.3, 0.8], 1e9, 50, draws=40_000)
    assert value == pytest.approx(70)
    assert (low, high) == pytest.approx(scipy_stats.norm.interval(0.95, 70, 1), abs=0.04)


def test_the_luck_of_the_best_is_taken_out():
    """Of 30 like points at one cost the best is two deviations lucky; quantiles as they are never held the truth."""
    rng = np.random.default_rng(1)
    found = [
        hypervolume_interval(np.ones(30), rng.normal(30, 1, 30), np.ones(30), 10, 50, draws=500) for _ in range(300)
    ]
    value, low, high = np.transpose(found)
    assert value.mean() > 21.5  # the true area is 20
    assert np.mean((low <= 20) & (high >= 20)) > 0.5
    assert np.mean(high < value) > 0.1  # as the docstring warns
    assert (low < value).all()


def test_exact_errors_have_no_interval():
    cost, error = np.random.default_rng(5).uniform(1, 9, (2, 10))
    expected = hypervolume(cost, error, 10, 10)
    for sd in (0, np.nan, np.zeros(10)):
        assert hypervolume_interval(cost, error, sd, 10, 10) == pytest.approx((expected,) * 3)


def test_never_less_than_nothing():
    assert hypervolume_interval([1], [9.9], [5], 10, 10)[1] == 0
    assert hypervolume_interval([], [], [], 10, 10) == (0, 0, 0)
    assert hypervolume_interval([1, np.nan], [5, 1], [0, 0], 10, 10, log_cost=False) == (45, 45, 45)


def test_the_same_seed_draws_the_same_areas():
    points = [1, 3], [5, 4], [1, 1], 10, 10
    assert hypervolume_interval(*points) == hypervolume_interval(*points)
    assert hypervolume_interval(*points) != hypervolume_interval(*points, seed=1)
