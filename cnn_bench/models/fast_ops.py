"""Convolution, pooling and local response normalisation, faster on CPUs than XLA's own.

All networks use them. On other devices they are XLA's own, and on a CPU too unless XLA is slow there. Speed-ups in CPU
time on two cores, batch 64, as printed by `benchmarks/fast_ops.py` for shapes from the networks here:

    convolution in 2 groups, as two convolutions                                   4 to 9, with gradients
    3x3 depthwise convolution, as nine shifted multiply-adds                       8 to 12, with gradients
    gradient of a 3x3 max pool with stride 1 or 2, as nine comparisons             5 and 3
    gradients of a 1x1 convolution, as matrix products                             2 to 4
    gradients of a larger convolution, the kernel's in chunks of a few images      1 to 2
    gradient of local response normalisation, without a power for each tap         5

For a kernel's gradient, XLA unfolds the input (im2col) and is slow if the result exceeds the cache; `images_per_chunk`
sets the number of images that it gets at a time, the whole batch if feature maps are small. Matrix products over
shifted slices of the input need no unfolding but were slower at most shapes.

Results agree up to rounding, except that on a CPU the gradient of max pooling is shared among equal maxima; elsewhere
the first gets it all. The cost counter, which walks the jaxpr, still sees every convolution and pooling window.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnn_bench.errors import UserError

NHWC = ('NHWC', 'HWIO', 'NHWC')
FEW_GROUPS = 4
UNFOLDED_SIZE, CHUNK_OUTPUTS, MAX_CHUNKS = 2**20, 2**13, 16  # for a kernel's gradient, see `images_per_chunk`
Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADS: Pads = ((0, 0), (0, 0))


def check_fits(spatial: tuple[int, ...], window: tuple[int, ...], pads: Pads) -> None:
    """Raise UserError if the `window` does not fit into a padded feature map of size `spatial`."""
    if any(size + sum(pad) < taps for size, taps, pad in zip(spatial, window, pads, strict=True)):
        kernel, left = ('x'.join(map(str, sizes)) for sizes in (window, spatial))
        raise UserError(f'the image is too small, a {kernel} window does not fit into the {left} map left of it')


# --- One operation with several implementations.

_DISABLED = ContextVar('fast_ops_disabled', default=False)


@contextmanager
def disabled() -> Iterator[None]:
    """Trace networks with Linen's and XLA's own operations, for comparison or debugging.

    A compiled function keeps the operations that it was traced with, so use a separate `jax.jit` inside.
    """
    token = _DISABLED.set(True)
    try:
        yield
    finally:
        _DISABLED.reset(token)


def are_disabled() -> bool:
    """Whether the code runs inside `disabled`."""
    return _DISABLED.get()


class Operation(NamedTuple):
    """An operation by XLA, its gradient on CPUs and, if given, the operation itself on CPUs."""

    xla: Callable  # (*args) -> result
    cpu_gradient: Callable  # (g, *args) -> a gradient for each of args
    cpu: Callable | None = None


def _apply(op: Operation, *args):
    return op.xla(*args) if are_disabled() else _by_platform(op, *args)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _by_platform(op, *args):
    if op.cpu is None:
        return op.xla(*args)
    return lax.platform_dependent(*args, cpu=op.cpu, default=op.xla)


def _gradient(op, args, g):
    return lax.platform_dependent(g, *args, cpu=op.cpu_gradient, default=_pullback(op.xla))


_by_platform.defvjp(lambda op, *args: (_by_platform(op, *args), args), _gradient)


@cache  # here and below: JAX finds compiled functions by identity
def _pullback(function: Callable) -> Callable:
    return lambda g, *args: jax.vjp(function, *args)[1](g)


# --- Windows as shifted views of the input, and back.


def _views(x, window: Pair, strides: Pair, pads: Pads, fill):
    """The padded x as seen by each tap of the window: arrays of the output's size, row by row."""
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    ends = [(size - taps) // step * step + 1 for size, taps, step in zip(x.shape[1:3], window, strides, strict=True)]
    for i, j in np.ndindex(*window):
        yield x[:, i : i + ends[0] : strides[0], j : j + ends[1] : strides[1]]


def _spread(y, spatial, window: Pair, strides: Pair, pads: Pads):
    """Outputs y, `strides` apart, with zeros between and around them.

    Its views under the reversed window, with stride 1, give each input pixel the outputs that it contributes to.
    """
    axes = zip(y.shape[1:3], spatial, window, strides, pads, strict=True)
    margins = [
        (taps - 1 - low, size + low - (outputs - 1) * step - 1, step - 1)
        for outputs, size, taps, step, (low, _) in axes
    ]
    return lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0), *margins, (0, 0, 0)])


