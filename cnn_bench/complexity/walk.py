"""Walk over the jaxpr of a JAX function and list its operations with their work."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import jax
from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var

from cnn_bench.complexity.calls import called
from cnn_bench.complexity.fixed import Known, fixed_arrays, look_up
from cnn_bench.complexity.paths import is_backward, join, module_path
from cnn_bench.complexity.work import NO_RULES, Rules, Uncountable, Work, is_known, work

LAYER_KINDS = ('conv', 'dense', 'pool')


@dataclass(frozen=True)
class Op:
    """One equation with its work. Inside a scan, the work is that of all iterations and `output_shape` that of one.

    `kind` is 'conv', 'dense' (any matrix product), 'pool', 'elementwise', 'reduce' or 'concatenate' (free). `backward`
    marks operations of a backward pass; they have no `activation_bytes`.
    """

    path: str
    kind: str
    primitive: str
    output_shape: tuple[int, ...]
    input_shapes: tuple[tuple[int, ...], ...] = ()
    macs: int = 0
    elementwise_ops: int = 0
    reduction_ops: int = 0
    pooling_ops: int = 0
    activation_bytes: int = 0
    backward: bool = False


def count(fn: Callable, *args: Any, root: str = '', rules: Rules = NO_RULES) -> tuple[Op, ...]:
    """The operations of `fn(*args)` in execution order.

    `args` are pytrees of arrays or `jax.ShapeDtypeStruct`s. `root` is the name to drop from the front of every path,
    the class name of a Flax module. A scan counts its body times its length, a `cond` its most expensive branch: the
    one with most MACs, then most pooling, then most of the rest. Like the compiler, it leaves out what no output needs
    and what depends on no argument. Otherwise the program is counted as traced, before any optimisation. The gradient
    of a convolution's input has as many MACs as the convolution. Moving data is not an operation, but concatenations
    are listed, for the output shape of layers that are computed in parts.

    `rules` state the work of primitives that `work` does not know, or know better than it does:
    `{'my_primitive': lambda eqn: Work('dense', macs=eqn.outvars[0].aval.size * 9)}`.

    Raises `Uncountable` for a while loop and for any other primitive.
    """
    return operations(jax.make_jaxpr(fn)(*args).jaxpr, root, rules)


def operations(jaxpr: Jaxpr, root: str = '', rules: Rules = NO_RULES) -> tuple[Op, ...]:
    """The operations of a program that is traced already, as `count` gives them."""
    return _input_gradients(tuple(_named(op, root) for op in _walk(jaxpr, '', 1, rules)))


def data_dependent(jaxpr: Jaxpr, inputs: list[bool] | None = None) -> set[Var]:
    """The variables of `jaxpr` that depend on its inputs (on those selected by the mask `inputs`).

    All others are constants, which the compiler folds.
    """
    selected = inputs or [True] * len(jaxpr.invars)
    dependent = {*jaxpr.constvars, *(v for v, chosen in zip(jaxpr.invars, selected, strict=True) if chosen)}
    for eqn in jaxpr.eqns:
        if any(mask(eqn.invars, dependent)):
            dependent.update(eqn.outvars)
    return dependent


def live_vars(jaxpr: Jaxpr, outputs: list[bool] | None = None) -> set[Var]:
    """The variables of `jaxpr` that its outputs (those selected by the mask `outputs`) are computed from."""
    selected = outputs or [True] * len(jaxpr.outvars)
    live = {v for v, chosen in zip(jaxpr.outvars, selected, strict=True) if chosen and not isinstance(v, Literal)}
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or any(mask(eqn.outvars, live)):
            live.update(v for v in eqn.invars if not isinstance(v, Literal))
    return live


def _walk(
    jaxpr: Jaxpr,
    outer: str,
    times: int,
    rules: Rules,
    known_inputs: Known | None = None,
    input_mask: list[bool] | None = None,
    output_mask: list[bool] | None = None,
) -> Iterator[Op]:
    """The operations of `jaxpr`, executed `times` times, with full name stacks as paths."""
    dependent, live = data_dependent(jaxpr, input_mask), live_vars(jaxpr, output_mask)
    fixed = fixed_arrays(jaxpr, known_inputs)
    for eqn in jaxpr.eqns:
        inputs, outputs = mask(eqn.invars, dependent), mask(eqn.outvars, live)
        if not any(inputs) or not (any(outputs) or eqn.effects):
            continue
        stack = join(outer, str(eqn.source_info.name_stack))
        name, known = eqn.primitive.name, look_up(eqn.invars, fixed)
        if is_known(name, rules):
            if done := work(eqn, known, rules):
                yield _op(eqn, done, stack, times)
        elif name == 'scan':
            body, steps = eqn.params['jaxpr'].jaxpr, eqn.params['length']
            constants = eqn.params['num_consts']
            known[constants:] = [None] * (len(known) - constants)
            yield from _walk(body, stack, times * steps, rules, known)
        elif name == 'cond':
            choices = [b.jaxpr for b in eqn.params['branches']]
            tried = (_walk(b, stack, times, rules, known[1:], inputs[1:], outputs) for b in choices)
            yield from max(map(tuple, tried), key=_expense)
        else:
            yield from _walk(inner_jaxpr(eqn, stack), stack, times, rules, known, inputs, outputs)


def _named(op: Op, root: str) -> Op:
    backward = is_backward(op.path)
    kept = 0 if backward else op.activation_bytes
    return replace(op, path=module_path(op.path, root), backward=backward, activation_bytes=kept)


def mask(variables: list[Var | Literal], among: Container[Var]) -> list[bool]:
    """Whether each variable is in `among`; literals never are."""
    return [not isinstance(v, Literal) and v in among for v in variables]


def _input_gradients(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """`ops`, with the gradient of a convolution's input given as many MACs as the convolution.

    Both multiply the same pairs. But without padding in the convolution, the jaxpr of the gradient has padding; and if
    the stride does not divide the image size, the quotient in `work` is not exact.
    """
    forward = {_conv_key(op, op.input_shapes[0]): op.macs for op in ops if op.kind == 'conv' and not op.backward}
    return tuple(
        replace(op, macs=forward.get(_conv_key(op, op.output_shape), op.macs))
        if op.kind == 'conv' and op.backward
        else op
        for op in ops
    )


def _conv_key(op: Op, image: tuple[int, ...]) -> tuple:
    return op.path, image, prod(op.input_shapes[1])


def _op(eqn: JaxprEqn, done: Work, stack: str, times: int) -> Op:
    out = eqn.outvars[0].aval
    return Op(
        path=stack,
        kind=done.kind,
        primitive=eqn.primitive.name,
        output_shape=tuple(out.shape),
        input_shapes=tuple(tuple(v.aval.shape) for v in eqn.invars),
        macs=times * done.macs,
        elementwise_ops=times * done.elementwise_ops,
        reduction_ops=times * done.reduction_ops,
        pooling_ops=times * done.pooling_ops,
        activation_bytes=times * out.size * out.dtype.itemsize if done.kind in LAYER_KINDS else 0,
    )


def inner_jaxpr(eqn: JaxprEqn, stack: str) -> Jaxpr:
    """The jaxpr that an equation calls (see `called`). Raises `Uncountable` for any other primitive."""
    name, where = eqn.primitive.name, module_path(stack) or 'the top level'
    if name == 'while':
        raise Uncountable(
            f'cannot count the while loop at {where}: its number of steps is not known before it runs'
            ' (use lax.scan, or fori_loop with constant bounds)'
        )
    if (inner := called(eqn)) is None:
        raise Uncountable(
            f'cannot count the primitive {name!r} at {where}: its work is not known'
            ' (the attribute `count_as` of a network states it)'
        )
    return inner


def _expense(ops: tuple[Op, ...]) -> tuple[int, ...]:
    columns = ('macs', 'pooling_ops', 'elementwise_ops', 'reduction_ops')
    return tuple(sum(getattr(op, column) for op in ops) for column in columns)
