"""Operations with one implementation by XLA and, on CPUs, a faster one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import NamedTuple

import jax
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir, xla

_DISABLED = ContextVar('fast_ops_disabled', default=False)


@contextmanager
def disabled() -> Iterator[None]:
    """Trace networks with Linen's and XLA's own operations, for comparison or debugging.

    A compiled function keeps the operations that it was traced with, so use a separate `jax.jit` inside.
    """
    token = _DISABLED.set(True)
    try:
        yield
    finally:
        _DISABLED.reset(token)


def are_disabled() -> bool:
    """Whether the code runs inside `disabled`."""
    return _DISABLED.get()


class Operation(NamedTuple):
    """An operation by XLA, its gradient on CPUs and, if given, the operation itself on CPUs.

    JAX finds compiled functions by identity, so make each operation once (`functools.cache`).
    """

    xla: Callable  # (*args) -> result
    cpu_gradient: Callable  # (g, *args) -> a gradient for each of args
    cpu: Callable | None = None


def apply(op: Operation, *args: jax.Array) -> jax.Array:
    """The result of an operation; inside `disabled`, XLA's, with the gradient that JAX derives."""
    return op.xla(*args) if are_disabled() else _with_own_gradient(op, *args)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _with_own_gradient(op, *args):
    return op.xla(*args) if op.cpu is None else _by_platform(op.xla, op.cpu, *args)


def _gradient(op, args, g):
    return _by_platform(pullback(op.xla), op.cpu_gradient, g, *args)


_with_own_gradient.defvjp(lambda op, *args: (_with_own_gradient(op, *args), args), _gradient)


@cache
def pullback(function: Callable) -> Callable:
    """(g, *args) -> the gradients that JAX derives for each of args."""
    return lambda g, *args: jax.vjp(function, *args)[1](g)


# --- A call that a CPU's compiler replaces. Its jaxpr is what XLA computes elsewhere, and what is counted.

_call = Primitive('call_by_platform')
_call.multiple_results = True
_call.def_abstract_eval(lambda *_, jaxpr, cpu: jaxpr.out_avals)
_call.def_impl(partial(xla.apply_primitive, _call))
mlir.register_lowering(_call, mlir.lower_fun(lambda *args, jaxpr, cpu: jaxpr_as_fun(jaxpr)(*args)))
mlir.register_lowering(_call, mlir.lower_fun(lambda *args, jaxpr, cpu: jax.tree.leaves(cpu(*args))), 'cpu')


def _batch(args, axes, *, jaxpr, cpu):
    outputs = jax.vmap(jaxpr_as_fun(jaxpr), axes)(*args)
    return outputs, [0] * len(outputs)


def _differentiate(args, tangents, *, jaxpr, cpu):
    """For second derivatives; the first has a rule of its own."""
    tangents = tuple(ad.instantiate_zeros(tangent) for tangent in tangents)
    return jax.jvp(jaxpr_as_fun(jaxpr), tuple(args), tangents)


batching.primitive_batchers[_call] = _batch
ad.primitive_jvps[_call] = _differentiate


def _by_platform(function: Callable, cpu: Callable, *args):
    """`function(*args)`, computed by `cpu(*args)` on CPUs."""
    traced = _jitted(function).trace(*args)
    outputs = _call.bind(*args, jaxpr=traced.jaxpr, cpu=cpu)
    return jax.tree.unflatten(jax.tree.structure(traced.out_info), outputs)


@cache
def _jitted(function: Callable) -> Callable:
    """The compiled function, which traces arguments of the same shapes once: blocks of a network are often alike."""
    return jax.jit(function)
