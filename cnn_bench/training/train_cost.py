"""The cost of evaluation and of a training step, counted from the jaxpr, also where a part of the network is frozen."""

from functools import lru_cache

import flax.linen as nn
import jax
import jax.numpy as jnp

from cnn_bench.complexity import Cost, count, model_cost
from cnn_bench.complexity.train_step import loss_function
from cnn_bench.models.branches import in_use
from cnn_bench.models.variables import KEPT, Shape, variable_shapes
from cnn_bench.training.freezing import Freezing


@lru_cache(KEPT)
def evaluation_cost(module: nn.Module, input_shape: Shape) -> Cost:
    """The cost of an evaluation pass over one image of `input_shape` (h, w, c), without auxiliary heads and with
    branches fused.
    """
    return model_cost(in_use(module), input_shape)


@lru_cache(KEPT)
def train_macs(module: nn.Module, freezing: Freezing, input_shape: Shape) -> int:
    """Multiply-adds of convolutions and dense layers in a training step, for one image of `input_shape` (h, w, c).

    They include the forward pass with auxiliary heads, and the gradient with respect to the trained parameters: a
    frozen base below the first trained layer has no backward pass.
    """
    variables = variable_shapes(module, input_shape)
    module = module.clone(bn_axis=None)  # statistics over devices are no multiply-adds
    image, labels = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = {name: value for name, value in variables.items() if name != 'params'}
    loss = loss_function(module, train=True)

    def step(params, *rest):
        trained, frozen = freezing.split(params)
        with freezing.in_evaluation():
            return jax.value_and_grad(lambda part: loss(freezing.join(part, frozen), *rest), has_aux=True)(trained)

    return sum(op.macs for op in count(step, variables['params'], state, image, labels, key))
