"""Any network's feature map at a smaller stride, by dilation instead of stride (Chen et al. 2014, Yu & Koltun 2015).

An image of h pixels gives a last map of h / 32 in most networks. With `output_stride(8)` every convolution and pooling
that would go beyond a stride of 8 has stride 1, and those behind it look at pixels as far apart as before: the map is
denser by 4 in both directions, and every fourth pixel of it is what it was. No parameter changes.

    with dilated(network, images.shape, output_stride=8):
        maps = network.features(images)

This holds for whatever is made of `layers.conv` and the poolings. Where a network takes means over whole maps
(squeeze-and-excitation), these are over the denser map. Where a network halves maps in another way, by slicing as in
ResNet's option A or NASNet, or pads them before it pools as Res2Net does, its parts no longer fit together.
"""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from flax.errors import FlaxError

from cnn_bench.errors import UserError
from cnn_bench.models import fast_ops
from cnn_bench.models.fast_ops import Pads

Pair = tuple[int, int]


@dataclass
class _Strides:
    """The stride of the input of every convolution and pooling of a network, in the order in which they are called."""

    image: int  # height
    limit: int | None = None  # the output stride; None while they are recorded
    of_inputs: list[int] = field(default_factory=list)
    at: int = 0

    def window(self, x: jax.Array, taps: Pair, strides: Pair, pads: Pads, dilation: Pair) -> tuple[Pair, Pads, Pair]:
        """Strides, padding and dilation of the next window, of `taps` (h, w) on x (n, h, w, c)."""
        if self.limit is None:
            self.of_inputs.append(2 ** round(math.log2(self.image / x.shape[1])))
            return strides, pads, dilation
        stride, self.at = self.of_inputs[self.at], self.at + 1
        if taps == (1, 1) and strides == (1, 1):
            return strides, pads, dilation
        apart = max(1, stride // self.limit)
        kept = stride * max(strides) <= self.limit
        if kept and apart == 1:
            return strides, pads, dilation
        new = tuple(apart * own for own in dilation)
        around = tuple(
            _around(count, step, low, high, apart, own)
            for count, step, (low, high), own in zip(taps, strides, pads, dilation, strict=True)
        )
        return (1, 1), around, new


def _around(taps: int, step: int, low: int, high: int, apart: int, own: int) -> Pair:
    """Padding for windows whose pixels are `apart` times as far apart, and whose stride of `step` is gone.

    A map that would be halved keeps its size, and one loses at its borders what it would lose.
    """
    total = max(low + high, min((taps - 1) * own, low + high + step - 1))
    return apart * low, apart * (total - low)


_current: ContextVar[_Strides | None] = ContextVar('strides', default=None)


@contextlib.contextmanager
def dilated(features: Callable[[jax.Array], jax.Array], shape: tuple[int, ...], limit: int) -> Iterator[None]:
    """Within this, `features` of images of `shape` (n, h, w, c) has an output stride of at most `limit`.

    `features` must be a pure function; it is traced to see its strides, and whether it can be made denser. Raises
    UserError where it can't.
    """
    seen, images = _Strides(shape[1]), jax.ShapeDtypeStruct(shape, 'float32')
    with _as_current(seen):
        jax.eval_shape(lambda x: features(x), images)  # a new function each time, which no cache knows
    seen.limit = limit
    try:
        with _as_current(seen):
            jax.eval_shape(lambda x: features(x), images)
    except (TypeError, FlaxError) as error:
        raise UserError(f'the network has no map at an output stride of {limit}: its parts no longer fit') from error
    seen.at = 0
    with _as_current(seen):
        yield


@contextlib.contextmanager
def _as_current(strides: _Strides | None) -> Iterator[None]:
    token = _current.set(strides)
    try:
        yield
    finally:
        _current.reset(token)


def pool(reduce: Callable, dilated_reduce: Callable, x: jax.Array, taps: Pair, strides: Pair, pads: Pads) -> jax.Array:
    """`reduce(x, taps, strides, pads)`, with the strides and dilation of the output stride that is wanted here.

    Where windows are dilated it is `dilated_reduce(x, taps, pads, dilation)`, one of those below.
    """
    now, dilation = _current.get(), (1, 1)
    if now is not None:
        strides, pads, dilation = now.window(x, taps, strides, pads, dilation)
    return reduce(x, taps, strides, pads) if dilation == (1, 1) else dilated_reduce(x, taps, pads, dilation)


def dilated_max(x: jax.Array, taps: Pair, pads: Pads, dilation: Pair) -> jax.Array:
    """Maximum of x (n, h, w, c) over windows of `taps` pixels that are `dilation` apart, with stride 1."""
    return functools.reduce(jnp.maximum, _views(x, taps, pads, dilation, -jnp.inf))


def dilated_mean(x: jax.Array, taps: Pair, pads: Pads, dilation: Pair) -> jax.Array:
    """The mean over such windows, not counting padding."""
    inside = sum(_views(jnp.ones_like(x[:1, :, :, :1]), taps, pads, dilation, 0))
    return sum(_views(x, taps, pads, dilation, 0)) / inside


def dilated_centre(x: jax.Array, taps: Pair, pads: Pads, dilation: Pair) -> jax.Array:
    """The centre of such windows, or the upper left of its four centre pixels."""
    rows, columns = taps
    return _views(x, taps, pads, dilation, 0)[(rows - 1) // 2 * columns + (columns - 1) // 2]


def _views(x: jax.Array, taps: Pair, pads: Pads, dilation: Pair, fill: float) -> list[jax.Array]:
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    rows, columns = (
        size - (count - 1) * apart for size, count, apart in zip(x.shape[1:3], taps, dilation, strict=True)
    )
    starts = [(i * dilation[0], j * dilation[1]) for i, j in np.ndindex(*taps)]
    return [x[:, i : i + rows, j : j + columns] for i, j in starts]


def convolve(x: jax.Array, kernel: jax.Array, strides: Pair, pads: Pads, *, rhs_dilation=None, **fields) -> jax.Array:
    """`fast_ops.convolve`, with the strides and dilation of the output stride that is wanted here."""
    dilation, now = tuple(rhs_dilation or (1, 1)), _current.get()
    if now is not None:
        strides, pads, dilation = now.window(x, tuple(kernel.shape[:2]), tuple(strides), tuple(pads), dilation)
    return fast_ops.convolve(x, kernel, strides, pads, rhs_dilation=dilation, **fields)
