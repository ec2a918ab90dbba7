"""What training carries from step to step."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict

from cnn_bench.training import drawn
from cnn_bench.training.freezing import ALL_TRAINED, Freezing


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


def create(model: nn.Module, optimizer: optax.GradientTransformation, seed: int, image_shape: tuple, **more) -> State:
    """A fresh State for images of `image_shape` (h, w, c); `more` are the further arguments of `assembler`."""
    assemble, first = assembler(optimizer, **more)
    arguments = drawn.draw(model, image_shape, seed), first
    return drawn.compiled_quickly(jax.jit(assemble, donate_argnums=0), *arguments)(*arguments)


def assembler(
    optimizer: optax.GradientTransformation,
    *,
    averaged: bool = False,
    watch: Any = None,
    freezing: Freezing = ALL_TRAINED,
    first: Mapping[str, jax.Array] | None = None,
) -> tuple[Callable[[dict, dict], State], dict]:
    """A function that makes a State of variables as they are drawn and of what is returned beside it.

    What `first` has by path ('params/stem/conv/kernel') stands in place of what is drawn. The average, where the state
    is to be `averaged`, begins as the variables; the optimiser has a state of what `freezing` trains.
    """

    def assemble(variables: dict, given: dict) -> State:
        if given:
            variables = unflatten_dict({**flatten_dict(variables, sep='/'), **given}, sep='/')
        params, rest = variables['params'], {name: value for name, value in variables.items() if name != 'params'}
        average = {'params': params, **rest} if averaged else None
        opt_state = optimizer.init(freezing.split(params)[0])
        return State(jnp.zeros((), jnp.int32), params, rest, opt_state, average, watch)

    return assemble, dict(first or {})
