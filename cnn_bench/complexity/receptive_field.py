"""Which pixels of the image an output of each layer is computed from, read off the jaxpr like the costs.

Along an axis, output i of a map covers the pixels jump * i + start to jump * i + start + size - 1, on whatever path
through the network. Padding counts as if the image went on, so a field can be larger than the image. It is the
smallest interval that holds all of them, exact for convolutions (dilated ones with their gaps), pooling, sums,
concatenations, slices and padding. A mean over the whole map, a dense layer behind a flattened one, and whatever a
reshape takes out of its place, see the whole image: the size is None there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var

from cnn_bench.complexity.cost import explained, initialise, whole_numbers
from cnn_bench.complexity.paths import join, module_path
from cnn_bench.complexity.primitives import ELEMENTWISE, POOLING, REDUCTIONS, Uncountable, is_known, work
from cnn_bench.complexity.walk import LAYER_KINDS, called, flags, needed

Pair = tuple[int | None, int | None]


@dataclass(frozen=True)
class ReceptiveField:
    """The field of a layer's outputs; `size`, `jump` and `start` are (vertical, horizontal), in pixels.

    `size` is None where it is the whole image, and so are `start` and, where the output is no map, `jump`.
    `output_shape` has the batch first.
    """

    path: str
    op: str
    output_shape: tuple[int, ...]
    size: Pair
    jump: Pair
    start: Pair


@dataclass(frozen=True)
class ReceptiveFields:
    """Of every convolution, pooling and dense layer in execution order, and of the last map before the head."""

    layers: tuple[ReceptiveField, ...]
    last_map: ReceptiveField


def model_receptive_fields(module: nn.Module, input_shape: tuple[int, int, int]) -> ReceptiveFields:
    """The receptive fields of `module` in evaluation, on images of `input_shape` (h, w, c).

    `layers` are the convolution, pooling and dense rows of `model_cost`. Raises as it does, and `Uncountable` for a
    primitive whose outputs have no place in the image.
    """
    shape = whole_numbers(input_shape, batch=2)  # two, so that no axis is mistaken for the batch
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    root = module.name or type(module).__name__
    variables, apply = explained(partial(initialise, module, image, train=False), root, shape)
    return explained(partial(receptive_fields, apply, variables, image, root=root), root, shape)


def receptive_fields(fn: Callable, *args: Any, root: str = '') -> ReceptiveFields:
    """The receptive fields in `fn(*args)`, whose last argument is the image (n, h, w, c).

    `args` and `root` as in `count`.
    """
    jaxpr = jax.make_jaxpr(fn)(*args).jaxpr
    reader = _Reader(root)
    image = (Span(1, 1, 0, 0), Span(2, 1, 0, 0))
    reader.last_map = ReceptiveField('', 'image', jaxpr.invars[-1].aval.shape, (1, 1), (1, 1), (0, 0))
    reader.read(jaxpr, '', [*[None] * (len(jaxpr.invars) - 1), image], [True] * len(jaxpr.outvars))
    return ReceptiveFields(tuple(reader.layers), reader.last_map)


class Span(NamedTuple):
    """Along one axis of the image: the pixels jump * i + low to jump * i + high of position i of an array's `axis`."""

    axis: int | None  # None: the array has no such axis
    jump: int | None
    low: float
    high: float

    def window(self, taps: int, stride: int, pad: int, dilation: int = 1) -> 'Span':
        """Behind a window over this axis."""
        first = self.low - self.jump * pad
        return self._replace(
            jump=self.jump * stride, low=first, high=self.high + self.jump * ((taps - 1) * dilation - pad)
        )


Spans = tuple[Span, Span]
_WHOLE = Span(None, None, -inf, inf)


class _Reader:
    """Reads a jaxpr; gathers the fields of its layers and of the last array that is a map."""

    def __init__(self, root: str):
        self.root = root
        self.layers: list[ReceptiveField] = []
        self.last_map: ReceptiveField | None = None
        self._previous = ('', '')

    def read(self, jaxpr: Jaxpr, outer: str, inputs: list[Spans | None], outputs: list[bool]) -> list[Spans | None]:
        """The spans of the jaxpr's outputs, None for what the image is not part of."""
        spans = {v: known for v, known in zip(jaxpr.invars, inputs, strict=True) if known}
        wanted = needed(jaxpr, outputs)
        for eqn in jaxpr.eqns:
            marks = flags(eqn.outvars, wanted)
            if any(marks):
                self._equation(eqn, join(outer, str(eqn.source_info.name_stack)), spans, marks)
        return [_known(v, spans) for v in jaxpr.outvars]

    def _equation(self, eqn: JaxprEqn, stack: str, spans: dict[Var, Spans], marks: list[bool]) -> None:
        inputs = [_known(v, spans) for v in eqn.invars]
        if not any(inputs):
            return
        name = eqn.primitive.name
        if name == 'cond':
            results = self._branches(eqn, stack, inputs[1:], marks)
        elif is_known(name):
            results = _results(eqn, inputs, stack)
            self._note(eqn, stack, results[0])
        else:
            results = self.read(called(eqn, stack), stack, inputs, marks)
        spans.update({v: known for v, known in zip(eqn.outvars, results, strict=True) if known})

    def _branches(self, eqn: JaxprEqn, stack: str, inputs: list[Spans | None], marks: list[bool]):
        """The branch with most layers: a convolution rather than another way to compute the same."""
        tried = []
        for branch in eqn.params['branches']:
            reader = _Reader(self.root)
            tried.append((reader, reader.read(branch.jaxpr, stack, inputs, marks)))
        chosen, results = max(tried, key=lambda pair: len(pair[0].layers))
        self.layers += chosen.layers
        self.last_map = chosen.last_map or self.last_map
        self._previous = chosen._previous
        return results

    def _note(self, eqn: JaxprEqn, stack: str, spans: Spans) -> None:
        done = work(eqn)
        kind = done.kind if done else ''
        path = module_path(stack, self.root)
        field = _field(path, kind, eqn.outvars[0].aval.shape, spans)
        if None not in (span.axis for span in spans for span in spans):
            self.last_map = field
        if kind in LAYER_KINDS:
            if self._previous == (path, kind) and kind != 'pool':  # a layer in parts
                self.layers[-1] = _joined(self.layers[-1], field)
            else:
                self.layers.append(field)
        if kind:
            self._previous = (path, kind)
