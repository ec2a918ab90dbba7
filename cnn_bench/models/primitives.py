"""Convolution, pooling and response normalisation as every network here calls them.

They are XLA's own, except where its CPU back end is slow. Gains in CPU time, two cores, batches of 64, as
`benchmarks/primitives.py` prints them for shapes of the networks here:

    convolution in 2 groups, as two convolutions                                  4 to 9 times, with its gradients
    3x3 depthwise convolution, as nine shifted multiply-adds                      8 to 12 times, with its gradients
    gradient of a 3x3 max pool with stride 1 or 2, as nine comparisons            5 and 3 times
    gradients of a 1x1 convolution, as matrix products                            2 to 4 times
    gradients of a larger one, the kernel's over a few images at a time           1 to 2 times
    gradient of a response normalisation, not raising to the power in each tap    5 times

XLA lays the taps of all outputs side by side for a kernel's gradient and is slow where they leave the cache; how many
images it is given at a time is the rule of `images_in_a_run`, which is the whole batch for small maps. Matrix products
over shifted slices of the map, one for each tap, need no such layout but were slower at most shapes.

Results agree to rounding, but on a CPU a max pool's gradient is shared among equal maxima; elsewhere the first has all.
A counter that walks the jaxpr still meets every convolution and every pooling window.
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
UNFOLDED, RUN_OUTPUTS, RUNS = 2**20, 2**13, 16  # of a kernel's gradient, see `images_in_a_run`
Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADS: Pads = ((0, 0), (0, 0))


def check_fits(spatial: tuple[int, ...], window: tuple[int, ...], pads: Pads) -> None:
    """Raise UserError if a `window` does not fit once into a padded map of size `spatial`."""
    if any(size + sum(pad) < taps for size, taps, pad in zip(spatial, window, pads, strict=True)):
        kernel, left = ('x'.join(map(str, sizes)) for sizes in (window, spatial))
        raise UserError(f'the image is too small, a {kernel} window does not fit into the {left} map left of it')


# --- One result, computed in more than one way.

_PLAIN = ContextVar('plain', default=False)


@contextmanager
def stock() -> Iterator[None]:
    """Within it, networks are traced as Linen and XLA would have them alone, to compare with or to find a fault by.

    What is compiled keeps the form that it was traced in, so each form takes a `jax.jit` of its own.
    """
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def in_stock() -> bool:
    """Whether `stock` is in force."""
    return _PLAIN.get()


class Forms(NamedTuple):
    """An operation: the stock one, and what replaces its gradient, and itself if given, when compiled for a CPU."""

    stock: Callable  # (*args) -> result
    cpu_gradient: Callable  # (g, *args) -> a gradient for each of args
    cpu: Callable | None = None


def _apply(forms: Forms, *args):
    return forms.stock(*args) if in_stock() else _in_forms(forms, *args)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _in_forms(forms, *args):
    if forms.cpu is None:
        return forms.stock(*args)
    return lax.platform_dependent(*args, cpu=forms.cpu, default=forms.stock)


def _gradient(forms, args, g):
    return lax.platform_dependent(g, *args, cpu=forms.cpu_gradient, default=_pullback(forms.stock))


_in_forms.defvjp(lambda forms, *args: (_in_forms(forms, *args), args), _gradient)


@cache  # here and below: what is compiled is found again by the identity of its functions
def _pullback(function: Callable) -> Callable:
    return lambda g, *args: jax.vjp(function, *args)[1](g)


# --- Windows as shifted views of the map, and back.


def _views(x, window: Pair, strides: Pair, pads: Pads, fill):
    """The padded x as each tap of the window sees it: arrays of the output's size, row by row."""
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    ends = [(size - taps) // step * step + 1 for size, taps, step in zip(x.shape[1:3], window, strides, strict=True)]
    for i, j in np.ndindex(*window):
        yield x[:, i : i + ends[0] : strides[0], j : j + ends[1] : strides[1]]


def _spread(y, spatial, window: Pair, strides: Pair, pads: Pads):
    """Outputs y set `strides` apart with zeros between and around them.

    Its views under the window taken in reverse, stride 1, show each pixel of the map the outputs that it took part in.
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
    """Convolution of x (n, h, w, c) with kernel (kh, kw, c / groups, c_out), padded explicitly.

    Has the signature that `nn.Conv(conv_general_dilated=...)` calls. `rhs_dilation` sets the kernel's taps apart;
    dilation of x is not supported.
    """
    if max(lhs_dilation or (1,)) > 1:
        raise NotImplementedError('convolve: dilation of the input')
    strides, pads, groups = tuple(strides), tuple(map(tuple, pads)), feature_group_count
    dilation = tuple(rhs_dilation or (1, 1))
    spanned = tuple((taps - 1) * apart + 1 for taps, apart in zip(kernel.shape[:2], dilation, strict=True))
    check_fits(x.shape[1:3], spanned, pads)
    dense = partial(_apply, _dense(strides, pads, dilation, precision))
    if 1 < groups <= FEW_GROUPS and not in_stock():
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
def _dense(strides: Pair, pads: Pads, dilation: Pair, precision) -> Forms:
    stock = partial(_conv, strides=strides, pads=pads, groups=1, precision=precision, dilation=dilation)
    return Forms(stock, partial(_gradient_in_runs, stock=stock))


def _gradient_in_runs(g, x, kernel, *, stock):
    """XLA's own gradients, but the kernel's added up in float32 over runs of images."""
    (to_x,) = jax.vjp(lambda x: stock(x, kernel), x)[1](g)
    images = images_in_a_run(g.shape, kernel.shape)
    runs = [slice(first, first + images) for first in range(0, len(x), images)]
    parts = [jax.vjp(partial(stock, x[run]), kernel)[1](g[run])[0] for run in runs]
    return to_x, sum(part.astype(jnp.float32) for part in parts).astype(kernel.dtype)


def images_in_a_run(outputs: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """Images for which a kernel's gradient is computed at a time on a CPU, for outputs (n, h, w, c_out).

    As many as have UNFOLDED numbers when each output's taps of each channel are laid out side by side, and no more than
    RUN_OUTPUTS outputs a channel; at least one, and so many that there are no more than RUNS runs.
    """
    count, height, width, _ = outputs
    of_an_output = math.prod(kernel[:3])
    wanted = min(RUN_OUTPUTS, UNFOLDED // of_an_output) // (height * width)
    return max(1, wanted, -(-count // RUNS))


@cache
def _pointwise(strides: Pair, precision) -> Forms:
    stock = partial(_conv, strides=strides, pads=NO_PADS, groups=1, precision=precision)
    return Forms(stock, _pullback(partial(_product, strides=strides, precision=precision)))


def _product(x, kernel, *, strides, precision):
    return jnp.einsum('nhwi,io->nhwo', x[:, :: strides[0], :: strides[1]], kernel[0, 0], precision=precision)


@cache
def _depthwise(channels: int, strides: Pair, pads: Pads, precision) -> Forms:
    stock = partial(_conv, strides=strides, pads=pads, groups=channels, precision=precision)
    fields = {'strides': strides, 'pads': pads}
    return Forms(stock, partial(_shifted_sum_gradient, **fields), partial(_shifted_sum, **fields))


def _shifted_sum(x, kernel, *, strides, pads):
    x, taps = lax.optimization_barrier((x, kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)))
    views = _views(x.astype(jnp.float32), kernel.shape[:2], strides, pads, 0)
    return sum(view * tap for view, tap in zip(views, taps, strict=True)).astype(x.dtype)


def _shifted_sum_gradient(g, x, kernel, *, strides, pads):
    """The kernel's part goes image by image, so that what is read once for each tap stays in the cache."""
    window = kernel.shape[:2]
    g, x = lax.optimization_barrier((g, x))

    def of_image(pair):
        image, slope = (y[None].astype(jnp.float32) for y in pair)
        return jnp.stack([(view * slope).sum((0, 1, 2)) for view in _views(image, window, strides, pads, 0)])

    taps = lax.map(of_image, (x, g)).sum(0)
    around = _spread(g, x.shape[1:3], window, strides, pads)
    to_x = _shifted_sum(around, kernel[::-1, ::-1], strides=(1, 1), pads=NO_PADS)
    return to_x, taps.reshape(kernel.shape).astype(kernel.dtype)


# --- Pooling.


def max_over_windows(x, window: Pair, strides: Pair, pads: Pads):
    """Maximum of x (n, h, w, c) over each window, padded with minus infinity."""
    return _apply(_max_pool(window, strides, pads), x)


@cache
def _max_pool(window: Pair, strides: Pair, pads: Pads) -> Forms:
    fields = {'window': window, 'strides': strides, 'pads': pads}
    return Forms(partial(_reduce_max, **fields), partial(_share_among_maxima, **fields))


def _reduce_max(x, *, window, strides, pads):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)))


