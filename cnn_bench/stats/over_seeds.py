"""Means and differences over runs that differ in their seed, with Student t intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

# Values are errors in per cent or of like size. What is closer than this differs by the rounding of float64 alone:
# 5.3 - 5.2 is not 0.1, and must not be found to be surely less.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Difference:
    """A mean difference, its interval from `low` to `high`, the two-sided p-value, and how many pairs it rests on.

    In the unit of the values. What cannot be known from so few pairs is nan.
    """

    mean: float
    low: float
    high: float
    p: float
    n: int


def mean_ci(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Mean of `values` and the half-width of its two-sided Student t interval: t(level, n - 1) * s / sqrt(n).

    The values are taken as independent and roughly normal, as errors over seeds are. One value has a mean and no
    interval (nan); no value at all has neither.
    """
    values = np.asarray(values, dtype=float)
    n = values.size
    if n == 0:
        return np.nan, np.nan
    if n == 1:
        return float(values.mean()), np.nan
    half_width = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return float(values.mean()), float(half_width)


def paired_difference(one: ArrayLike, other: ArrayLike, level: float = 0.95, comparisons: int = 1) -> Difference:
    """Mean of `other - one`, where values at one position share a seed, with its Student t interval.

    Pairing takes out what a seed does to both. The differences are taken as independent and roughly normal. The
    interval is one of `comparisons` that all hold at once with probability `level` (Bonferroni: each has the level
    1 - (1 - level) / comparisons); p is that of this comparison alone, for no difference (paired t test), unadjusted:
    see `holm`.

    One pair has a mean and nothing else, no pair has nothing, and a nan among the values makes all four nan.
    Differences that are all equal have the interval of that one point, and p = 0, or 1 if they are 0. That is what
    the formula gives, and it says too much of two or three runs whose errors are coarse or whose seed was not used.
    Raises ValueError where the shapes differ or a level or a count of comparisons is none.
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if one.shape != other.shape:
        raise ValueError(f'pairs need as many values on either side: {one.shape} and {other.shape}')
    return mean_difference(other - one, level, comparisons)


def mean_difference(differences: ArrayLike, level: float = 0.95, comparisons: int = 1, null: float = 0.0) -> Difference:
    """`paired_difference` of differences that are already taken; p is for a true mean of `null`."""
    if not (0 < level < 1 and comparisons >= 1):
        raise ValueError(f'a level between 0 and 1 and at least one comparison, not {level} and {comparisons}')
    differences = np.asarray(differences, dtype=float).ravel()
    n = differences.size
    if n < 2:
        return Difference(float(differences[0]) if n else np.nan, np.nan, np.nan, np.nan, n)
    mean = float(differences.mean())
    if differences.std(ddof=1) < ROUNDING:
        return Difference(mean, mean, mean, float(abs(mean - null) < ROUNDING), n)
    test = stats.ttest_1samp(differences, null)
    low, high = test.confidence_interval(1 - (1 - level) / comparisons)
    return Difference(mean, float(low), float(high), float(test.pvalue), n)
