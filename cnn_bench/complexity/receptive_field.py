"""Receptive fields: the pixels of the image that each layer's outputs depend on, read off the jaxpr like the costs.

Along an axis, output i of a feature map covers the pixels jump * i + start to jump * i + start + size - 1. This is the
smallest interval over all paths through the network, and exact for convolutions (including the gaps of dilated ones),
pooling, sums, concatenations, slices and padding. Padding counts as if the image went on, so a field can be larger than
the image. After a global average, a dense layer or a reshape that moves pixels, outputs see the whole image and the
size is None. The same holds after a gate computed from such an average (squeeze-and-excitation) and after a
normalisation over whole images (group normalisation).
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

from cnn_bench.complexity.cost import explained, whole_numbers
from cnn_bench.complexity.fixed import Known, fixed_arrays, look_up
from cnn_bench.complexity.paths import join, module_path
from cnn_bench.complexity.spans import Span, Spans, hull, propagate
from cnn_bench.complexity.trace import evaluation
from cnn_bench.complexity.walk import LAYER_KINDS, inner_jaxpr, live_vars, mask
from cnn_bench.complexity.work import NO_RULES, Rules, Uncountable, is_known, rules_of, work

Pair = tuple[int | None, int | None]


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of a layer's outputs; `size`, `jump` and `start` are (vertical, horizontal), in pixels.

    `size` and `start` are None if the field is the whole image; `jump` is None if the output is not a feature map.
    `output_shape` includes the batch.
    """

    path: str
    op: str
    output_shape: tuple[int, ...]
    size: Pair
    jump: Pair
    start: Pair


@dataclass(frozen=True)
class ReceptiveFields:
    """Fields of all convolution, pooling and dense layers in execution order, and of the last feature map."""

    layers: tuple[ReceptiveField, ...]
    last_map: ReceptiveField


def model_receptive_fields(module: nn.Module, input_shape: tuple[int, int, int]) -> ReceptiveFields:
    """The receptive fields of `module` in evaluation, on images of `input_shape` (h, w, c).

    `layers` correspond to the convolution, pooling and dense rows of `model_cost`. Raises the same errors, and
    `Uncountable` for a primitive whose outputs cannot be located in the image.
    """
    shape = whole_numbers(input_shape, batch=2)  # two, so that no other axis is mistaken for the batch
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    root = module.name or type(module).__name__
    trace = explained(partial(evaluation, module, image), root, shape)
    return explained(partial(_fields, trace.jaxpr, root, rules_of(module)), root, shape)


def receptive_fields(fn: Callable, *args: Any, root: str = '', rules: Rules = NO_RULES) -> ReceptiveFields:
    """The receptive fields in `fn(*args)`; the last argument is the image (n, h, w, c).

    `args`, `root` and `rules` as in `count`.
    """
    return _fields(jax.make_jaxpr(fn)(*args).jaxpr, root, rules)


def _fields(jaxpr: Jaxpr, root: str, rules: Rules) -> ReceptiveFields:
    *others, image = jaxpr.invars
    pixels = (Span(1, 1, 0, 0), Span(2, 1, 0, 0))
    reader = _Reader(root, rules, _Row('', 'image', image.aval.shape, pixels))
    reader.read(jaxpr, '', [*[None for _ in others], pixels], [True] * len(jaxpr.outvars))
    return ReceptiveFields(tuple(row.finished() for row in reader.rows), reader.last_map.finished())


class _Row(NamedTuple):
    path: str
    kind: str
    shape: tuple[int, ...]
    spans: Spans

    def finished(self) -> ReceptiveField:
        sizes = [None if span.low == -inf else int(span.high - span.low) + 1 for span in self.spans]
        starts = [None if span.low == -inf else int(span.low) for span in self.spans]
        jumps = [span.jump for span in self.spans]
        return ReceptiveField(self.path, self.kind, self.shape, tuple(sizes), tuple(jumps), tuple(starts))


