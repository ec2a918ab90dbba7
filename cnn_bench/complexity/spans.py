"""How each equation of a jaxpr changes the pixels that an array's elements depend on."""

from collections.abc import Callable, Sequence
from math import inf, prod
from typing import NamedTuple

from jax.extend.core import JaxprEqn

from cnn_bench.complexity.paths import module_path
from cnn_bench.complexity.primitives import ELEMENTWISE, POOLING, REDUCTIONS
from cnn_bench.complexity.work import Uncountable


class Span(NamedTuple):
    """Along one axis of the image: position i on `axis` of an array sees pixels jump * i + low to jump * i + high."""

    axis: int | None  # None: no axis of the array corresponds to it
    jump: int | None
    low: float
    high: float

    def window(self, taps: int, stride: int, pad: int, dilation: int = 1) -> 'Span':
        """The span after a window that moves along this axis."""
        first = self.low - self.jump * pad
        last = self.high + self.jump * ((taps - 1) * dilation - pad)
        return Span(self.axis, self.jump * stride, first, last)


Spans = tuple[Span, Span]
_WHOLE = Span(None, None, -inf, inf)
# Outputs correspond to inputs element by element.
UNMOVED = frozenset(
    'convert_element_type copy copy_p device_put layout_constraint name optimization_barrier pvary'
    ' sharding_constraint stop_gradient'.split()
)


def propagate(eqn: JaxprEqn, inputs: Sequence[Spans | None], stack: str) -> list[Spans]:
    """The spans of an equation's outputs; None in `inputs` stands for arrays that do not depend on the image.

    Raises `Uncountable` for a primitive without a rule here, and if the outputs' fields are not evenly spaced.
    """
    where = module_path(stack) or 'the top level'
    rule = _RULES.get(eqn.primitive.name)
    if rule is None:
        raise _unknown(eqn, where)
    try:
        return rule(eqn, inputs)
    except _Uneven:
        raise _unknown(eqn, where) from None


def hull(spans: Sequence[Spans]) -> Spans:
    """The smallest spans that contain all given ones."""
    return tuple(_hull(along) for along in zip(*spans, strict=True))


class _Uneven(Exception):
    """The fields of positions along an axis are not evenly spaced."""


def _unknown(eqn: JaxprEqn, where: str) -> Uncountable:
    return Uncountable(f'no receptive field behind the primitive {eqn.primitive.name!r} at {where}')


def _hull(spans: Sequence[Span]) -> Span:
    on_axis = [span for span in spans if span.axis is not None]
    if not on_axis:
        return spans[0] if len(set(spans)) == 1 else _WHOLE
    first = on_axis[0]
    if any((span.axis, span.jump) != (first.axis, first.jump) for span in on_axis):
        raise _Uneven
    if len(on_axis) < len(spans):  # an array without this axis contributes to all positions
        return first._replace(low=-inf, high=inf)
    return first._replace(low=min(span.low for span in spans), high=max(span.high for span in spans))


def _each(move: Callable[[JaxprEqn, Span], Span]) -> Callable:
    """Rule for primitives with one array that depends on the image: `move` each of its spans that has an axis."""

    def rule(eqn, inputs):
        (spans,) = [known for known in inputs if known]
        moved = tuple(span if span.axis is None else move(eqn, span) for span in spans)
        return [moved for _ in eqn.outvars]

    return rule


def _same(eqn, inputs):
    return list(inputs)


def _together(eqn, inputs):
    return [hull([spans for spans in inputs if spans]) for _ in eqn.outvars]


def _convolution(eqn, inputs):
    if inputs[1]:
        raise _Uneven
    lhs, rhs, out = eqn.params['dimension_numbers']
    kernel = eqn.invars[1].aval.shape

    def move(span):
        if span.axis is None:
            return span
        if span.axis == lhs[1]:
            return _WHOLE
        number = lhs.index(span.axis) - 2
        if number < 0:
            return span._replace(axis=out[0])
        if eqn.params['lhs_dilation'][number] > 1:
            raise _Uneven
        window = [eqn.params[key][number] for key in ('window_strides', 'padding', 'rhs_dilation')]
        moved = span.window(kernel[rhs[2 + number]], window[0], window[1][0], window[2])
        return moved._replace(axis=out[2 + number])

    return [tuple(move(span) for span in inputs[0])]