def _share_among_maxima(g, x, *, window, strides, pads):
    """Each output's g in equal parts to the pixels of its window that equal the maximum."""
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
    """Mean of x (n, h, w, c) over what each window holds of the map; padding is not counted."""
    total = lax.reduce_window(x, 0.0, lax.add, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)))
    axes = zip(x.shape[1:3], total.shape[1:3], window, strides, pads, strict=True)
    rows, columns = (_taps_inside(*axis) for axis in axes)
    return total / jnp.asarray(np.outer(rows, columns)[:, :, None], x.dtype)


def _taps_inside(size: int, outputs: int, taps: int, stride: int, pad: Pair) -> np.ndarray:
    first = np.arange(outputs) * stride - pad[0]
    return np.minimum(first + taps, size) - np.maximum(first, 0)


# --- Normalisation across channels.


def respond(x, size: int, k: float, alpha: float, beta: float):
    """x / (k + alpha * sum of x^2 over `size` neighbouring channels)^beta, computed in float32."""
    return (_respond_plainly if in_stock() else _respond)(x, size, k, alpha, beta)


def _respond_plainly(x, size, k, alpha, beta):
    return (x * _energy(x, size, k, alpha) ** -beta).astype(x.dtype)


_respond = jax.custom_vjp(_respond_plainly, nondiff_argnums=(1, 2, 3, 4))


def _energy(x, size, k, alpha):
    return k + alpha * _over_channels(jnp.square(x.astype(jnp.float32)), size // 2, (size - 1) // 2)


def _over_channels(x, before, after):
    padded = jnp.pad(x, ((0, 0),) * (x.ndim - 1) + ((before, after),))
    return sum(padded[..., i : i + x.shape[-1]] for i in range(before + after + 1))


def _respond_gradient(size, k, alpha, beta, x, g):
    energy = _energy(x, size, k, alpha)
    scale = jnp.exp(-beta * jnp.log(energy))
    scale, slope = lax.optimization_barrier((scale, g * x * scale / energy))
    to_x = g * scale - 2 * alpha * beta * x * _over_channels(slope, (size - 1) // 2, size // 2)
    return (to_x.astype(x.dtype),)


_respond.defvjp(lambda x, *constants: (_respond(x, *constants), x), _respond_gradient)
