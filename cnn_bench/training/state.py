"""What training carries from step to step."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct


@struct.dataclass
class State:
    """All that a step reads and writes: arrays alone, so that it can be saved, restored and donated as it is."""

    step: jax.Array  # int32, steps done
    params: Any
    model_state: Any  # batch statistics; empty for networks without
    opt_state: Any
    average: Any = None  # variables averaged over steps (params and batch statistics); None where a recipe has none
    watch: Any = None  # what evaluations so far say, `validation.Watch`; None where none is kept

    @property
    def variables(self) -> dict:
        """What the network's `apply` takes."""
        return {'params': self.params, **self.model_state}


def create(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    seed: int,
    image_shape: tuple,
    *,
    averaged: bool = False,
    watch: Any = None,
) -> State:
    """A fresh State for images of `image_shape` (h, w, c), its average, if it is to have one, the variables."""

    def init() -> State:
        image = jnp.zeros((1, *image_shape), jnp.float32)
        variables = dict(model.init(jax.random.key(seed), image, train=False))
        params = variables.pop('params')
        variables.pop('aux_logits', None)
        average = {'params': params, **variables} if averaged else None
        return State(jnp.zeros((), jnp.int32), params, variables, optimizer.init(params), average, watch)

    # Drawing the parameters runs once, but to optimise a program of so many small pieces takes a CPU back end a minute.
    quick = {'xla_backend_optimization_level': 0} if jax.default_backend() == 'cpu' else {}
    return jax.jit(init).lower().compile(compiler_options=quick)()
