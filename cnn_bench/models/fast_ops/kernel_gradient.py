"""The gradient for the kernel of a convolution, on CPUs."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from cnn_bench.models.fast_ops import onednn
from cnn_bench.models.fast_ops.windows import Pads, Pair, views

CHUNK = 16  # images
LEAST_MACS = 2**18  # of an image; below, a depthwise gradient by oneDNN is not faster


def in_chunks(g: jax.Array, x: jax.Array, kernel: jax.Array, convolve: Callable) -> jax.Array:
    """XLA's own gradient of `convolve(x, kernel)` for the kernel, summed in float32 over chunks of the batch.

    XLA unfolds the input (im2col) and is slow if the result exceeds the cache; with few images it is slow as well.
    """
    chunks = [slice(first, first + CHUNK) for first in range(0, len(x), CHUNK)]
    parts = [jax.vjp(partial(convolve, x[chunk]), kernel)[1](g[chunk])[0] for chunk in chunks]
    return sum(part.astype(jnp.float32) for part in parts).astype(kernel.dtype)


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

    def by_sums(image, slope):
        return jnp.stack([(view * slope).sum((0, 1, 2)) for view in views(image, window, strides, pads, 0)])

    def by_onednn(image, slope):
        return onednn.depthwise_kernel_gradient(slope[0], image, window, strides, pads)

    # oneDNN sees the slopes of an image as the kernel of a convolution.
    one, slopes, taps = (
        jax.ShapeDtypeStruct((*sizes, x.shape[-1]), jnp.float32)
        for sizes in ((1, *x.shape[1:3]), (*g.shape[1:3], 1), (1, *window))
    )
    of_image = by_onednn if onednn.suits(one, slopes, taps.shape, LEAST_MACS) else by_sums

    def for_image(pair):
        return of_image(*(y[None].astype(jnp.float32) for y in pair))

    return lax.map(for_image, (x, g)).sum(0).reshape(kernel.shape).astype(kernel.dtype)
