"""What a Flax module costs, forward and in training, from its shapes alone."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp

from cnn_bench.complexity.layers import WORK, Layer, layers, parameters_by_path, total
from cnn_bench.complexity.training import AUX, loss_function, residual_bytes
from cnn_bench.complexity.walk import LAYER_KINDS, count
from cnn_bench.errors import UserError


@dataclass(frozen=True)
class Cost:
    """What one evaluation pass over a batch costs and, where asked for, one training step.

    The columns are those of the package; `layers` has a row per layer and sums to them. The training figures
    are None unless they were asked for: `train_params` with the auxiliary heads, `train_macs` of the forward
    pass and both products of the backward pass (the first layer needs no gradient of its input),
    `train_residual_bytes` that the backward pass keeps (see `training.residual_bytes`), `train_layers` the
    rows of the whole step. The optimiser's own work is not part of the step.
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
    variables: dict | None = None,
) -> Cost:
    """Count `module` on float32 images of `input_shape` (h, w, c), `batch` at a time.

    `module.__call__(image)` takes (n, h, w, c) and may have an argument `train`. With `train`, the training
    step is counted as well: the gradient of the mean cross-entropy (or mean output) with respect to the
    parameters. `variables` are the module's as shapes, where they are known: so they need not be traced.

    Raises `UserError` for sizes that are not positive or that the module cannot take, `Uncountable` for work
    that has no known count.
    """
    shape = whole_numbers(input_shape, batch)
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    root = module.name or type(module).__name__
    if variables is None:
        variables = explained(partial(initialise, module, image, train=False), root, shape)
    ops = explained(partial(count, evaluation(module), variables, image, root=root), root, shape)
    for op in ops:
        if op.kind in LAYER_KINDS and 0 in op.output_shape:
            raise _cannot_count(root, shape, f'the output of {op.path or op.kind} would be empty')
    params = variables.get('params', {})
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
    loss = loss_function(module, **_mode(module, train=True))
    args = (params, state, image, labels, _key())
    step = partial(count, jax.value_and_grad(loss, has_aux=True), *args, root=root)
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


def _mode(module: nn.Module, train: bool) -> dict[str, bool]:
    return {'train': train} if 'train' in inspect.signature(type(module).__call__).parameters else {}


def _key() -> jax.ShapeDtypeStruct:
    return jax.eval_shape(lambda: jax.random.key(0))


def initialise(module: nn.Module, image: jax.ShapeDtypeStruct, train: bool) -> dict:
    """The module's variables as shapes."""
    key = _key()
    return dict(jax.eval_shape(partial(module.init, **_mode(module, train)), {'params': key, 'dropout': key}, image))


def evaluation(module: nn.Module) -> Callable:
    """The evaluation pass `apply(variables, image)`."""
    return partial(module.apply, **_mode(module, train=False))


def whole_numbers(input_shape: tuple[int, int, int], batch: int) -> tuple[int, int, int, int]:
    """The shape (n, h, w, c) of a batch. Raises `UserError` for sizes below 1."""
    h, w, c = (int(n) for n in input_shape)
    for what, number in (('batch', batch), ('height', h), ('width', w), ('number of channels', c)):
        if number < 1:
            raise UserError(f'the {what} must be at least 1, not {number}')
    return int(batch), h, w, c


def explained(step: Callable[[], Any], name: str, shape: tuple[int, ...]) -> Any:
    """`step()`, with what JAX and Flax say about shapes that do not fit turned into a `UserError`."""
    try:
        return step()
    except (ValueError, TypeError, ArithmeticError, flax.errors.FlaxError) as error:
        reason = str(error).strip().partition('\n')[0]
        raise _cannot_count(name, shape, reason or type(error).__name__) from error


def _cannot_count(name: str, shape: tuple[int, ...], reason: str) -> UserError:
    _, h, w, c = shape
    return UserError(f'cannot count {name} on images of {h}x{w}x{c}: {reason}')
