import numpy as np
import pytest
from scipy import stats as scipy_stats

from cnn_bench import stats


def test_the_line_is_scipys():
    rng = np.random.default_rng(1)
    x = rng.uniform(1, 20, 14)
    y = 3 + 0.5 * x + rng.normal(0, 1, 14)
    found, expected = stats.fit_line(x, y), scipy_stats.linregress(x, y)
    assert found.slope.value == pytest.approx(expected.slope)
    assert found.intercept.value == pytest.approx(expected.intercept)
    assert found.r2.value == pytest.approx(expected.rvalue**2)
    assert found.n == 14


def test_intervals_are_scipys_bootstrap_of_pairs():
    rng = np.random.default_rng(2)
    x = rng.uniform(1, 20, 30)
    y = 3 + 0.5 * x + rng.normal(0, 1, 30)
    for part, name in ((0, 'slope'), (1, 'intercept')):
        expected = scipy_stats.bootstrap(
            (x, y), lambda a, b, part=part: np.polyfit(a, b, 1)[part], n_resamples=3000, rng=3,
            paired=True, vectorized=False, method='percentile',
        ).confidence_interval  # fmt: skip
        found = getattr(stats.fit_line(x, y), name)
        width = expected.high - expected.low
        assert found.low == pytest.approx(expected.low, abs=0.1 * width)
        assert found.high == pytest.approx(expected.high, abs=0.1 * width)


def test_the_interval_of_the_slope_covers_it():
    rng, covered = np.random.default_rng(4), 0
    for seed in range(200):
        x = rng.uniform(0, 10, 25)
        found = stats.fit_line(x, 2 + 1.3 * x + rng.normal(0, 1, 25), resamples=500, seed=seed).slope
        covered += found.low <= 1.3 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_exact_points_and_too_few():
    exact = stats.fit_line([1, 2, 4, 8], [5, 7, 11, 19])
    for estimate, value in ((exact.slope, 2), (exact.intercept, 3), (exact.r2, 1)):
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx((value, value, value))
    assert np.isnan(stats.fit_line([1, 2], [1, 2]).slope.low)
    assert np.isnan(stats.fit_line([3, 3, 3], [1, 2, 3]).slope.value)
    flat = stats.fit_line([1, 2, 3], [7.3, 7.3, 7.3])
    assert flat.slope.value == pytest.approx(0)
    assert np.isnan(flat.r2.value)
    with pytest.raises(ValueError, match='finite'):
        stats.fit_line([1, 2, np.nan], [1, 2, 3])
    with pytest.raises(ValueError, match='one x and one y'):
        stats.fit_line([1, 2], [1, 2, 3])


@pytest.mark.parametrize('of_x', [np.log, np.reciprocal, np.asarray])
def test_leave_one_out_refits_without_each_point(of_x):
    rng = np.random.default_rng(5)
    x, y = rng.uniform(1, 9, 8), rng.normal(70, 5, 8)
    expected = []
    for i in range(8):
        kept = np.delete(np.arange(8), i)
        slope, intercept = np.polyfit(of_x(x[kept]), y[kept], 1)
        expected.append(y[i] - intercept - slope * of_x(x[i]))
    assert stats.leave_one_out(x, y, of_x) == pytest.approx(expected)


def test_a_point_that_alone_determines_the_line_has_no_residual():
    found = stats.leave_one_out([1.0, 1.0, 1.0, 5.0], [1.0, 2.0, 3.0, 9.0], np.asarray)
    assert np.isnan(found[3])
    assert found[:3] == pytest.approx([-1.5, 0, 1.5])
