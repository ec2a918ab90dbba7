"""Means and differences over seeds, with Student t intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

# Values are errors in per cent or similar. A smaller difference is rounding of float64: 5.3 - 5.2 is not exactly 0.1
# and must not count as surely less.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Difference:
    """A mean difference, its interval from `low` to `high`, the two-sided p-value, and the number n of pairs.

    In the unit of the values. What too few pairs leave unknown is nan.
    """

    mean: float
    low: float
    high: float
    p: float
    n: int


def mean_ci(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Mean of `values` and the half-width of its two-sided Student t interval: t(level, n - 1) * s / sqrt(n).

    Assumes independent and roughly normal values, as errors over seeds are. One value has a mean but no interval
    (nan); no value has neither.
    """
    values = np.asarray(values, dtype=float)
    n = values.size
    if n == 0:
        return np.nan, np.nan
    if n == 1:
        return float(values.mean()), np.nan
    return float(values.mean()), _half_width(values, level)


def paired_difference(one: ArrayLike, other: ArrayLike, level: float = 0.95, comparisons: int = 1) -> Difference:
    """Mean of `other - one`, where values at one position share a seed, with its Student t interval.

    Pairing removes what a seed does to both. Assumes independent and roughly normal differences. The interval is one
    of `comparisons` that hold simultaneously with probability `level` (Bonferroni: each has the level
    1 - (1 - level) / comparisons); p is of this comparison alone, for no difference (paired t test), unadjusted: see
    `holm`.

    One pair has a mean and nothing else, no pair has nothing, and a nan among the values makes all four nan. If all
    differences are equal, the interval is that one point and p = 0, or 1 if they are 0. That follows from the formula,
    but is too certain for two or three runs with coarse errors or an unused seed. Raises ValueError where the shapes
    differ, the level is outside 0 to 1, or there is less than one comparison.
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if one.shape != other.shape:
        raise ValueError(f'pairs need equally many values on both sides: {one.shape} and {other.shape}')
    return mean_difference(other - one, level, comparisons)


def mean_difference(differences: ArrayLike, level: float = 0.95, comparisons: int = 1, null: float = 0.0) -> Difference:
    """`paired_difference` from the differences themselves; p is for a true mean of `null`."""
    if not (0 < level < 1 and comparisons >= 1):
        raise ValueError(f'need a level between 0 and 1 and at least one comparison, not {level} and {comparisons}')
    differences = np.asarray(differences, dtype=float).ravel()
    n = differences.size
    if n < 2:
        return Difference(float(differences[0]) if n else np.nan, np.nan, np.nan, np.nan, n)
    mean = float(differences.mean())
    if differences.std(ddof=1) < ROUNDING:
        return Difference(mean, mean, mean, float(abs(mean - null) < ROUNDING), n)
    half = _half_width(differences, 1 - (1 - level) / comparisons)
    t = abs(mean - null) / (differences.std(ddof=1) / np.sqrt(n))
    return Difference(mean, mean - half, mean + half, float(2 * special.stdtr(n - 1, -t)), n)


def _half_width(values: np.ndarray, level: float) -> float:
    n = len(values)  # scipy.special's t distribution: importing scipy.stats takes a second
    return float(special.stdtrit(n - 1, (1 + level) / 2) * values.std(ddof=1) / np.sqrt(n))
