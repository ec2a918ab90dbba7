"""A whole training step as a function of shapes: loss, its gradient, and what the backward pass keeps."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from cnn_bench.complexity.walk import data_dependent

AUX = 'aux_logits'


def loss_function(module: nn.Module, **train: bool) -> Callable:
    """`loss(params, state, image, labels, rng)` -> (scalar, new state) of `module` in training mode.

    The loss is the mean softmax cross-entropy of the logits (n, k), plus that of every auxiliary head that
    left its logits in the 'aux_logits' collection; of a module whose output is no (n, k) matrix, the mean of
    the output.
    """

    def loss(params: Any, state: dict, image: jax.Array, labels: jax.Array, rng: jax.Array):
        variables = {'params': params, **state}
        output, changed = module.apply(variables, image, **train, mutable=[*state, AUX], rngs={'dropout': rng})
        heads = [output, *jax.tree.leaves(changed.pop(AUX, ()))]
        return sum(_head_loss(head, labels) for head in heads), changed

    return loss


def residual_bytes(loss: Callable, params: Any, *rest: Any) -> int:
    """Bytes that the backward pass of `loss(params, *rest)` keeps from the forward pass.

    They are the distinct arrays in the closure that `jax.vjp` returns. The input image is among them where a
    gradient needs it. Left out are the parameters themselves, which are in memory anyway (transformed copies
    of them, such as bfloat16 ones, are not left out), and constants. It is what is kept as traced; the
    compiler may recompute some of it instead.
    """

    def forward(params: Any, *rest: Any):
        _, pullback, _ = jax.vjp(lambda p: loss(p, *rest), params, has_aux=True)
        return pullback

    jaxpr = jax.make_jaxpr(forward)(params, *rest).jaxpr
    own = set(jaxpr.invars[: len(jax.tree.leaves(params))])
    kept = {v for v in jaxpr.outvars if not isinstance(v, Literal)} & (data_dependent(jaxpr) - own)
    return sum(v.aval.size * v.aval.dtype.itemsize for v in kept)


def _head_loss(output: jax.Array, labels: jax.Array) -> jax.Array:
    if output.ndim != 2:
        return output.mean()
    log_probabilities = jax.nn.log_softmax(output.astype(jnp.float32))
    return -jnp.take_along_axis(log_probabilities, labels[:, None], axis=1).mean()
