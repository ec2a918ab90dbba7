"""Facts about networks that claims are recomputed from: costs, layers, shapes and depth of what the registry builds.

Nothing is run: everything comes from abstract evaluation. Results are cached by module and image shape, so that all
claims about a network trace it once.
"""

from collections.abc import Callable, Iterator
from functools import cache
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.extend.core import Jaxpr, JaxprEqn, Literal

from cnn_bench.complexity import Cost, Layer, Op, model_cost
from cnn_bench.complexity.trace import Trace, evaluation
from cnn_bench.complexity.walk import operations as operations_in
from cnn_bench.models import registry

WEIGHTED = ('conv_general_dilated', 'dot_general')
LAYERS = ('conv', 'dense', 'pool')

Shape = tuple[int, ...]


class Convolution(NamedTuple):
    """A convolution in a network: side of the kernel, stride, groups and output shape (h, w, c)."""

    kernel: int
    stride: int
    groups: int
    output: Shape


class Pooling(NamedTuple):
    """A windowed pooling in a network: side of the window, stride and output shape (h, w, c)."""

    window: int
    stride: int
    output: Shape


def build(name: str, **fields: Any) -> tuple[nn.Module, Shape]:
    """A network and the shape (h, w, c) of its native images."""
    return registry.build(name, **fields), registry.get(name).input_shape


def cost(name: str, **fields: Any) -> Cost:
    """The cost of a network on one image of its native size."""
    return _cost(*build(name, **fields))


def params(name: str, **fields: Any) -> int:
    """Number of trainable parameters of a network."""
    return sum(_parameters(*build(name, **fields)).values())


def macs(name: str, **fields: Any) -> int:
    """Multiply-adds in a network's convolutions and dense layers for one image."""
    return sum(op.macs for op in operations(name, **fields))


def layer(name: str, path: str, **fields: Any) -> Layer:
    """The row of the convolution or dense layer at `path`."""
    return next(row for row in weighted(name, **fields) if row.path == path)


def weighted(name: str, **fields: Any) -> list[Layer]:
    """The rows of a network's convolutions and dense layers, in the order of execution."""
    return [row for row in cost(name, **fields).layers if row.op in ('conv', 'dense')]


def below(name: str, prefix: str, **fields: Any) -> list[Layer]:
    """The rows of a network's convolutions and dense layers whose path starts with `prefix`."""
    return [row for row in weighted(name, **fields) if row.path.startswith(prefix)]


def weights(name: str, prefix: str, **fields: Any) -> int:
    """Number of weights in the layers whose path starts with `prefix`, without the bias of each output channel."""
    return sum(row.params - row.output_shape[-1] for row in below(name, prefix, **fields))


def connections(name: str, prefix: str = '') -> int:
    """Number of connections, as LeCun et al. 1998 count them, in the layers whose path starts with `prefix`.

    Every multiply-add, pooled value and bias of an output is one; in an RBF layer, every squared difference.
    """
    rows = [row for row in cost(name).layers if row.path.startswith(prefix)]
    layers = sum(row.macs + row.pooling_ops + prod(row.output_shape) for row in rows if row.op in LAYERS)
    return layers + sum(row.reduction_ops for row in rows if row.op not in LAYERS)


def poolings(name: str, **fields: Any) -> list[Pooling]:
    """The windowed poolings of a network in the order of execution; windows are taken to be square."""
    return [_pooling(op) for op in operations(name, **fields) if op.kind == 'pool']