class _Reader:
    """Walks over a jaxpr and collects its layers and the last array that is a feature map."""

    def __init__(self, root: str, rules: Rules, last_map: _Row):
        self.root, self.rules = root, rules
        self.rows: list[_Row] = []
        self.last_map = last_map
        self.previous = ('', '')  # path and kind of the last row in `model_cost`

    def read(
        self,
        jaxpr: Jaxpr,
        outer: str,
        inputs: list[Spans | None],
        outputs: list[bool],
        known_inputs: Known | None = None,
    ) -> list[Spans | None]:
        """The spans of the jaxpr's outputs; None for outputs that do not depend on the image."""
        spans = {v: known for v, known in zip(jaxpr.invars, inputs, strict=True) if known}
        live, fixed = live_vars(jaxpr, outputs), fixed_arrays(jaxpr, known_inputs)
        for eqn in jaxpr.eqns:
            output_mask = mask(eqn.outvars, live)
            seen, known = _known(eqn.invars, spans), look_up(eqn.invars, fixed)
            if any(output_mask) and any(seen):
                results = self._equation(eqn, join(outer, str(eqn.source_info.name_stack)), seen, output_mask, known)
                spans.update({v: known for v, known in zip(eqn.outvars, results, strict=True) if known})
        return _known(jaxpr.outvars, spans)

    def _equation(
        self, eqn: JaxprEqn, stack: str, inputs: list[Spans | None], output_mask: list[bool], known: Known
    ) -> list[Spans | None]:
        name = eqn.primitive.name
        if name == 'cond':
            return self._branches(eqn, stack, inputs[1:], output_mask, known[1:])
        if name == 'scan':
            raise Uncountable(f'no receptive field behind the loop at {module_path(stack) or "the top level"}')
        if not is_known(name, self.rules):
            return self.read(inner_jaxpr(eqn, stack), stack, inputs, output_mask, known)
        results = propagate(eqn, inputs, stack)
        done = work(eqn, known, self.rules)
        kind = done.kind if done else ''
        self._note(eqn, kind, module_path(stack, self.root), next(spans for spans in results if spans))
        return results

    def _branches(
        self, eqn: JaxprEqn, stack: str, inputs: list[Spans | None], output_mask: list[bool], known: Known
    ) -> list[Spans | None]:
        """The branch with most layers: a convolution rather than another way to compute the same."""
        tried = []
        for branch in eqn.params['branches']:
            reader = _Reader(self.root, self.rules, self.last_map)
            reader.rows, reader.previous = [*self.rows], self.previous
            tried.append((reader, reader.read(branch.jaxpr, stack, inputs, output_mask, known)))
        chosen, results = max(tried, key=lambda pair: len(pair[0].rows))
        self.rows, self.last_map, self.previous = chosen.rows, chosen.last_map, chosen.previous
        return results

    def _note(self, eqn: JaxprEqn, kind: str, path: str, spans: Spans) -> None:
        row = _Row(path, kind, tuple(eqn.outvars[0].aval.shape), spans)
        if None not in (spans[0].axis, spans[1].axis):
            self.last_map = row
        if row.kind in LAYER_KINDS and self.previous == (path, row.kind) and row.kind != 'pool':
            last = self.rows[-1]  # a layer that is computed in parts
            self.rows[-1] = row._replace(spans=hull([last.spans, spans]))
        elif row.kind in LAYER_KINDS:
            self.rows.append(row)
            self.previous = (path, row.kind)
        elif row.kind == 'concatenate' and self.previous == (path, 'conv'):
            self.rows[-1] = row._replace(kind='conv')
        elif row.kind not in ('', 'concatenate') and self.previous[0] != path:
            self.previous = (path, row.kind)


def _known(variables: list[Var | Literal], spans: dict[Var, Spans]) -> list[Spans | None]:
    return [None if isinstance(v, Literal) else spans.get(v) for v in variables]
