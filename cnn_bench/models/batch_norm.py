"""Batch normalisation in one pass (Ioffe & Szegedy 2015), with the variables of `flax.linen.BatchNorm`.

It computes the same values in another way:

  - Mean and variance are taken of d = x - s, where s is one pixel of the batch per channel. A pixel is k standard
    deviations or more from the mean with a probability of at most 1 / k^2 (Chebyshev), so E[d^2] - E[d]^2 cancels
    little. E[x^2] - E[x]^2 loses all digits once the mean is some thousand times the standard deviation.
  - Devices on a named axis exchange mean and variance in one collective, and add up the variance about the common mean.
  - The output is d times one number per channel, plus another.

Everything is computed in float32 (or wider, if x is) and rounded once, to `dtype`.

On two CPU cores, the layer with a ReLU, forward and backward, is 1.1 to 1.9 times as fast as Linen's at shapes of
ResNets (`python benchmarks/fast_ops.py "batch norm"`). Whole training steps gain little: nothing for ResNet-20 and
ResNet-18 on a CPU; for an H100 see benchmarks/README.md.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import canonicalize_dtype
from jax import lax


class BatchNorm(nn.Module):
    """Normalise each channel of x (..., c) over all other axes, to mean `bias` and standard deviation `scale`.

    In training (`use_running_average=False`) the statistics are those of the batch, over all devices on the axis
    `axis_name` if given. Running statistics, in the collection 'batch_stats', keep the fraction `momentum` at each
    step. All variances are biased.
    """

    use_running_average: bool
    momentum: float = 0.99
    epsilon: float = 1e-5
    dtype: Any = None  # of the output; None: as x and the parameters promote
    axis_name: str | None = None
    scale_init: Callable = nn.initializers.ones
    bias_init: Callable = nn.initializers.zeros

    @nn.compact
    def __call__(self, x):
        shape = x.shape[-1:]
        mean = self.variable('batch_stats', 'mean', jnp.zeros, shape, jnp.float32)
        variance = self.variable('batch_stats', 'var', jnp.ones, shape, jnp.float32)
        scale = self.param('scale', self.scale_init, shape, jnp.float32)
        bias = self.param('bias', self.bias_init, shape, jnp.float32)
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        if self.use_running_average:
            shift, offset, spread = mean.value, 0, variance.value
        else:
            shift = a_pixel(wide)
            offset, spread = statistics(wide - shift)
            if not self.is_initializing():
                average = shift + offset
                if self.axis_name is not None:
                    average, offset, spread = over_devices(shift, offset, spread, self.axis_name)
                keep = self.momentum
                mean.value = keep * mean.value + (1 - keep) * average
                variance.value = keep * variance.value + (1 - keep) * spread
        slope = scale * lax.rsqrt(spread + self.epsilon)
        result = (wide - shift) * slope + (bias - offset * slope)
        return result.astype(canonicalize_dtype(x, scale, bias, dtype=self.dtype))


def a_pixel(x: jax.Array) -> jax.Array:
    """One pixel (c,) of x (..., c), the centre of the first image, without a gradient."""
    starts = [0, *(size // 2 for size in x.shape[1:-1]), 0]
    stops = [start + 1 for start in starts[:-1]]
    return lax.stop_gradient(lax.slice(x, starts, [*stops, x.shape[-1]]).reshape(-1))


def statistics(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance (c,) of x (..., c) over all axes but the last, in one pass."""
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    return mean, jnp.maximum(0, jnp.square(x).mean(axes) - jnp.square(mean))


def over_devices(shift: jax.Array, offset: jax.Array, variance: jax.Array, axis_name: str) -> tuple[jax.Array, ...]:
    """Statistics over a batch in equal shares, one per device, from those of x - shift on each device.

    Returns the mean (the same bits on all devices), the mean minus this device's shift, and the variance.
    """
    shifts, offsets, variances = jnp.moveaxis(lax.all_gather(jnp.stack([shift, offset, variance]), axis_name), 1, 0)
    offsets += shifts - shifts[0]
    common = offsets.mean(0)
    spread = (variances + jnp.square(offsets - common)).mean(0)
    return shifts[0] + common, common + (shifts[0] - shift), spread
