"""Windows over images (n, h, w, c) as shifted views, and back."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnn_bench.errors import UserError

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADS: Pads = ((0, 0), (0, 0))


def check_fits(spatial: tuple[int, ...], window: tuple[int, ...], pads: Pads) -> None:
    """Raise UserError if the `window` does not fit into a padded feature map of size `spatial`."""
    if any(size + sum(pad) < taps for size, taps, pad in zip(spatial, window, pads, strict=True)):
        kernel, left = ('x'.join(map(str, sizes)) for sizes in (window, spatial))
        raise UserError(f'the image is too small, a {kernel} window does not fit into the {left} map left of it')


def views(x: jax.Array, window: Pair, strides: Pair, pads: Pads, fill: float) -> Iterator[jax.Array]:
    """The padded x as seen by each tap of the window: arrays of the output's size, row by row."""
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    ends = [(size - taps) // step * step + 1 for size, taps, step in zip(x.shape[1:3], window, strides, strict=True)]
    for i, j in np.ndindex(*window):
        yield x[:, i : i + ends[0] : strides[0], j : j + ends[1] : strides[1]]


def spread(y: jax.Array, spatial: Pair, window: Pair, strides: Pair, pads: Pads) -> jax.Array:
    """Outputs y, `strides` apart, with zeros between and around them.

    Its views under the reversed window, with stride 1, give each input pixel the outputs that it contributes to.
    """
    axes = zip(y.shape[1:3], spatial, window, strides, pads, strict=True)
    margins = [
        (taps - 1 - low, size + low - (outputs - 1) * step - 1, step - 1)
        for outputs, size, taps, step, (low, _) in axes
    ]
    return lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0), *margins, (0, 0, 0)])
