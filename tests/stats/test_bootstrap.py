import tracemalloc

import numpy as np
import pytest
from scipy import stats as scipy_stats

from cnn_bench.stats import McNemar, bootstrap_difference, bootstrap_mean, mcnemar


def two_runs(both: int, only_one: int, only_other: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Which images each of two runs got right, in a random order that both share."""
    counts = [both, only_one, only_other, neither]
    order = np.random.default_rng(0).permutation(sum(counts))
    one, other = (np.repeat(kinds, counts)[order] for kinds in ([1, 1, 0, 0], [1, 0, 1, 0]))
    return one.astype(bool), other.astype(bool)


@pytest.mark.parametrize(
    ('only_one', 'only_other', 'p'),
    [  # statsmodels 0.15.0: mcnemar([[100, only_one], [only_other, 7]], exact=True).pvalue
        (9, 25, 0.00904118549078703),
        (3, 4, 1.0),
        (0, 5, 0.0625),
        (1, 0, 1.0),
        (120, 160, 0.019606727290281328),
    ],
)
def test_mcnemar_against_statsmodels(only_one, only_other, p):
    found = mcnemar(*two_runs(100, only_one, only_other, 7))
    assert (found.only_one_right, found.only_other_right) == (only_one, only_other)
    assert found.p == pytest.approx(p)


def test_mcnemar_by_hand():
    # 1 of 6: two-sided, twice the chance of 0 or 1 heads in 6 throws, 2 (1 + 6) / 64
    found = mcnemar([1, 0, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 1, 1])
    assert found == McNemar(1, 5, pytest.approx(14 / 64))


def test_runs_that_never_differ():
    assert mcnemar([1, 0, 1], [1, 0, 1]) == McNemar(0, 0, 1.0)
    assert mcnemar([], []) == McNemar(0, 0, 1.0)


@pytest.mark.parametrize('function', [mcnemar, bootstrap_difference])
def test_both_runs_need_the_same_images(function):
    with pytest.raises(ValueError, match='one entry per image'):
        function([True, False], [True, False, True])
    with pytest.raises(ValueError, match='one entry per image'):  # would broadcast
        function([True, False], [True])
    with pytest.raises(ValueError, match='right'):
        function([1, 0], [0.5, 1])
    with pytest.raises(ValueError, match='right'):
        function([1, 0], [np.nan, 1])


def binomial_interval(share: float, n: int, level: float) -> np.ndarray:
    """What the percentile bootstrap of a share tends to with many resamples."""
    return scipy_stats.binom.ppf([(1 - level) / 2, (1 + level) / 2], n, share) / n


@pytest.mark.parametrize('level', [0.8, 0.95])
def test_the_mean_of_right_and_wrong_is_a_binomial_share(level):
    wrong = np.arange(10_000) < 700
    mean, low, high = bootstrap_mean(wrong, level, resamples=20_000)
    assert mean == 0.07
    # s = 0.00255; an end of the interval is off by about 0.02 s
    assert (low, high) == pytest.approx(binomial_interval(0.07, 10_000, level), abs=0.1 * 0.00255)


def test_two_values_of_any_size():
    wrong = np.arange(500) < 60
    expected = [100 * value for value in bootstrap_mean(wrong)]
    assert bootstrap_mean(100.0 * wrong) == pytest.approx(expected)
    assert bootstrap_mean(np.where(wrong, 7.0, 3.0)) == pytest.approx([3 + 4 * value / 100 for value in expected])


def test_other_values_are_resampled_themselves():
    values = np.random.default_rng(3).exponential(2, 400)
    mean, low, high = bootstrap_mean(values, resamples=4000)
    means = np.random.default_rng(9).choice(values, (4000, 400)).mean(axis=1)
    se = values.std() / 20
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.2 * se)
    assert high - low == pytest.approx(2 * 1.96 * se, rel=0.06)


def test_two_ways_of_resampling_agree():
    wrong = (np.arange(300) < 40).astype(float)
    nearly = wrong.copy()
    nearly[-1] = 1e-7  # a third value, and so resampled by scipy
    assert bootstrap_mean(nearly) == pytest.approx(bootstrap_mean(wrong), abs=0.15 * 0.0196)


def test_resampling_many_images_fits_in_memory():
    values = np.random.default_rng(0).exponential(size=10_000)
    tracemalloc.start()
    bootstrap_mean(values, resamples=1000)  # 80 MB of values, and as much of indices, if all were drawn at once
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6


def test_the_same_seed_resamples_the_same():
    for values in (np.arange(1000) < 90, np.arange(50) ** 2):
        found = bootstrap_mean(values, resamples=100)
        assert found == bootstrap_mean(values, resamples=100)
        assert found != bootstrap_mean(values, resamples=100, seed=1)
    runs = two_runs(6000, 900, 1400, 300)
    found = bootstrap_difference(*runs, resamples=50)
    assert found == bootstrap_difference(*runs, resamples=50)
    assert found != bootstrap_difference(*runs, resamples=50, seed=1)


@pytest.mark.filterwarnings('error')
def test_means_of_little():
    assert np.isnan(bootstrap_mean([])).all()
    assert np.array_equal(bootstrap_mean([3]), (3, np.nan, np.nan), equal_nan=True)
    assert bootstrap_mean([0, 0, 0]) == (0, 0, 0)
    assert np.isnan(bootstrap_mean([1, np.nan, 0])).all()


def test_a_difference_against_resampled_images():
    one, other = two_runs(1500, 60, 110, 330)
    found = bootstrap_difference(one, other)
    assert found.mean == pytest.approx(100 * (60 - 110) / 2000)  # the other is right more often: less error
    assert found.n == 2000
    assert found.p == mcnemar(one, other).p

    def difference(one, other, axis):
        return 100 * (one.mean(axis=axis) - other.mean(axis=axis))

    resampled = scipy_stats.bootstrap(
        (one.astype(float), other.astype(float)),
        difference,
        paired=True,
        n_resamples=4000,
        batch=500,
        method='percentile',
        rng=np.random.default_rng(5),
    )
    se = 0.65  # per cent points: sqrt(170) / 2000
    assert (found.low, found.high) == pytest.approx(tuple(resampled.confidence_interval), abs=0.2 * se)
    assert found.high - found.low == pytest.approx(2 * 1.96 * se, rel=0.06)


def test_exchanging_the_runs_turns_the_difference_round():
    one, other = two_runs(1500, 60, 110, 330)
    there, back = bootstrap_difference(one, other), bootstrap_difference(other, one)
    assert (back.mean, back.p) == (-there.mean, there.p)
    assert (-back.high, -back.low) == pytest.approx((there.low, there.high), abs=0.13)


@pytest.mark.filterwarnings('error')
def test_differences_of_little():
    same = bootstrap_difference([1, 0, 1], [1, 0, 1])
    assert (same.mean, same.low, same.high, same.p, same.n) == (0, 0, 0, 1, 3)
    one = bootstrap_difference([1], [0])
    assert (one.mean, one.n) == (100, 1)
    assert np.isnan([one.low, one.high, one.p]).all()
    none = bootstrap_difference([], [])
    assert np.isnan([none.mean, none.low, none.high, none.p]).all()
    assert none.n == 0