# --- Convolution.


def convolve(
    x, kernel, strides, pads, *, feature_group_count=1, precision=None, lhs_dilation=None, rhs_dilation=None, **unused
):
    """Convolve x (n, h, w, c) with a kernel (kh, kw, c / groups, c_out), with explicit padding.

    It has the signature that `nn.Conv(conv_general_dilated=...)` expects. `rhs_dilation` dilates the kernel; dilation
    of x is not supported.
    """
    if max(lhs_dilation or (1,)) > 1:
        raise NotImplementedError('convolve: dilation of the input')
    strides, pads, groups = tuple(strides), tuple(map(tuple, pads)), feature_group_count
    dilation = tuple(rhs_dilation or (1, 1))
    window = tuple((taps - 1) * apart + 1 for taps, apart in zip(kernel.shape[:2], dilation, strict=True))
    check_fits(x.shape[1:3], window, pads)
    dense = partial(_apply, _dense(strides, pads, dilation, precision))
    if 1 < groups <= FEW_GROUPS and not are_disabled():
        parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
        return jnp.concatenate([dense(a, b) for a, b in parts], axis=-1)
    if groups == x.shape[-1] == kernel.shape[-1] > 1 and dilation == (1, 1):
        return _apply(_depthwise(groups, strides, pads, precision), x, kernel)
    if groups == 1 and kernel.shape[:2] == (1, 1) and pads == NO_PADS:
        return _apply(_pointwise(strides, precision), x, kernel)
    if groups == 1:
        return dense(x, kernel)
    return _conv(x, kernel, strides=strides, pads=pads, groups=groups, precision=precision, dilation=dilation)


def _conv(x, kernel, *, strides, pads, groups, precision, dilation=(1, 1)):
    numbers = {'dimension_numbers': NHWC, 'feature_group_count': groups, 'precision': precision}
    return lax.conv_general_dilated(x, kernel, strides, pads, rhs_dilation=dilation, **numbers)


@cache
def _dense(strides: Pair, pads: Pads, dilation: Pair, precision) -> Operation:
    xla = partial(_conv, strides=strides, pads=pads, groups=1, precision=precision, dilation=dilation)
    return Operation(xla, partial(_gradient_in_chunks, xla=xla))


def _gradient_in_chunks(g, x, kernel, *, xla):
    """XLA's own gradients, the kernel's summed in float32 over chunks of the batch."""
    (to_x,) = jax.vjp(lambda x: xla(x, kernel), x)[1](g)
    images = images_per_chunk(g.shape, kernel.shape)
    chunks = [slice(first, first + images) for first in range(0, len(x), images)]
    parts = [jax.vjp(partial(xla, x[chunk]), kernel)[1](g[chunk])[0] for chunk in chunks]
    return to_x, sum(part.astype(jnp.float32) for part in parts).astype(kernel.dtype)


