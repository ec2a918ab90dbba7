"""The training state that is carried from step to step."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict

from cnn_bench.models.variables import compiled_quickly, init_variables
from cnn_bench.training.freezing import ALL_TRAINED, Freezing


@struct.dataclass
class State:
    """All that a step reads and writes: only arrays, so that it can be saved, restored and donated."""

    step: jax.Array  # int32, steps done
    params: Any
    model_state: Any  # batch statistics; empty for networks without batch norm
    opt_state: Any
    average: Any = None  # moving average of the variables; None where the recipe has none
    eval_state: Any = None  # what past evaluations lead to, `monitor.EvalState`; None where none is kept

    @property
    def variables(self) -> dict:
        """The first argument of the network's `apply`."""
        return {'params': self.params, **self.model_state}


def create(model: nn.Module, optimizer: optax.GradientTransformation, seed: int, image_shape: tuple, **more) -> State:
    """A fresh State for images of `image_shape` (h, w, c); `more` are the further arguments of `assembler`."""
    assemble, first = assembler(optimizer, **more)
    arguments = init_variables(model, image_shape, seed), first
    return compiled_quickly(jax.jit(assemble, donate_argnums=0), *arguments)(*arguments)


def assembler(
    optimizer: optax.GradientTransformation,
    *,
    averaged: bool = False,
    eval_state: Any = None,
    freezing: Freezing = ALL_TRAINED,
    first: Mapping[str, jax.Array] | None = None,
) -> tuple[Callable[[dict, dict], State], dict]:
    """A function (variables, first weights) -> State, and the first weights that it takes.

    `first` maps paths ('params/stem/conv/kernel') to arrays that replace the drawn ones. With `averaged` the average
    starts as the variables; the optimiser keeps state only for the parameters that `freezing` trains.
    """

    def assemble(variables: dict, given: dict) -> State:
        if given:
            variables = unflatten_dict({**flatten_dict(variables, sep='/'), **given}, sep='/')
        params, rest = variables['params'], {name: value for name, value in variables.items() if name != 'params'}
        average = {'params': params, **rest} if averaged else None
        opt_state = optimizer.init(freezing.split(params)[0])
        return State(jnp.zeros((), jnp.int32), params, rest, opt_state, average, eval_state)

    return assemble, dict(first or {})
