"""Pooling over windows, with a faster gradient of the maximum on CPUs."""

from functools import cache, partial, reduce

import jax.numpy as jnp
import numpy as np
from jax import lax

from cnn_bench.models.fast_ops.operation import Operation, apply
from cnn_bench.models.fast_ops.windows import NO_PADS, Pads, Pair, spread, views

CACHED = 2**20  # numbers; larger arrays are read once for each tap from memory


def max_over_windows(x, window: Pair, strides: Pair, pads: Pads):
    """Maximum of x (n, h, w, c) over windows, padded with minus infinity."""
    return apply(_max_pool(window, strides, pads), x)


@cache
def _max_pool(window: Pair, strides: Pair, pads: Pads) -> Operation:
    fields = {'window': window, 'strides': strides, 'pads': pads}
    operations = (_reduce_max, _share_among_maxima, _max_on_cpu)
    return Operation(*(partial(operation, **fields) for operation in operations))


def _reduce_max(x, *, window, strides, pads):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)))


def _max_on_cpu(x, *, window, strides, pads):
    if strides != (1, 1) and x.size > CACHED:
        return _reduce_max(x, window=window, strides=strides, pads=pads)
    return reduce(jnp.maximum, views(x, window, strides, pads, -jnp.inf))


def _share_among_maxima(g, x, *, window, strides, pads):
    """Share the gradient g of each output equally among the pixels of its window that equal the maximum."""
    g, x = lax.optimization_barrier((g, x))
    seen = list(views(x, window, strides, pads, -jnp.inf))
    top = reduce(jnp.maximum, seen)
    share = g / jnp.maximum(sum((view == top).astype(g.dtype) for view in seen), 1)
    around = lax.optimization_barrier(tuple(spread(y, x.shape[1:3], window, strides, pads) for y in (top, share)))
    pairs = zip(*(views(y, window, (1, 1), NO_PADS, 0) for y in around), strict=True)
    return (sum(jnp.where(x == maximum, part, 0) for maximum, part in pairs),)


def mean_over_windows(x, window: Pair, strides: Pair, pads: Pads):
    """Mean of x (n, h, w, c) over windows, not counting padding."""
    total = lax.reduce_window(x, 0.0, lax.add, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)))
    axes = zip(x.shape[1:3], total.shape[1:3], window, strides, pads, strict=True)
    rows, columns = (_taps_inside(*axis) for axis in axes)
    return total / jnp.asarray(np.outer(rows, columns)[:, :, None], x.dtype)


def _taps_inside(size: int, outputs: int, taps: int, stride: int, pad: Pair) -> np.ndarray:
    first = np.arange(outputs) * stride - pad[0]
    return np.minimum(first + taps, size) - np.maximum(first, 0)
