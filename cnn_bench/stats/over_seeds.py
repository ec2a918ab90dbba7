"""Intervals over seeds and the Pareto front."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


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


def pareto_front(cost: ArrayLike, error: ArrayLike) -> np.ndarray:
    """Boolean mask of the points that nothing beats: no other has at most their cost and at most their error, and
    less of one of the two.

    Ties: points equal in both stand on the front together or not at all; of two with equal cost only the one with
    less error can be on it. A point with a nan is never on it and beats none.
    """
    cost, error = np.asarray(cost, dtype=float), np.asarray(error, dtype=float)
    no_dearer = cost[:, None] <= cost
    no_worse = error[:, None] <= error
    better_in_one = (cost[:, None] < cost) | (error[:, None] < error)
    beaten = (no_dearer & no_worse & better_in_one).any(axis=0)
    return ~beaten & ~np.isnan(cost) & ~np.isnan(error)
