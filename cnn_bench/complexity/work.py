"""The work of each JAX primitive. Primitives that are in no table here raise an error; they never count as 0."""

from math import prod
from typing import NamedTuple

from jax.extend.core import JaxprEqn

from cnn_bench.errors import UserError


class Uncountable(UserError):
    """A jaxpr contains an operation of unknown cost: a primitive in no table, or a while loop."""


class Work(NamedTuple):
    """The work of executing one equation once."""

    kind: str
    macs: int = 0
    elementwise_ops: int = 0
    reduction_ops: int = 0
    pooling_ops: int = 0


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


ELEMENTWISE = _names("""
    abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp
    clz complex conj cos cosh digamma div eq eq_to erf erf_inv erfc exp exp2 expm1 floor ge gt
    igamma igamma_grad_a igammac imag integer_pow is_finite le le_to lgamma log log1p log2 logistic
    lt lt_to max min mul mulhi ne neg nextafter not one_minus_square or polygamma polynomial
    population_count pow random_bits real reduce_precision regularized_incomplete_beta rem
    rng_bit_generator rng_uniform round rsqrt select_n shift_left shift_right_arithmetic
    shift_right_logical sign sin sinh sqrt square sub tan tanh threefry2x32 xor zeta
    """)
SCATTERED = _names('scatter-add scatter-max scatter-min scatter-mul scatter-sub')
REDUCTIONS = _names("""
    argmax argmin cumlogsumexp cummax cummin cumprod cumsum reduce reduce_and reduce_max reduce_min
    reduce_or reduce_prod reduce_sum reduce_xor
    """)
POOLING = _names('reduce_window reduce_window_max reduce_window_min reduce_window_sum')
POOLING_BACKWARD = _names('select_and_gather_add select_and_scatter select_and_scatter_add')
# No arithmetic: they move, rename or annotate data, or make constants and keys.
FREE = _names("""
    axis_index bitcast_convert_type broadcast_in_dim convert_element_type copy copy_p
    create_token debug_callback debug_print device_put dynamic_slice dynamic_update_slice empty
    empty2 from_edtype gather iota layout_constraint name optimization_barrier pad platform_index
    pvary random_clone random_fold_in random_seed random_split random_unwrap random_wrap reshape rev
    scatter sharding_constraint slice split squeeze stack stop_gradient tile to_edtype transpose
    unstack zeros_like
    """)


def is_known(name: str) -> bool:
    """Whether `work` knows the cost of the primitive `name`."""
    return name in _RULES or name in FREE


def work(eqn: JaxprEqn) -> Work | None:
    """The work of an equation whose primitive `is_known`, or None if it is free.

    Multiply-adds of a convolution: prod(output) x prod(spatial kernel) x input channels of the kernel /
    prod(lhs_dilation), rounded to an integer. There is no division by the number of groups, since the kernel of a
    grouped convolution has fewer input channels. The zeros that `lhs_dilation` puts between the inputs of a transposed
    convolution are not counted; padding is. Multiply-adds of a matrix product: prod(output) x contracted dimensions.
    """
    rule = _RULES.get(eqn.primitive.name)
    return rule(eqn) if rule else None


def _convolution(eqn: JaxprEqn) -> Work:
    kernel = eqn.invars[1].aval.shape
    _, in_channels, *spatial = eqn.params['dimension_numbers'].rhs_spec
    taps = kernel[in_channels] * prod(kernel[axis] for axis in spatial)
    return Work('conv', macs=_ratio(_out_size(eqn) * taps, prod(eqn.params['lhs_dilation'])))


def _matrix_product(eqn: JaxprEqn) -> Work:
    (contracted, _), _ = eqn.params['dimension_numbers']
    left = eqn.invars[0].aval.shape
    return Work('dense', macs=_out_size(eqn) * prod(left[axis] for axis in contracted))


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


def _ratio(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


_RULES = {
    'conv_general_dilated': _convolution,
    'dot_general': _matrix_product,
    'concatenate': _concatenation,
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(SCATTERED, _scattered),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(POOLING, _pooling),
    **dict.fromkeys(POOLING_BACKWARD, _pooling_backward),
}
