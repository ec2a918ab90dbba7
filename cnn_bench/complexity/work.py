"""The work of each JAX primitive. Primitives without a rule raise an error; they never count as 0."""

from collections.abc import Callable, Mapping
from math import ceil, log2, prod
from types import MappingProxyType
from typing import NamedTuple

from jax.extend.core import JaxprEqn
from numpy import complexfloating, issubdtype

from cnn_bench.complexity.fixed import Fixed, Known
from cnn_bench.complexity.primitives import (
    ELEMENTWISE,
    FREE,
    POOLING,
    POOLING_BACKWARD,
    REDUCTIONS,
    SCATTERED,
)
from cnn_bench.errors import UserError


class Uncountable(UserError):
    """A jaxpr contains an operation of unknown cost: a primitive without a rule, or a while loop."""


class Work(NamedTuple):
    """The work of executing one equation once; the kinds are those of `Op`."""

    kind: str
    macs: int = 0
    elementwise_ops: int = 0
    reduction_ops: int = 0
    pooling_ops: int = 0


KINDS = ('conv', 'dense', 'pool', 'elementwise', 'reduce', 'concatenate')
PRODUCTS = ('conv_general_dilated', 'dot_general')

# By name of the primitive, the work of an equation, or None if it is free. `rules_of` takes them from a network.
Rules = Mapping[str, Callable[[JaxprEqn], Work | None]]
NO_RULES: Rules = MappingProxyType({})


def rules_of(module: object) -> Rules:
    """The rules that a network states for primitives of its own, in the attribute `count_as` of its class."""
    return getattr(type(module), 'count_as', NO_RULES)


def is_known(name: str, rules: Rules) -> bool:
    """Whether `work` knows the cost of the primitive `name`."""
    return name in rules or name in _RULES or name in FREE


def work(eqn: JaxprEqn, inputs: Known, rules: Rules) -> Work | None:
    """The work of an equation whose primitive `is_known`, or None if it is free.

    Args:
        eqn: the equation.
        inputs: what `fixed_arrays` knows of its inputs.
        rules: of primitives that the network's author knows; they come before ours.

    Multiply-adds of a convolution: prod(output) x prod(spatial kernel) x input channels of the kernel. There is no
    division by the number of groups, since the kernel of a grouped convolution has fewer input channels. Padding is
    counted. In a transposed convolution (`lhs_dilation`) the zeros between the inputs are not: along such an axis
    there are output size x taps / dilation products, rounded, but at most one of each input with each tap (as fvcore
    counts) and with each output. Multiply-adds of a matrix product: prod(output) x contracted dimensions.

    A product with weights of interpolation is one elementwise operation per output, and one with a kernel that only
    moves pixels is free (see `fixed`). A sort of n has n log2(n) comparisons, the largest k of n take n log2(k), at
    least n, and an FFT of n complex numbers takes 5 n log2(n) operations, half as many for real numbers.
    """
    name = eqn.primitive.name
    if name in rules:
        return _stated(name, rules[name](eqn))
    if name in PRODUCTS and Fixed.ONE_HOT in inputs:
        return None
    if name in PRODUCTS and Fixed.SPARSE in inputs:
        return _elementwise(eqn)
    rule = _RULES.get(name)
    return rule(eqn) if rule else None


def _stated(name: str, done: Work | None) -> Work | None:
    if done is not None and not (isinstance(done, Work) and done.kind in KINDS):
        kinds = ', '.join(KINDS)
        raise UserError(f'count_as[{name!r}] returns {done!r}; it must return None or a Work of a kind among {kinds}')
    return done


