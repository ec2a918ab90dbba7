import numpy as np
import pytest
from scipy import stats as scipy_stats

from cnn_bench.stats import Difference, mean_ci, paired_difference


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


def as_tuple(difference: Difference) -> tuple[float, float, float, float]:
    return difference.mean, difference.low, difference.high, difference.p


ONE, OTHER = [7.0, 7.4, 6.9, 7.2, 7.1], [7.31, 7.52, 6.82, 7.64, 7.37]  # 0.31, 0.12, -0.08, 0.44, 0.27


def test_a_paired_difference_by_hand():
    # differences 1, 2, 3: mean 2, s = 1; t = 2 sqrt(3) with 2 degrees of freedom, p = 1 - t / sqrt(t^2 + 2)
    found = paired_difference([10, 20, 30], [11, 22, 33])
    half_width = 4.302653 / np.sqrt(3)
    assert as_tuple(found) == pytest.approx((2, 2 - half_width, 2 + half_width, 1 - np.sqrt(12 / 14)), rel=1e-6)
    assert found.n == 3


def test_a_paired_difference_against_statsmodels():
    # statsmodels 0.15.0: DescrStatsW(differences).tconfint_mean(0.05), .ttest_mean(0)
    found = paired_difference(ONE, OTHER)
    assert as_tuple(found) == pytest.approx((0.212, -0.0353063053, 0.4593063053, 0.0759834657))


def test_bonferroni_widens_the_interval_and_leaves_p():
    # statsmodels 0.15.0: DescrStatsW(differences).tconfint_mean(0.05 / 4)
    found = paired_difference(ONE, OTHER, comparisons=4)
    assert as_tuple(found) == pytest.approx((0.212, -0.1723193745, 0.5963193745, 0.0759834657))


@pytest.mark.parametrize('level', [0.8, 0.99])
def test_a_paired_difference_against_scipy(level):
    rng = np.random.default_rng(2)
    one, other = rng.normal(12, 0.7, (2, 6))
    test = scipy_stats.ttest_rel(other, one)
    expected = (np.mean(other - one), *test.confidence_interval(level), test.pvalue)
    assert as_tuple(paired_difference(one, other, level)) == pytest.approx(expected)


def test_what_seeds_do_to_both_is_taken_out():
    seeds = np.array([0, 30, 5, 17])
    assert as_tuple(paired_difference(seeds + ONE[:4], seeds + OTHER[:4])) == pytest.approx(
        as_tuple(paired_difference(ONE[:4], OTHER[:4]))
    )


@pytest.mark.filterwarnings('error')
def test_too_few_pairs():
    assert np.array_equal(as_tuple(paired_difference([2], [5])), (3, np.nan, np.nan, np.nan), equal_nan=True)
    assert np.isnan(as_tuple(paired_difference([], []))).all()
    assert [paired_difference(values, values).n for values in ([], [2])] == [0, 1]


@pytest.mark.filterwarnings('error')
def test_a_nan_makes_all_unknown():
    found = paired_difference([1, 2, np.nan], [2, 4, 3])
    assert np.isnan(as_tuple(found)).all()
    assert found.n == 3


@pytest.mark.filterwarnings('error')
def test_differences_that_are_all_equal():
    assert as_tuple(paired_difference([1, 2, 3], [1.5, 2.5, 3.5])) == (0.5, 0.5, 0.5, 0)
    assert as_tuple(paired_difference([1, 2, 3], [1, 2, 3])) == (0, 0, 0, 1)
    # the same errors, summed in another order: no difference but rounding
    one, other = [0.1 + 0.2, 0.7, 0.6 + 0.3], [0.3, 0.1 + 0.6, 0.9]
    assert np.ptp(np.subtract(other, one)) > 0
    assert paired_difference(one, other).p == 1


def test_pairs_need_two_sides_and_a_level():
    with pytest.raises(ValueError, match='equally many values'):
        paired_difference([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match='equally many values'):  # would broadcast
        paired_difference([1, 2], [1])
    for wrong in ({'level': 0}, {'level': 95}, {'comparisons': 0}):
        with pytest.raises(ValueError, match='level between'):
            paired_difference(ONE, OTHER, **wrong)
