"""The walk over a jaxpr that turns a JAX function into a list of counted operations."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from cnn_bench.complexity.paths import is_backward, join, module_path
from cnn_bench.complexity.primitives import Uncountable, Work, is_known, work

LAYER_KINDS = ('conv', 'dense', 'pool')


@dataclass(frozen=True)
class Op:
    """One equation that does work. Inside a scan it stands for all iterations; `output_shape` is that of one.

    `kind` is 'conv', 'dense' (any matrix product), 'pool', 'elementwise', 'reduce' or 'concatenate' (free).
    `backward` marks the operations of a backward pass; they add no `activation_bytes`.
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


def count(fn: Callable, *args: Any, root: str = '') -> tuple[Op, ...]:
    """The operations of `fn(*args)` in execution order.

    `args` are pytrees of arrays or `jax.ShapeDtypeStruct`s. `root` is the scope name to drop from the front
    of every path, a Flax module's class name. A scan counts its body times its length, a `cond` its dearest
    branch: the one with most MACs, then most pooling, then most of the rest. What no output needs and what
    depends on no argument is left out, as the compiler leaves it out. Otherwise the program is counted as it
    was traced, before any optimisation. The gradient of a convolution's input counts as the convolution does.
    Moving data is no operation, except that concatenations are listed, for the shape of what is made in parts.

    Raises `Uncountable` for a while loop and for a primitive that is in no table of `primitives`.
    """
    closed = jax.make_jaxpr(fn)(*args)
    return _input_gradients(tuple(_named(op, root) for op in _walk(closed.jaxpr, '', 1)))


def data_dependent(jaxpr: Jaxpr, inputs: list[bool] | None = None) -> set[Var]:
    """The variables of `jaxpr` whose values depend on its inputs (or only on those marked in `inputs`).

    The others are constants, which the compiler makes on the spot.
    """
    marked = inputs or [True] * len(jaxpr.invars)
    live = {*jaxpr.constvars, *(v for v, mark in zip(jaxpr.invars, marked, strict=True) if mark)}
    for eqn in jaxpr.eqns:
        if any(flags(eqn.invars, live)):
            live.update(eqn.outvars)
    return live


def needed(jaxpr: Jaxpr, outputs: list[bool] | None = None) -> set[Var]:
    """The variables of `jaxpr` that its outputs (or only those marked in `outputs`) are computed from."""
    marked = outputs or [True] * len(jaxpr.outvars)
    wanted = {v for v, mark in zip(jaxpr.outvars, marked, strict=True) if mark and not isinstance(v, Literal)}
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or any(flags(eqn.outvars, wanted)):
            wanted.update(v for v in eqn.invars if not isinstance(v, Literal))
    return wanted


def _walk(
    jaxpr: Jaxpr,
    outer: str,
    times: int,
    live_inputs: list[bool] | None = None,
    needed_outputs: list[bool] | None = None,
) -> Iterator[Op]:
    """The operations of `jaxpr` executed `times` times, with whole name stacks for paths."""
    live, wanted = data_dependent(jaxpr, live_inputs), needed(jaxpr, needed_outputs)
    for eqn in jaxpr.eqns:
        inputs, outputs = flags(eqn.invars, live), flags(eqn.outvars, wanted)
        if not any(inputs) or not (any(outputs) or eqn.effects):
            continue
        stack = join(outer, str(eqn.source_info.name_stack))
        name = eqn.primitive.name
        if is_known(name):
            if done := work(eqn):
                yield _op(eqn, done, stack, times)
        elif name == 'scan':
            yield from _walk(eqn.params['jaxpr'].jaxpr, stack, times * eqn.params['length'])
        elif name == 'cond':
            choices = [b.jaxpr for b in eqn.params['branches']]
            yield from max((tuple(_walk(b, stack, times, inputs[1:], outputs)) for b in choices), key=_dearness)
        else:
            yield from _walk(called(eqn, stack), stack, times, inputs, outputs)


def _named(op: Op, root: str) -> Op:
    backward = is_backward(op.path)
    kept = 0 if backward else op.activation_bytes
    return replace(op, path=module_path(op.path, root), backward=backward, activation_bytes=kept)


def flags(variables: list[Var | Literal], among: Container[Var]) -> list[bool]:
    """Of each variable, whether it is in `among`; a literal is not."""
    return [not isinstance(v, Literal) and v in among for v in variables]


def _input_gradients(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """`ops` with every gradient of a convolution's input at as many MACs as the convolution.

    It multiplies the same pairs. But where the convolution leaves out the border, the jaxpr of the
    gradient pads it, and where its stride does not divide the image, the quotient of `work` is not exact.
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


def called(eqn: JaxprEqn, stack: str) -> Jaxpr:
    """The jaxpr that an equation executes exactly once: that of jit, remat, a custom derivative, ...

    Any primitive counts as such a call, whatever its name, if it holds one jaxpr only and that has the
    equation's own input and output shapes. This tells a call from a kernel over a grid, a program per device
    and a primitive that does its work itself.
    """
    name, where = eqn.primitive.name, module_path(stack) or 'the top level'
    if name == 'while':
        raise Uncountable(
            f'cannot count the while loop at {where}: its number of steps is not known before it runs'
            ' (use lax.scan, or fori_loop with constant bounds)'
        )
    inner = [j for value in eqn.params.values() for j in _jaxprs(value)]
    if len(inner) == 1 and _signature(inner[0]) == _signature(eqn):
        return inner[0]
    raise Uncountable(f'cannot count the primitive {name!r} at {where}: its work is not known')


def _jaxprs(value: Any) -> Iterator[Jaxpr]:
    if isinstance(value, ClosedJaxpr):
        yield value.jaxpr
    elif isinstance(value, Jaxpr):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _jaxprs(item)


def _signature(program: Jaxpr | JaxprEqn) -> list[list]:
    return [[getattr(v.aval, 'shape', None) for v in side] for side in (program.invars, program.outvars)]


def _dearness(ops: tuple[Op, ...]) -> tuple[int, ...]:
    columns = ('macs', 'pooling_ops', 'elementwise_ops', 'reduction_ops')
    return tuple(sum(getattr(op, column) for op in ops) for column in columns)
