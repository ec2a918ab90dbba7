"""The loss of a training step as a function to count, and the bytes that its backward pass keeps."""

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

    The loss is the mean softmax cross-entropy of the logits (n, k), plus that of every auxiliary head with logits in
    the collection 'aux_logits'. If a module's output is not an (n, k) matrix, its loss is the mean of the output.
    """

    def loss(params: Any, state: dict, image: jax.Array, labels: jax.Array, rng: jax.Array):
        variables = {'params': params, **state}
        output, changed = module.apply(variables, image, **train, mutable=[*state, AUX], rngs={'dropout': rng})
        heads = [output, *jax.tree.leaves(changed.pop(AUX, ()))]
        return sum(_head_loss(head, labels) for head in heads), changed

    return loss


def residual_bytes(loss: Callable, params: Any, *rest: Any) -> int:
    """Bytes of the residuals that the backward pass of `loss(params, *rest)` keeps from the forward pass.

    Residuals are the distinct arrays in the closure returned by `jax.vjp`, including the input image if a gradient
    needs it. Constants and the parameters, which are in memory anyway, are not counted, but transformed copies of
    parameters are (e.g. in bfloat16). The compiler may recompute some residuals instead of keeping them.
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
