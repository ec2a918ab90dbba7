"""Straight lines through points, each of another network: the fit, how much it explains, and intervals over points.

The points are treated as a random sample of all networks of their kind, and resampled as pairs, so that neither equal
nor normal errors are assumed. A resample whose points all lie at one x has no line and is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Estimate:
    """A number and its interval; `low` and `high` are nan where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """y = intercept + slope * x by least squares, the share of variance `r2` that it explains, and n points."""

    slope: Estimate
    intercept: Estimate
    r2: Estimate
    n: int


def fit_line(x: ArrayLike, y: ArrayLike, level: float = 0.95, resamples: int = 5000, seed: int = 0) -> Line:
    """The least-squares line through points x, y `(n,)`, with percentile bootstrap intervals over points (Efron 1979).

    All is nan with fewer than two distinct x; there are no intervals with fewer than three. Where all y are equal, r2
    is nan: there is no variance to explain. Raises ValueError for arrays of different or other than one dimension, or
    a value that is not finite.
    """
    x, y = _points(x, y)
    n = x.size
    whole = [float(found) for found in _line(x, y)]
    if n < 3 or np.isnan(whole[0]):
        return Line(*(Estimate(value, np.nan, np.nan) for value in whole), n)
    drawn = np.random.default_rng(seed).integers(n, size=(resamples, n))
    ends = [_middle(draws, level) for draws in _line(x[drawn], y[drawn])]
    return Line(*(Estimate(value, *end) for value, end in zip(whole, ends, strict=True)), n)


def leave_one_out(x: ArrayLike, y: ArrayLike, of_x: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Residuals `(n,)` of each point from the line y = a + b * of_x(x) through all the others.

    Computed from one fit: a residual divided by 1 - its leverage, which is exact for least squares. A point without
    which no line is determined has nan.
    """
    x, y = _points(x, y)
    design = np.stack([np.ones_like(x), of_x(x)], axis=1)
    hat = design @ np.linalg.pinv(design)
    free = 1 - np.diag(hat)
    return np.where(free > 1e-12, (y - hat @ y) / np.maximum(free, 1e-12), np.nan)


def _points(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f'points need one x and one y each: {x.shape} and {y.shape}')
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError('points need finite coordinates')
    return x, y


def _line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope, intercept and r2 along the last axis."""
    mean_x, mean_y = x.mean(-1, keepdims=True), y.mean(-1, keepdims=True)
    in_x, in_y = ((x - mean_x) ** 2).sum(-1), ((y - mean_y) ** 2).sum(-1)
    both = ((x - mean_x) * (y - mean_y)).sum(-1)
    with np.errstate(divide='ignore', invalid='ignore'):
        slope = np.where(_varies(in_x, x), both / in_x, np.nan)
        r2 = np.where(_varies(in_y, y), slope * both / in_y, np.nan)
    return slope, mean_y[..., 0] - slope * mean_x[..., 0], r2


def _varies(squares: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Whether a sum of squared deviations is more than the rounding of the values."""
    return squares > 1e-20 * (values**2).sum(-1)


def _middle(draws: np.ndarray, level: float) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if not known.size:
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
