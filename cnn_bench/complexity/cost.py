"""The cost of a Flax module, in evaluation and in training, from shapes alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp

from cnn_bench.complexity.rows import WORK, Layer, layers, parameters_by_path, total
from cnn_bench.complexity.trace import Trace, evaluation, initialise, key, mode
from cnn_bench.complexity.train_step import AUX, loss_function, residual_bytes
from cnn_bench.complexity.walk import LAYER_KINDS, count, operations
from cnn_bench.complexity.work import rules_of
from cnn_bench.errors import UserError


@dataclass(frozen=True)
class Cost:
    """The cost of an evaluation pass over a batch and, if requested, of a training step.

    The columns are described in the package; `layers` has a row per layer, and the columns are their sums. The training
    columns are None unless requested: `train_params` includes auxiliary heads; `train_macs` are those of the forward
    pass and of both products in the backward pass (the first layer needs no gradient of its input);
    `train_residual_bytes` is what the backward pass keeps (see `train_step.residual_bytes`); `train_layers` are the
    rows of the whole step. The optimiser's work is not included.
    """

    input_shape: tuple[int, int, int, int]
    params: int
    param_bytes: int
    macs: int
    elementwise_ops: int
    reduction_ops: int
    pooling_ops: int
    activation_bytes: int
    layers: tuple[Layer, ...]
    train_params: int | None = None
    train_macs: int | None = None
    train_residual_bytes: int | None = None
    train_layers: tuple[Layer, ...] = ()

    @property
    def flops(self) -> int:
        """Floating-point operations of convolutions and dense layers: two per multiply-add."""
        return 2 * self.macs


def model_cost(
    module: nn.Module,
    input_shape: tuple[int, int, int],
    batch: int = 1,
    train: bool = False,
    trace: Trace | None = None,
) -> Cost:
    """Count `module` on float32 images of `input_shape` (h, w, c), `batch` at a time.

    `module.__call__(image)` takes (n, h, w, c) and may have an argument `train`. With `train`, a training step is
    counted as well: the gradient of the mean cross-entropy (or mean output) with respect to the parameters. The `trace`
    of the module on such a batch, if there is one, need not be made again. A class attribute `count_as` of the module
    states the work of primitives that are not known here, as the `rules` of `count` do.

    Raises `UserError` for sizes that are not positive or do not suit the module, and `Uncountable` for operations
    without a known cost.
    """
    shape = whole_numbers(input_shape, batch)
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    root = module.name or type(module).__name__
    trace = trace or explained(partial(evaluation, module, image), root, shape)
    ops = explained(partial(operations, trace.jaxpr, root, rules_of(module)), root, shape)
    for op in ops:
        if op.kind in LAYER_KINDS and 0 in op.output_shape:
            raise _cannot_count(root, shape, f'the output of {op.path or op.kind} would be empty')
    params = trace.variables.get('params', {})
    cost = Cost(
        input_shape=shape,
        params=_size(params),
        param_bytes=sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params)),
        layers=layers(ops, parameters_by_path(params)),
        **{column: total(ops, column) for column in WORK},
    )
    return _with_training(cost, module, image, root) if train else cost


def _with_training(cost: Cost, module: nn.Module, image: jax.ShapeDtypeStruct, root: str) -> Cost:
    variables = explained(partial(initialise, module, image, train=True), root, image.shape)
    params = variables.get('params', {})
    state = {name: value for name, value in variables.items() if name not in ('params', AUX)}
    labels = jax.ShapeDtypeStruct(image.shape[:1], jnp.int32)
    loss = loss_function(module, **mode(module, train=True))
    args = (params, state, image, labels, key())
    step = partial(count, jax.value_and_grad(loss, has_aux=True), *args, root=root, rules=rules_of(module))
    ops = explained(step, root, image.shape)
    return replace(
        cost,
        train_params=_size(params),
        train_macs=total(ops, 'macs'),
        train_residual_bytes=residual_bytes(loss, *args),
        train_layers=layers(ops, parameters_by_path(params)),
    )


def _size(tree: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def whole_numbers(input_shape: tuple[int, int, int], batch: int) -> tuple[int, int, int, int]:
    """The shape (n, h, w, c) of a batch, as integers. Raises `UserError` for sizes below 1."""
    h, w, c = (int(n) for n in input_shape)
    for what, number in (('batch', batch), ('height', h), ('width', w), ('number of channels', c)):
        if number < 1:
            raise UserError(f'the {what} must be at least 1, not {number}')
    return int(batch), h, w, c


def explained(step: Callable[[], Any], name: str, shape: tuple[int, ...]) -> Any:
    """`step()`, with errors of JAX and Flax about shapes turned into a `UserError`."""
    try:
        return step()
    except (ValueError, TypeError, ArithmeticError, flax.errors.FlaxError) as error:
        reason = str(error).strip().partition('\n')[0]
        raise _cannot_count(name, shape, reason or type(error).__name__) from error


def _cannot_count(name: str, shape: tuple[int, ...], reason: str) -> UserError:
    _, h, w, c = shape
    return UserError(f'cannot count {name} on images of {h}x{w}x{c}: {reason}')
