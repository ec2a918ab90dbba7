"""Two factors crossed, as recipes and networks: how much of the variance of the errors is due to which."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cnn_bench.stats.regression import Estimate


@dataclass(frozen=True)
class Shares:
    """Shares of the variance, which add up to 1: of the first factor, the second, what their levels do in combination
    beyond that (the interaction), and of seeds."""

    first: Estimate
    second: Estimate
    interaction: Estimate
    seeds: Estimate


def variance_shares(values: ArrayLike, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Shares:
    """Shares of the sum of squares of `values` `(a, b, n)`: a and b levels of the two factors, n seeds of each pair.

    The balanced analysis of variance of two factors (Fisher 1925); shares are eta squared. Value i of all pairs has
    the same seed, and the percentile bootstrap draws seeds (Efron 1979): from few seeds it is rough, and the share of
    seeds is too small in it. With one seed its noise is in the interaction, and there are no intervals (nan). Where all
    values are equal, all is nan. Raises ValueError for another shape, a factor of one level, or a nan.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 3 or min(values.shape[:2]) < 2 or not values.size or np.isnan(values).any():
        raise ValueError(f'need known values (levels, levels, seeds), two levels of each factor, not {values.shape}')
    whole, n = _shares(values), values.shape[2]
    if n < 2 or np.isnan(whole[0]):
        return Shares(*(Estimate(float(share), np.nan, np.nan) for share in whole))
    drawn = np.random.default_rng(seed).integers(n, size=(resamples, n))
    draws = np.array([_shares(values[:, :, seeds]) for seeds in drawn])
    ends = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Shares(*(Estimate(*map(float, found)) for found in zip(whole, *ends, strict=True)))


def _shares(values: np.ndarray) -> np.ndarray:
    """The four shares of values `(a, b, n)`."""
    cells, mean = values.mean(2), values.mean()
    first, second = cells.mean(1, keepdims=True) - mean, cells.mean(0, keepdims=True) - mean
    both = cells - mean - first - second
    n = values.shape[2]
    squares = [n * (part**2 * np.ones_like(cells)).sum() for part in (first, second, both)]
    squares.append(((values - cells[:, :, None]) ** 2).sum())
    total = sum(squares)
    return np.array(squares) / total if total > 1e-18 * max(1.0, mean**2) else np.full(4, np.nan)
