"""Arrays that a program computes from positions alone: weights of interpolation, and kernels that only move pixels.

`jax.image.resize` multiplies with a matrix of weights, and `conv_general_dilated_patches` convolves with an identity
matrix. These are no layers: such arrays are made from `iota`, no argument and no given array enters, and they are zero
but in a few places. They are recognised by how they are made, without evaluating anything. All other products count in
full, as in fvcore: of two activations (attention), and with filters that the network brings as an array (blur pooling,
a Haar transform) or that have no zeros (a Gaussian, a cosine transform).
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var

from cnn_bench.complexity.calls import called
from cnn_bench.complexity.primitives import FREE


class Fixed(Enum):
    """What is known of an array that no argument and no given array enters."""

    ZERO = 'zero everywhere'
    FILLED = 'other constants'
    POSITIONS = 'computed from positions'
    SPARSE = 'computed from positions, and zero but in a few of them'
    ONE_HOT = 'whether two positions are equal'


_FROM_POSITIONS = {Fixed.POSITIONS, Fixed.SPARSE, Fixed.ONE_HOT}
_MOSTLY_ZERO = {Fixed.ZERO, Fixed.SPARSE, Fixed.ONE_HOT}
Known = Sequence[Fixed | None]  # None: it depends on an argument or a given array


def fixed_arrays(jaxpr: Jaxpr, inputs: Known | None = None) -> dict[Var, Fixed]:
    """What is known of the variables of `jaxpr`, given what is known of its inputs; the others are left out."""
    known: dict[Var, Fixed] = {v: fixed for v, fixed in zip(jaxpr.invars, inputs or (), strict=False) if fixed}
    for eqn in jaxpr.eqns:
        known.update((v, fixed) for v, fixed in zip(eqn.outvars, _outputs(eqn, known), strict=True) if fixed)
    return known


def look_up(variables: Sequence[Var | Literal], known: Mapping[Var, Fixed]) -> list[Fixed | None]:
    """What is known of each of these variables."""
    return [_of_literal(v) if isinstance(v, Literal) else known.get(v) for v in variables]


def _of_literal(literal: Literal) -> Fixed | None:
    if literal.aval.shape:
        return None  # an array that the program brings
    return Fixed.ZERO if literal.val == 0 else Fixed.FILLED


def _outputs(eqn: JaxprEqn, known: Mapping[Var, Fixed]) -> Known:
    inputs = look_up(eqn.invars, known)
    if inner := called(eqn):
        return look_up(inner.outvars, fixed_arrays(inner, inputs))
    return [None if None in inputs else _output(eqn.primitive.name, inputs)] * len(eqn.outvars)


def _output(name: str, inputs: Sequence[Fixed]) -> Fixed:
    from_positions = not _FROM_POSITIONS.isdisjoint(inputs)
    match name:
        case 'iota':
            return Fixed.POSITIONS
        case 'eq' if from_positions:
            return Fixed.ONE_HOT
        case 'select_n' if inputs[0] in _FROM_POSITIONS and not _MOSTLY_ZERO.isdisjoint(inputs[1:]):
            return Fixed.SPARSE
        case 'mul' if not _MOSTLY_ZERO.isdisjoint(inputs):
            return Fixed.SPARSE if from_positions else Fixed.ZERO
        case 'div' if inputs[0] in _MOSTLY_ZERO:
            return Fixed.SPARSE if from_positions else Fixed.ZERO
        case _ if name in FREE and inputs:
            return inputs[0]
    return Fixed.POSITIONS if from_positions else Fixed.FILLED