def _convolution(eqn: JaxprEqn) -> Work:
    image, kernel, output = (v.aval.shape for v in (*eqn.invars, *eqn.outvars))
    numbers = eqn.params['dimension_numbers']
    axes = zip(*(spec[2:] for spec in numbers), eqn.params['lhs_dilation'], strict=True)
    batch, features = (output[axis] for axis in numbers.out_spec[:2])
    products = batch * features * kernel[numbers.rhs_spec[1]]
    for lhs, rhs, out, dilation in axes:
        pixels, taps, outputs = image[lhs] * dilation, kernel[rhs], output[out]
        products *= outputs * taps if dilation == 1 else min(outputs * taps, pixels * taps, pixels * outputs)
    return Work('conv', macs=_ratio(products, prod(eqn.params['lhs_dilation'])))


def _matrix_product(eqn: JaxprEqn) -> Work:
    (contracted, _), _ = eqn.params['dimension_numbers']
    left = eqn.invars[0].aval.shape
    return Work('dense', macs=_out_size(eqn) * prod(left[axis] for axis in contracted))


def _ragged_product(eqn: JaxprEqn) -> Work:
    numbers = eqn.params['ragged_dot_dimension_numbers']
    (contracted, _), _ = numbers.dot_dimension_numbers
    left = eqn.invars[0].aval.shape
    products = _out_size(eqn) * prod(left[axis] for axis in contracted)
    if numbers.lhs_ragged_dimensions[0] in contracted:  # each row is in one group, and groups are an axis of the output
        products //= eqn.invars[2].aval.shape[-1]
    return Work('dense', macs=products)


def _sort(eqn: JaxprEqn) -> Work:
    keys = eqn.invars[0].aval
    return Work('elementwise', elementwise_ops=keys.size * _log2(keys.shape[eqn.params['dimension']]))


def _top_k(eqn: JaxprEqn) -> Work:
    return Work('reduce', reduction_ops=eqn.invars[0].aval.size * max(1, _log2(eqn.params['k'])))


def _fft(eqn: JaxprEqn) -> Work:
    length, shapes = prod(eqn.params['fft_lengths']), [v.aval for v in (*eqn.invars, *eqn.outvars)]
    is_real = any(not issubdtype(array.dtype, complexfloating) for array in shapes)
    transforms = max(array.size for array in shapes) // max(1, length)
    return Work('elementwise', elementwise_ops=round(transforms * 5 * length * log2(length or 1) / (1 + is_real)))


def _elementwise(eqn: JaxprEqn) -> Work:
    return Work('elementwise', elementwise_ops=sum(v.aval.size for v in eqn.outvars))


def _scattered(eqn: JaxprEqn) -> Work:
    return Work('elementwise', elementwise_ops=eqn.invars[2].aval.size)


def _reduction(eqn: JaxprEqn) -> Work:
    return Work('reduce', reduction_ops=eqn.invars[0].aval.size)


def _pooling(eqn: JaxprEqn) -> Work:
    window = prod(eqn.params['window_dimensions'])
    return Work('pool', pooling_ops=_ratio(_out_size(eqn) * window, prod(eqn.params['base_dilation'])))


def _pooling_backward(eqn: JaxprEqn) -> Work:
    # The first argument has the output shape of the forward pass, with one window for each element.
    return Work('pool', pooling_ops=eqn.invars[0].aval.size * prod(eqn.params['window_dimensions']))


def _concatenation(eqn: JaxprEqn) -> Work:
    return Work('concatenate')


def _out_size(eqn: JaxprEqn) -> int:
    return eqn.outvars[0].aval.size


def _log2(number: int) -> int:
    return ceil(log2(number)) if number > 1 else 0


def _ratio(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


_RULES = {
    'conv_general_dilated': _convolution,
    'dot_general': _matrix_product,
    'ragged_dot_general': _ragged_product,
    'sort': _sort,
    **dict.fromkeys(('top_k', 'approx_top_k'), _top_k),
    'fft': _fft,
    'concatenate': _concatenation,
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(SCATTERED, _scattered),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(POOLING, _pooling),
    **dict.fromkeys(POOLING_BACKWARD, _pooling_backward),
}