def _pooling(eqn, span):
    if eqn.params['base_dilation'][span.axis] > 1:
        raise _Uneven
    window = [eqn.params[key][span.axis] for key in ('window_dimensions', 'window_strides', 'padding')]
    return span.window(window[0], window[1], window[2][0], eqn.params['window_dilation'][span.axis])


def _matrix_product(eqn, inputs):
    contracted, batch = eqn.params['dimension_numbers']
    ranks = [v.aval.ndim for v in eqn.invars]
    left, right = (
        [axis for axis in range(rank) if axis not in (*summed, *shared)]
        for rank, summed, shared in zip(ranks, contracted, batch, strict=True)
    )
    orders = [*batch[0], *left, *[None] * len(right)], [*batch[1], *[None] * len(left), *right]
    pairs = zip(inputs, orders, strict=True)
    return [hull([tuple(_placed(span, order) for span in spans) for spans, order in pairs if spans])]


def _placed(span: Span, order: Sequence[int | None]) -> Span:
    """The span with its axis moved to its position in `order`, or the whole image if it is not in there."""
    if span.axis is None:
        return span
    return span._replace(axis=order.index(span.axis)) if span.axis in order else _WHOLE


def _reduction(eqn, span):
    axes = eqn.params.get('axes', eqn.params.get('dimensions'))
    if axes is None:  # cumulative
        return span._replace(low=-inf, high=inf) if span.axis == eqn.params['axis'] else span
    return _placed(span, [axis for axis in range(eqn.invars[0].aval.ndim) if axis not in axes])


def _reshape(eqn, span):
    before, after = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    for axis, size in enumerate(after):
        if size == before[span.axis] and prod(after[:axis]) == prod(before[: span.axis]):
            return span._replace(axis=axis)
    return _WHOLE


def _squeeze(eqn, span):
    return _placed(span, [axis for axis in range(eqn.invars[0].aval.ndim) if axis not in eqn.params['dimensions']])


def _transpose(eqn, span):
    return _placed(span, eqn.params['permutation'])


def _broadcast(eqn, span):
    axis = eqn.params['broadcast_dimensions'][span.axis]
    stretched = eqn.params['shape'][axis] != eqn.invars[0].aval.shape[span.axis]
    return _WHOLE if stretched else span._replace(axis=axis)


def _slice(eqn, span):
    stride = (eqn.params['strides'] or (1,) * eqn.invars[0].aval.ndim)[span.axis]
    return span.window(1, stride, -eqn.params['start_indices'][span.axis])


def _split(eqn, inputs):
    starts = [sum(eqn.params['sizes'][:number]) for number in range(len(eqn.outvars))]

    def move(span, start):
        return span.window(1, 1, -start) if span.axis == eqn.params['axis'] else span

    return [tuple(move(span, start) for span in inputs[0]) for start in starts]


def _pad(eqn, span):
    before, _, between = eqn.params['padding_config'][span.axis]
    if between:
        raise _Uneven
    return span.window(1, 1, before)


def _concatenation(eqn, inputs):
    known = [spans for spans in inputs if spans]
    if any(span.axis == eqn.params['dimension'] for spans in known for span in spans):
        raise _Uneven
    return [hull(known)]


def _stack(eqn, inputs):
    new = eqn.params['axis']

    def move(span):
        return span._replace(axis=span.axis + 1) if span.axis is not None and span.axis >= new else span

    return [tuple(map(move, hull([spans for spans in inputs if spans])))]


_RULES = {
    'conv_general_dilated': _convolution,
    'dot_general': _matrix_product,
    'reshape': _each(_reshape),
    'squeeze': _each(_squeeze),
    'transpose': _each(_transpose),
    'broadcast_in_dim': _each(_broadcast),
    'slice': _each(_slice),
    'split': _split,
    'pad': _each(_pad),
    'concatenate': _concatenation,
    'stack': _stack,
    **dict.fromkeys(ELEMENTWISE, _together),
    **dict.fromkeys(REDUCTIONS, _each(_reduction)),
    **dict.fromkeys(POOLING, _each(_pooling)),
    **dict.fromkeys(UNMOVED, _same),
}
