"""Error of single runs over test images: McNemar's test and bootstrap intervals.

The images are treated as a random sample of all images of their kind. Nothing here accounts for other seeds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from cnn_bench.stats.over_seeds import Difference

# Values resampled at a time (32 MB): thousands of resamples of 50,000 images at once would not fit into memory.
BATCH_VALUES = 2**22


@dataclass(frozen=True)
class McNemar:
    """How many images only one run got right, how many only the other, and the two-sided p-value for equal runs."""

    only_one_right: int
    only_other_right: int
    p: float


def mcnemar(right_one: ArrayLike, right_other: ArrayLike) -> McNemar:
    """McNemar's exact test (1947) of two runs, from which images `(n,)` each got right.

    If both were equally good, an image that only one got right would be due to either with probability 1/2: p is from
    the two-sided binomial test of these images, 1 where there are none. Images that both or neither got right do not
    count. Raises ValueError where the arrays differ in shape or hold anything but right (1) and wrong (0).
    """
    one, other = _paired_images(right_one, right_other)
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    discordant = only_one + only_other
    p = 2 * special.bdtr(min(only_one, only_other), discordant, 0.5)  # over 1 where both are equal
    return McNemar(only_one, only_other, min(1.0, float(p)))


def bootstrap_mean(
    values: ArrayLike, level: float = 0.95, resamples: int = 5000, seed: int = 0
) -> tuple[float, float, float]:
    """Mean of `values` `(n,)` and the ends of its percentile bootstrap interval (Efron 1979), in their unit.

    For the error, or loss, of one run over test images. Where there are only two distinct values (0 and 1, 0 and 100),
    the number of the second is drawn from a binomial distribution: the same at a thousandth of the work. If all values
    are equal, the interval is that one point: no error among n images gives 0 to 0, although up to about 3 / n would
    be no surprise. One value has no interval (nan), no value has nothing, a nan among them makes all nan.
    """
    values = np.asarray(values, dtype=float).ravel()
    n = values.size
    if n < 2 or np.isnan(values).any():
        return float(values.mean()) if n else np.nan, np.nan, np.nan
    mean, rng, kinds = float(values.mean()), np.random.default_rng(seed), np.unique(values)
    if kinds.size == 1:
        return mean, mean, mean
    if kinds.size == 2:
        first, second = kinds
        counts = rng.binomial(n, np.count_nonzero(values == second) / n, resamples)
        low, high = _middle(first + (second - first) * counts / n, level)
        return mean, low, high
    from scipy import stats  # imports for a second

    low, high = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=max(BATCH_VALUES // n, 1),
        confidence_level=level,
        method='percentile',
        rng=rng,
    ).confidence_interval
    return mean, float(low), float(high)


def bootstrap_difference(
    right_one: ArrayLike, right_other: ArrayLike, level: float = 0.95, resamples: int = 5000, seed: int = 0
) -> Difference:
    """Error of the other run minus error of the one, in points, on the same images `(n,)`.

    The interval is the percentile bootstrap over images, which keeps the results of both runs for an image together; p
    is from `mcnemar`, and `n` counts images. It shows how certainly these two sets of weights differ on further images
    of the same kind, and says nothing about other seeds: two runs of one recipe often differ by more than their
    interval, so a difference between recipes needs `paired_difference` over runs.

    Runs that are right on the same images have the interval 0 to 0; fewer than two images have none (nan). Raises
    ValueError as `mcnemar` does.
    """
    one, other = _paired_images(right_one, right_other)
    n = one.size
    if n == 0:
        return Difference(np.nan, np.nan, np.nan, np.nan, 0)
    test = mcnemar(one, other)
    mean = 100 * (test.only_one_right - test.only_other_right) / n
    if n == 1:
        return Difference(mean, np.nan, np.nan, np.nan, 1)
    # An image adds 1, -1 or 0 to the difference: resampling images is drawing how many of n add each.
    kinds = np.array([test.only_one_right, test.only_other_right, n - test.only_one_right - test.only_other_right])
    counts = np.random.default_rng(seed).multinomial(n, kinds / n, resamples)
    low, high = _middle(100 * (counts[:, 0] - counts[:, 1]) / n, level)
    return Difference(mean, low, high, test.p, n)


def _paired_images(right_one: ArrayLike, right_other: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.asarray(right_one), np.asarray(right_other)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f'both runs need one entry per image: {one.shape} and {other.shape}')
    for right in (one, other):
        if not ((right == 0) | (right == 1)).all():
            raise ValueError('an image is right (1, True) or wrong (0, False)')
    return one.astype(bool), other.astype(bool)


def _middle(draws: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
