"""The interval of a median, against hand-computed values and against the share of runs that it holds for."""

import numpy as np
import pytest
from scipy import stats

from cnn_bench.measure.intervals import Variance, between, factor, spread, within
from cnn_bench.measure.rounds import order, target


def test_variances_by_hand():
    rounds = [[1.0, 3.0], [5.0, 7.0]]
    assert within(rounds) == Variance(2.0, 2)  # (1 + 1 + 1 + 1) / 2
    assert between([rounds]) == Variance(7.0, 1)  # means 2 and 6: 8, less 2 / 2
    assert between([rounds, [[0.0, 2.0], [1.0, 1.0]]]) == Variance((7.0 - 0.5) / 2, 2)  # the other: 0 less 1 / 2
    assert between([[[1.0, 2.0]]]) == Variance(0.0, 0)


def test_an_interval_by_hand():
    rounds = [[1.0, 3.0], [5.0, 7.0]]
    variance = 7.0 / 2 + 2.0 / 4
    freedom = variance**2 / ((7.0 / 2) ** 2 / 1 + (2.0 / 4) ** 2 / 2)
    expected = np.exp(stats.t.ppf(0.975, freedom) * np.sqrt(2 * variance))
    assert factor(rounds, Variance(7.0, 1)) == pytest.approx(expected)


def test_without_an_effect_of_processes_it_is_the_prediction_interval_of_a_mean():
    """Two means of n values differ by less than t s sqrt(2 / n)."""
    values = [0.1, 0.3, 0.2, 0.6]
    half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) * np.sqrt(2 / 4)
    assert factor([values], Variance(0.0, 0)) == pytest.approx(np.exp(half))


def test_one_round_has_none_and_equal_rounds_a_point():
    assert factor([[0.5]], Variance(0.0, 0)) is None
    assert factor([], Variance(0.0, 0)) is None
    assert factor([[0.5, 0.5], [0.5]], Variance(0.0, 1)) == 1.0


@pytest.mark.parametrize(('of_process', 'of_round'), [(0.03, 0.01), (0.0, 0.02), (0.02, 0.02)])
def test_medians_of_another_run_lie_within(of_process, of_round):
    """28 rows, two processes of three rounds: simulated, where the truth is known."""
    rng, inside = np.random.default_rng(0), []

    def run():
        return of_process * rng.standard_normal((28, 2, 1)) + of_round * rng.standard_normal((28, 2, 3))

    for _ in range(60):
        one, other = run(), run()
        processes = between(one.tolist())
        factors = np.array([factor(rounds, processes) for rounds in one.tolist()])
        inside.append(np.abs(other.mean((1, 2)) - one.mean((1, 2))) <= np.log(factors))
    assert 0.93 <= np.mean(inside) <= 0.99


def test_spread_by_hand():
    assert spread([1.0] * 10) == 0
    assert spread(np.linspace(1, 3, 11)) == pytest.approx((2.8 - 1.2) / 2)


def test_orders_and_targets():
    names = list('abcdef')
    assert order(names, 0) == names
    assert all(sorted(order(names, number)) == names for number in range(9))
    assert order(names, 3) == order(names, 3) != order(names, 4)
    assert [[target(rounds, process) for process in range(2)] for rounds in (6, 5, 2)] == [[3, 6], [3, 5], [1, 2]]
    assert target(1, 0) == 1
