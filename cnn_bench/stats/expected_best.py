"""What more tuning would have brought: the expected best of n trials."""

import numpy as np
from numpy.typing import ArrayLike


def expected_minimum(values: ArrayLike) -> np.ndarray:
    """The expected least of n draws from `values` `(N,)` with replacement, for n = 1 to N `(N,)`.

    Dodge et al. 2019, "Show Your Work" (arXiv 1909.03004), equation 1 for errors instead of accuracies: with the
    values in ascending order, the least of n draws is value i with probability ((N - i + 1) / N)^n - ((N - i) / N)^n.
    For n = 1 it is the mean, and it never rises with n. It describes the trials at hand, taken as draws at random from
    all that might have been made; near n = N it is too high, since the best value may not be among the draws.

    A nan is a trial without a value, which counts as the greatest of the others: it takes a draw and is never the best.
    No value gives nothing.
    """
    values = np.asarray(values, dtype=float).ravel()
    if np.isnan(values).all():
        return np.full(values.size, np.nan)
    ordered = np.sort(np.nan_to_num(values, nan=np.nanmax(values)))
    count = ordered.size
    n = np.arange(1, count + 1)[:, None]
    at_least = (np.arange(count, -1, -1) / count) ** n  # [n, i]: that all n draws are among the count - i greatest
    return (at_least[:, :-1] - at_least[:, 1:]) @ ordered
