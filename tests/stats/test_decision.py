import numpy as np
import pytest
from scipy import integrate
from scipy import stats as scipy_stats

from cnn_bench.stats import CONTRADICTED, SUPPORTED, UNDECIDED, decide

DIFFERENCES = [0.31, 0.12, -0.08, 0.44, 0.27]  # mean 0.212, s = 0.199; 95 %: -0.035 to 0.459; 80 %: 0.075 to 0.349


def of(mean: float, sd: float, n: int = 6) -> np.ndarray:
    """`n` values of just that mean and standard deviation."""
    values = np.random.default_rng(n).normal(size=n)
    return mean + sd * (values - values.mean()) / values.std(ddof=1)


@pytest.mark.parametrize(
    ('by', 'level', 'state'),
    [
        (0, 0.95, UNDECIDED),
        (0, 0.8, SUPPORTED),
        (0.07, 0.8, SUPPORTED),
        (0.08, 0.8, UNDECIDED),
        (0.34, 0.8, UNDECIDED),
        (0.36, 0.8, CONTRADICTED),
        (-0.03, 0.95, UNDECIDED),
        (-0.04, 0.95, SUPPORTED),
        (0.45, 0.95, UNDECIDED),
        (0.46, 0.95, CONTRADICTED),
    ],
)
def test_the_interval_decides(by, level, state):
    assert decide(DIFFERENCES, by, level).state == state


def test_many_comparisons_decide_less():
    # 1 - 0.05 / 4: -0.172 to 0.596
    assert decide(DIFFERENCES, by=-0.1).state == SUPPORTED
    assert decide(DIFFERENCES, by=-0.1, comparisons=4).state == UNDECIDED
    assert decide(DIFFERENCES, by=-0.18, comparisons=4).state == SUPPORTED


def test_the_difference_is_tested_against_the_claim():
    # statsmodels 0.15.0: DescrStatsW(differences).tconfint_mean(0.05), .ttest_mean(0.1)
    found = decide(DIFFERENCES, by=0.1).difference
    assert (found.mean, found.low, found.high) == pytest.approx((0.212, -0.0353063053, 0.4593063053))
    assert found.p == pytest.approx(0.2770174830)
    assert found.n == 5


@pytest.mark.parametrize(
    ('effect', 'comparisons', 'seeds'),
    [  # statsmodels 0.15.0: TTestPower().solve_power(effect, alpha=0.05 / comparisons, power=0.8), rounded up
        (0.5, 1, 34),  # 33.37
        (1.0, 1, 10),  # 9.94
        (1.5, 6, 9),  # 8.94
        (0.3, 1, 90),  # 89.15
        (3.0, 1, 4),  # 3.14
        (0.8, 5, 22),  # 21.63
    ],
)
def test_seeds_needed_against_statsmodels(effect, comparisons, seeds):
    assert decide(of(effect, 1), comparisons=comparisons).seeds_needed == seeds
    assert decide(of(7 - 0.2 * effect, 0.2), by=7, comparisons=comparisons).seeds_needed == seeds


@pytest.mark.parametrize(
    ('seeds', 'comparisons', 'effect'),
    [  # statsmodels 0.15.0: TTestPower().solve_power(nobs=seeds, alpha=0.05 / comparisons, power=0.8)
        (4, 1, 2.1279493431921157),
        (6, 6, 2.1973037296825026),
        (20, 1, 0.6604416544380312),
    ],
)
def test_the_effect_that_just_needs_so_many_seeds(seeds, comparisons, effect):
    assert decide(of(1.0001 * effect, 1), comparisons=comparisons).seeds_needed == seeds
    assert decide(of(0.9999 * effect, 1), comparisons=comparisons).seeds_needed == seeds + 1


def power(effect: float, n: int, level: float) -> float:
    """P(t > critical) by integrating over the chi-square law of the sample's variance."""
    critical = scipy_stats.t.ppf((1 + level) / 2, n - 1)

    def given(chi2):
        return scipy_stats.norm.sf(critical * np.sqrt(chi2 / (n - 1)) - effect * np.sqrt(n))

    return integrate.quad(lambda x: given(x) * scipy_stats.chi2.pdf(x, n - 1), 0, np.inf, limit=200)[0]


@pytest.mark.parametrize(('effect', 'level'), [(0.6, 0.95), (1.2, 0.99), (2.5, 0.95), (0.4, 0.8)])
def test_seeds_needed_by_integration(effect, level):
    seeds = decide(of(effect, 1), level=level).seeds_needed
    assert power(effect, seeds, level) >= 0.8 > power(effect, seeds - 1, level)


def test_seeds_needed_may_be_fewer_or_more_than_there_are():
    found = decide(of(3, 1, n=12))
    assert (found.state, found.seeds_needed) == (SUPPORTED, 4)
    found = decide(of(0.5, 1, n=12))
    assert (found.state, found.seeds_needed) == (UNDECIDED, 34)


def test_where_no_number_of_seeds_can_be_told():
    assert decide(of(0.5, 1), most_seeds=34).seeds_needed == 34
    assert decide(of(0.5, 1), most_seeds=33).seeds_needed is None
    assert decide(of(0.5, 1), most_seeds=1).seeds_needed is None
    assert decide(of(0.5, 1), by=0.5).seeds_needed is None
    assert decide([0.5]).seeds_needed is None


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('differences', [[], [5.0], [5.0, np.nan]])
def test_too_little_is_undecided(differences):
    found = decide(differences, by=0.1)
    assert (found.state, found.seeds_needed, found.difference.n) == (UNDECIDED, None, len(differences))


@pytest.mark.filterwarnings('error')
def test_seeds_that_all_say_the_same():
    found = decide([0.5, 0.5, 0.5], by=0.2, comparisons=1000)
    assert (found.state, found.seeds_needed, found.difference.p) == (SUPPORTED, 2, 0)
    assert decide([5e3, 5e3]).seeds_needed == 2  # 5e12 of the least standard deviations
    assert decide([0.1, 0.1], by=0.2).state == CONTRADICTED
    assert decide([0.2, 0.2], by=0.2).state == UNDECIDED
    # 5.3 - 5.2 is a little less than 0.1, 1.1 - 1.0 a little more
    assert 5.3 - 5.2 < 0.1 < 1.1 - 1.0
    for nearly in (5.3 - 5.2, 1.1 - 1.0):
        found = decide([nearly, nearly, nearly], by=0.1)
        assert (found.state, found.seeds_needed, found.difference.p) == (UNDECIDED, None, 1)


def test_no_level():
    with pytest.raises(ValueError, match='level between'):
        decide([0.5], level=95)