def _pooling(op: Op) -> Pooling:
    inside, outside = op.input_shapes[0][1], op.output_shape[1]
    window = round((op.pooling_ops / prod(op.output_shape)) ** 0.5)
    return Pooling(window, (inside - window) // (outside - 1) if outside > 1 else window, op.output_shape[1:])


def operations(name: str, **fields: Any) -> tuple[Op, ...]:
    """The counted operations of a network's evaluation pass."""
    return _operations(*build(name, **fields))


def convolutions(name: str, **fields: Any) -> dict[str, Convolution]:
    """The convolutions of a network by path, in the order of execution."""
    return _noted(*build(name, **fields)).convolutions


def dropouts(name: str, **fields: Any) -> tuple[float, ...]:
    """The rates of a network's dropout layers, in the order of execution."""
    return _noted(*build(name, **fields)).dropouts


def depth(name: str, **fields: Any) -> int:
    """Number of convolutions and dense layers on the longest path from the image to the logits."""
    return _depth(*build(name, **fields))


def output(name: str, **fields: Any) -> Shape:
    """Shape of a network's output without the batch: logits (k,), or the last feature map (h, w, c)."""
    return _noted(*build(name, **fields)).trace.output.shape[1:]


def parameter_paths(name: str, **fields: Any) -> list[str]:
    """The path of every parameter of a network."""
    return list(_parameters(*build(name, **fields)))


@cache
def layer_cost(module: nn.Module, shape: Shape, batch: int = 1) -> Cost:
    """The cost of one layer on images of `shape` (h, w, c)."""
    return model_cost(module, shape, batch)


def output_shape(function: Callable, shape: Shape) -> Shape:
    """Output shape (h, w, c) of `function` on an image of `shape` (h, w, c)."""
    return jax.eval_shape(function, _image(shape)).shape[1:]


@cache
def _cost(module: nn.Module, shape: Shape) -> Cost:
    return model_cost(module, shape, trace=_noted(module, shape).trace)


def _image(shape: Shape) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *shape), jnp.float32)


class _Noted(NamedTuple):
    """The evaluation pass of a module, and its layers as they were called."""

    trace: Trace
    convolutions: dict[str, Convolution]
    dropouts: tuple[float, ...]


@cache
def _noted(module: nn.Module, shape: Shape) -> _Noted:
    convolved, dropped = {}, {}

    def note(call, args, kwargs, context):
        result, layer = call(*args, **kwargs), context.module
        if isinstance(layer, nn.Conv) and context.method_name == '__call__':
            facts = Convolution(layer.kernel_size[0], layer.strides[0], layer.feature_group_count, result.shape[1:])
            convolved['/'.join(layer.path)] = facts
        elif isinstance(layer, nn.Dropout):
            dropped['/'.join(layer.path)] = layer.rate
        return result

    with nn.intercept_methods(note):
        trace = evaluation(module, _image(shape))
    return _Noted(trace, convolved, tuple(dropped.values()))


def _parameters(module: nn.Module, shape: Shape) -> dict[str, int]:
    leaves = jax.tree_util.tree_leaves_with_path(_noted(module, shape).trace.variables['params'])
    return {'/'.join(key.key for key in keys): prod(leaf.shape) for keys, leaf in leaves}


@cache
def _operations(module: nn.Module, shape: Shape) -> tuple[Op, ...]:
    return operations_in(_noted(module, shape).trace.jaxpr, type(module).__name__)


@cache
def _depth(module: nn.Module, shape: Shape) -> int:
    jaxpr = _noted(module, shape).trace.jaxpr
    return _depths(jaxpr, [0] * len(jaxpr.invars))[0]


def _depths(jaxpr: Jaxpr, inputs: list[int]) -> list[int]:
    """Most layers with weights on a path to each output, given that number for each input."""
    before = dict(zip(jaxpr.invars, inputs, strict=True))
    for eqn in jaxpr.eqns:
        own = [0 if isinstance(v, Literal) else before.get(v, 0) for v in eqn.invars]
        nested = [_depths(inner, own[len(own) - len(inner.invars) :]) for inner in _inner_jaxprs(eqn)]
        step = eqn.primitive.name in WEIGHTED
        after = [max(column) for column in zip(*nested, strict=True)] or [max(own, default=0) + step] * len(eqn.outvars)
        before.update(zip(eqn.outvars, after, strict=True))
    return [0 if isinstance(v, Literal) else before.get(v, 0) for v in jaxpr.outvars]


def _inner_jaxprs(eqn: JaxprEqn) -> Iterator[Jaxpr]:
    """The jaxprs of calls and branches: they take the equation's last inputs and return its outputs."""
    for value in eqn.params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            inner = getattr(item, 'jaxpr', item)
            if isinstance(inner, Jaxpr) and len(inner.outvars) == len(eqn.outvars):
                yield inner
