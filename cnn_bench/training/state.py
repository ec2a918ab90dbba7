"""What training carries from step to step."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict

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
    """A fresh State for images of `image_shape` (h, w, c); `more` are the further arguments of `initialiser`."""
    init, variables = initialiser(model, optimizer, image_shape, **more)
    arguments = jax.random.key(seed), variables
    # Drawing the parameters runs once, but to optimise a program of so many small pieces takes a CPU back end a minute.
    quick = {'xla_backend_optimization_level': 0, 'xla_cpu_use_fusion_emitters': False}
    options = quick if jax.default_backend() == 'cpu' else {}
    return jax.jit(init).lower(*arguments).compile(compiler_options=options)(*arguments)


def initialiser(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    image_shape: tuple,
    *,
    averaged: bool = False,
    watch: Any = None,
    freezing: Freezing = ALL_TRAINED,
    first: Mapping[str, jax.Array] | None = None,
) -> tuple[Callable[[jax.Array, dict], State], dict]:
    """A function that makes a State of a key and a dictionary, and the dictionary.

    The variables are drawn by the key, but for those that `first` has by path ('params/stem/conv/kernel'). The average,
    where the state is to be `averaged`, begins as the variables; the optimiser has a state of what `freezing` trains.
    """

    def init(key: jax.Array, given: dict) -> State:
        image = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
        variables = dict(model.lazy_init(key, image, train=False))  # which leaves the pass through the network out
        variables.pop('aux_logits', None)
        if given:
            variables = unflatten_dict({**flatten_dict(variables, sep='/'), **given}, sep='/')
        params = variables.pop('params')
        average = {'params': params, **variables} if averaged else None
        opt_state = optimizer.init(freezing.split(params)[0])
        return State(jnp.zeros((), jnp.int32), params, variables, opt_state, average, watch)

    return init, dict(first or {})
