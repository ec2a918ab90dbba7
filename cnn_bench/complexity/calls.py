"""The program inside an equation that only calls it, as jit, remat and custom derivatives do."""

from collections.abc import Iterator
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn


def called(eqn: JaxprEqn) -> Jaxpr | None:
    """The jaxpr that an equation executes exactly once, or None if it is no such call.

    Any primitive is taken for one, whatever its name, if it holds exactly one jaxpr, and that has the equation's input
    and output shapes. This excludes kernels over a grid, programs per device and primitives that do the work
    themselves.
    """
    jaxprs = [jaxpr for value in eqn.params.values() for jaxpr in _jaxprs(value)]
    return jaxprs[0] if len(jaxprs) == 1 and _signature(jaxprs[0]) == _signature(eqn) else None


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
