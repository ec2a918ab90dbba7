"""The Pareto front of cost against error, and the probability of being on it."""

import numpy as np
from numpy.typing import ArrayLike


def pareto_front(cost: ArrayLike, error: ArrayLike) -> np.ndarray:
    """Boolean mask of the points that no other point dominates, by having at most the same cost and error and less of
    one of them.

    Points equal in both are on the front together or not at all; of two with equal cost only the one with less error
    can be on it. A point with a nan is never on it and dominates none.
    """
    cost, error = np.asarray(cost, dtype=float), np.asarray(error, dtype=float)
    known = ~np.isnan(cost) & ~np.isnan(error)
    front = np.zeros(known.shape, dtype=bool)
    front[known] = _unbeaten(cost[known], error[known])
    return front


def front_probability(
    cost: ArrayLike, error_mean: ArrayLike, error_sd: ArrayLike, draws: int = 10_000, seed: int = 0
) -> np.ndarray:
    """Probability `(n,)` that each point is on the Pareto front, when its error is known only up to noise.

    It is the fraction of `draws` in which the point is on the front (`pareto_front`), with errors drawn from
    independent normal distributions; its standard error is at most 0.5 / sqrt(draws). `error_sd` is the standard error
    of each mean, s / sqrt(n) over seeds; 0 or nan: the error is exact. Costs are exact.

    Assumptions: means of few seeds are normal with the observed standard deviation (below about five seeds the tails
    are too light); errors are independent (runs that share seeds are not); no prior knowledge. It describes how
    certain the picture is and is not the level of a test: the best of many similar points is partly the luckiest. A
    point without cost or error has probability 0. Raises ValueError where the shapes differ or a standard deviation is
    negative.
    """
    cost, mean, sd = np.broadcast_arrays(*(np.asarray(values, dtype=float) for values in (cost, error_mean, error_sd)))
    if (sd < 0).any():
        raise ValueError('a standard deviation is negative')
    known = ~np.isnan(cost) & ~np.isnan(mean)
    noise = np.random.default_rng(seed).standard_normal((draws, cost.size))
    errors = mean + np.nan_to_num(sd) * noise
    probability = np.zeros(cost.shape)
    probability[known] = _unbeaten(cost[known], errors[:, known]).mean(axis=0)
    return probability


def _unbeaten(cost: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Mask of the points on the front for each row of `errors` `(..., n)` at one `cost` `(n,)`; no nan allowed.

    A point is on it if it is the best of its cost and better than all cheaper points: a running minimum in the order
    of cost.
    """
    if not cost.size:
        return np.zeros(errors.shape, dtype=bool)
    order = np.argsort(cost)
    _, starts, group = np.unique(cost[order], return_index=True, return_inverse=True)
    ordered = errors[..., order]
    best = np.minimum.reduceat(ordered, starts, axis=-1)
    best_cheaper = np.roll(np.minimum.accumulate(best, axis=-1), 1, axis=-1)
    best_cheaper[..., 0] = np.nan  # nothing is cheaper than the cheapest: no comparison with nan holds
    unbeaten = np.empty(errors.shape, dtype=bool)
    unbeaten[..., order] = (ordered <= best[..., group]) & ~(best_cheaper[..., group] <= ordered)
    return unbeaten
