"""The gradient for the kernel of a convolution, on CPUs."""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from cnn_bench.models.fast_ops.windows import Pads, Pair, views

UNFOLDED_SIZE, CHUNK_OUTPUTS, MAX_CHUNKS = 2**20, 2**13, 16  # see `images_per_chunk`


def in_chunks(g: jax.Array, x: jax.Array, kernel: jax.Array, convolve: Callable) -> jax.Array:
    """XLA's own gradient of `convolve(x, kernel)` for the kernel, summed in float32 over chunks of the batch.

    XLA unfolds the input (im2col) and is slow if the result exceeds the cache.
    """
    images = images_per_chunk(g.shape, kernel.shape)
    chunks = [slice(first, first + images) for first in range(0, len(x), images)]
    parts = [jax.vjp(partial(convolve, x[chunk]), kernel)[1](g[chunk])[0] for chunk in chunks]
    return sum(part.astype(jnp.float32) for part in parts).astype(kernel.dtype)


def images_per_chunk(outputs: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """Number of images at a time for a kernel's gradient, for outputs (n, h, w, c_out).

    The unfolded input of a chunk has at most UNFOLDED_SIZE numbers and CHUNK_OUTPUTS output pixels; but a chunk has at
    least one image, and there are at most MAX_CHUNKS.
    """
    count, height, width, _ = outputs
    unfolded_per_pixel = math.prod(kernel[:3])
    wanted = min(CHUNK_OUTPUTS, UNFOLDED_SIZE // unfolded_per_pixel) // (height * width)
    return max(1, wanted, -(-count // MAX_CHUNKS))


def matrix_product(x: jax.Array, kernel: jax.Array, strides: Pair, precision) -> jax.Array:
    """A 1x1 convolution without padding."""
    return jnp.einsum('nhwi,io->nhwo', x[:, :: strides[0], :: strides[1]], kernel[0, 0], precision=precision)


def pointwise(g: jax.Array, x: jax.Array, kernel: jax.Array, strides: Pair, precision) -> jax.Array:
    """Of a 1x1 convolution without padding, as a matrix product."""
    return jax.vjp(lambda kernel: matrix_product(x, kernel, strides, precision), kernel)[1](g)[0]


def depthwise(g: jax.Array, x: jax.Array, kernel: jax.Array, strides: Pair, pads: Pads) -> jax.Array:
    """Of a depthwise convolution, image by image, so that an image stays in the cache for all taps."""
    window = kernel.shape[:2]
    g, x = lax.optimization_barrier((g, x))

    def for_image(pair):
        image, slope = (y[None].astype(jnp.float32) for y in pair)
        return jnp.stack([(view * slope).sum((0, 1, 2)) for view in views(image, window, strides, pads, 0)])

    return lax.map(for_image, (x, g)).sum(0).reshape(kernel.shape).astype(kernel.dtype)
