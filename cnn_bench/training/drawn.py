"""A network's variables before training, as its initialisers draw them. Runs in one process share what is compiled."""

from functools import lru_cache

import jax
import jax.numpy as jnp
from flax import linen as nn

# The work of a moment, but to optimise a program of so many small pieces takes a CPU back end a minute.
QUICK = {'xla_backend_optimization_level': 0, 'xla_cpu_use_fusion_emitters': False}
KEPT = 16  # networks

Shape = tuple[int, int, int]  # (h, w, c) of an image


def draw(model: nn.Module, image_shape: Shape, seed: int) -> dict:
    """The variables of `model` by a seed: {'params': ..., 'batch_stats': ..., ...}."""
    return _compiled(model, image_shape)(jax.random.key(seed))


def shapes(model: nn.Module, image_shape: Shape) -> dict:
    """What `draw` gives as shapes and dtypes."""
    return jax.eval_shape(_drawing(model, image_shape), jax.random.key(0))


def compiled_quickly(function: jax.stages.Wrapped, *arguments) -> jax.stages.Compiled:
    """`function`, which runs once, compiled for arguments like these."""
    options = QUICK if jax.default_backend() == 'cpu' else {}
    return function.lower(*arguments).compile(compiler_options=options)


@lru_cache(KEPT)
def _compiled(model: nn.Module, image_shape: Shape) -> jax.stages.Compiled:
    return compiled_quickly(_drawing(model, image_shape), jax.random.key(0))


@lru_cache(KEPT)
def _drawing(model: nn.Module, image_shape: Shape) -> jax.stages.Wrapped:
    def draw(key: jax.Array) -> dict:
        image = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
        variables = model.lazy_init(key, image, train=False)  # which leaves the pass through the network out
        return {name: value for name, value in variables.items() if name != 'aux_logits'}

    return jax.jit(draw)
