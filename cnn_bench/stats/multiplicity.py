"""p-values adjusted for many comparisons."""

import numpy as np
from numpy.typing import ArrayLike


def holm(p_values: ArrayLike) -> np.ndarray:
    """The p-values `(n,)` adjusted after Holm (1979), in the order given.

    If all below alpha are called significant, the probability of any false positive is at most alpha, however the
    comparisons depend on one another. The k-th smallest of m becomes the largest of (m - i + 1) p_i over i <= k, at
    most 1. A nan stays nan and does not count as a comparison. Raises ValueError where a p-value is outside 0 to 1.
    """
    p_values = np.asarray(p_values, dtype=float)
    known = ~np.isnan(p_values)
    values = p_values[known]
    if ((values < 0) | (values > 1)).any():
        raise ValueError(f'p-values lie between 0 and 1: {values.min()} to {values.max()}')
    order = np.argsort(values)
    steps = np.maximum.accumulate(np.arange(values.size, 0, -1) * values[order])
    adjusted = np.full(p_values.shape, np.nan)
    values[order] = np.minimum(steps, 1)
    adjusted[known] = values
    return adjusted