def images_per_chunk(outputs: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """Number of images at a time for a kernel's gradient on a CPU, for outputs (n, h, w, c_out).

    The unfolded input of a chunk has at most UNFOLDED_SIZE numbers and CHUNK_OUTPUTS output pixels; but a chunk has at
    least one image, and there are at most MAX_CHUNKS.
    """
    count, height, width, _ = outputs
    unfolded_per_pixel = math.prod(kernel[:3])
    wanted = min(CHUNK_OUTPUTS, UNFOLDED_SIZE // unfolded_per_pixel) // (height * width)
    return max(1, wanted, -(-count // MAX_CHUNKS))


@cache
def _pointwise(strides: Pair, precision) -> Operation:
    xla = partial(_conv, strides=strides, pads=NO_PADS, groups=1, precision=precision)
    return Operation(xla, _pullback(partial(_matrix_product, strides=strides, precision=precision)))


def _matrix_product(x, kernel, *, strides, precision):
    return jnp.einsum('nhwi,io->nhwo', x[:, :: strides[0], :: strides[1]], kernel[0, 0], precision=precision)


@cache
def _depthwise(channels: int, strides: Pair, pads: Pads, precision) -> Operation:
    xla = partial(_conv, strides=strides, pads=pads, groups=channels, precision=precision)
    fields = {'strides': strides, 'pads': pads}
    return Operation(xla, partial(_shifted_sum_gradient, **fields), partial(_shifted_sum, **fields))


def _shifted_sum(x, kernel, *, strides, pads):
    x, taps = lax.optimization_barrier((x, kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)))
    views = _views(x.astype(jnp.float32), kernel.shape[:2], strides, pads, 0)
    return sum(view * tap for view, tap in zip(views, taps, strict=True)).astype(x.dtype)


def _shifted_sum_gradient(g, x, kernel, *, strides, pads):
    """The kernel's gradient is computed image by image, so that an image stays in the cache for all taps."""
    window = kernel.shape[:2]
    g, x = lax.optimization_barrier((g, x))

    def for_image(pair):
        image, slope = (y[None].astype(jnp.float32) for y in pair)
        return jnp.stack([(view * slope).sum((0, 1, 2)) for view in _views(image, window, strides, pads, 0)])

    taps = lax.map(for_image, (x, g)).sum(0)
    around = _spread(g, x.shape[1:3], window, strides, pads)
    to_x = _shifted_sum(around, kernel[::-1, ::-1], strides=(1, 1), pads=NO_PADS)
    return to_x, taps.reshape(kernel.shape).astype(kernel.dtype)


# --- Pooling.


def max_over_windows(x, window: Pair, strides: Pair, pads: Pads):
    """Maximum of x (n, h, w, c) over windows, padded with minus infinity."""
    return _apply(_max_pool(window, strides, pads), x)


@cache
def _max_pool(window: Pair, strides: Pair, pads: Pads) -> Operation:
    fields = {'window': window, 'strides': strides, 'pads': pads}
    return Operation(partial(_reduce_max, **fields), partial(_share_among_maxima, **fields))


def _reduce_max(x, *, window, strides, pads):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)))


def _share_among_maxima(g, x, *, window, strides, pads):
    """Share the gradient g of each output equally among the pixels of its window that equal the maximum."""
    g, x = lax.optimization_barrier((g, x))
    views = list(_views(x, window, strides, pads, -jnp.inf))
    top = views[0]
    for view in views[1:]:
        top = jnp.maximum(top, view)
    share = g / jnp.maximum(sum((view == top).astype(g.dtype) for view in views), 1)
    around = lax.optimization_barrier(tuple(_spread(y, x.shape[1:3], window, strides, pads) for y in (top, share)))
    pairs = zip(*(_views(y, window, (1, 1), NO_PADS, 0) for y in around), strict=True)
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


# --- Normalisation across channels.


def lrn(x, size: int, k: float, alpha: float, beta: float):
    """Local response normalisation (Krizhevsky et al. 2012), computed in float32.

    x / (k + alpha * sum of x^2 over `size` neighbouring channels)^beta.
    """
    return (_plain_lrn if are_disabled() else _lrn)(x, size, k, alpha, beta)


def _plain_lrn(x, size, k, alpha, beta):
    return (x * _energy(x, size, k, alpha) ** -beta).astype(x.dtype)


_lrn = jax.custom_vjp(_plain_lrn, nondiff_argnums=(1, 2, 3, 4))


def _energy(x, size, k, alpha):
    return k + alpha * _over_channels(jnp.square(x.astype(jnp.float32)), size // 2, (size - 1) // 2)


def _over_channels(x, before, after):
    padded = jnp.pad(x, ((0, 0),) * (x.ndim - 1) + ((before, after),))
    return sum(padded[..., i : i + x.shape[-1]] for i in range(before + after + 1))


def _lrn_gradient(size, k, alpha, beta, x, g):
    energy = _energy(x, size, k, alpha)
    scale = jnp.exp(-beta * jnp.log(energy))
    scale, slope = lax.optimization_barrier((scale, g * x * scale / energy))
    to_x = g * scale - 2 * alpha * beta * x * _over_channels(slope, (size - 1) // 2, size // 2)
    return (to_x.astype(x.dtype),)


_lrn.defvjp(lambda x, *constants: (_lrn(x, *constants), x), _lrn_gradient)
