"""Local response normalisation, with a gradient that needs no power for each tap."""

import jax
import jax.numpy as jnp
from jax import lax

from cnn_bench.models.fast_ops.operation import are_disabled


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
