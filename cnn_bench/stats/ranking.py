"""Whether two conditions rank the same networks alike: Kendall's tau, and pairs that changed places."""

import itertools
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


def tau(one: ArrayLike, other: ArrayLike) -> float:
    """Kendall's tau-b (1945) of two lists `(n,)`: 1 for the same order, -1 for the reverse; nan where it is unknown."""
    from scipy import stats  # imports for a second

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of one network, or of equal values, of which there is no order
        return float(stats.kendalltau(one, other).statistic)


def tau_of_means(
    one: Sequence[ArrayLike],
    other: Sequence[ArrayLike],
    level: float = LEVEL,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """`tau` of the means over seeds of each network, in two conditions, and the ends of its bootstrap interval.

    one, other: per network its values over seeds, of any number. Seeds are resampled within each network and condition,
    and the interval is the percentile one. It is nan where any network has a single seed; from three seeds, which give
    ten different resamples, it is rough. Noise mostly lowers tau, so that the interval may lie below the estimate.
    """
    samples = [np.asarray(values, dtype=float).ravel() for values in (*one, *other)]
    n = len(one)
    means = [values.mean() for values in samples]
    found = tau(means[:n], means[n:])
    if np.isnan(found) or min(values.size for values in samples) < 2:
        return found, np.nan, np.nan
    rng = np.random.default_rng(seed)
    drawn = np.stack([rng.choice(values, (resamples, values.size)).mean(axis=1) for values in samples], axis=1)
    taus = [tau(row[:n], row[n:]) for row in drawn]
    low, high = np.nanquantile(taus, [(1 - level) / 2, (1 + level) / 2])
    return found, float(low), float(high)


def changed_places(
    one: Sequence[ArrayLike], other: Sequence[ArrayLike], level: float = LEVEL
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs (i, j) of networks of which i has the lower mean in `one` and j in `other`; and those sure to have.

    Sure are pairs whose means differ in either condition by Tukey's honestly significant difference, which is
    simultaneous over all pairs of a condition at `level` and takes one variance for all networks. Where a network has a
    single seed, none is.
    """
    means = [[float(np.mean(values)) for values in condition] for condition in (one, other)]
    turned = [
        (i, j)
        for i, j in itertools.permutations(range(len(one)), 2)
        if means[0][i] < means[0][j] and means[1][i] > means[1][j]
    ]
    if not turned or min(np.size(values) for values in (*one, *other)) < 2:
        return turned, []
    from scipy import stats

    with np.errstate(divide='ignore', invalid='ignore'):  # no variance at all
        p = [stats.tukey_hsd(*condition).pvalue for condition in (one, other)]
    return turned, [(i, j) for i, j in turned if p[0][i, j] < 1 - level and p[1][i, j] < 1 - level]
