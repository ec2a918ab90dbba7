"""One row per layer, from counted operations and a parameter tree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from cnn_bench.complexity.walk import LAYER_KINDS, Op

ANY = ''  # stands for the kind of any row that a module's elementwise work can join
_Row = dict[str, Any]
WORK = ('macs', 'elementwise_ops', 'reduction_ops', 'pooling_ops', 'activation_bytes')


@dataclass(frozen=True)
class Layer:
    """A row of a network's table; the sums over rows are the network's totals.

    `path` is the module's path in the parameter tree, '' for the network itself. `op` is 'conv', 'dense', 'pool',
    'elementwise' or 'reduce' (whichever of these two is more of the row's work), or 'params' for parameters that no
    operation at their path uses. `output_shape` includes the batch.
    """

    path: str
    op: str
    output_shape: tuple[int, ...]
    params: int = 0
    macs: int = 0
    elementwise_ops: int = 0
    reduction_ops: int = 0
    pooling_ops: int = 0
    activation_bytes: int = 0


def layers(ops: Iterable[Op], params: Mapping[str, int]) -> tuple[Layer, ...]:
    """The rows of a network, in execution order.

    Consecutive operations of a module form a row, but every pooling starts a new one, and so does a convolution or
    matrix product after other operations. A module that is called again later has further rows; its parameters are in
    the first. Operations of a backward pass join the first row of their module and kind.

    Args:
        ops: result of `count`.
        params: number of parameters by module path, from `parameters_by_path`.
    """
    rows: list[_Row] = []
    first: dict[tuple[str, str], _Row] = {}
    for op in ops:
        row = _row_of(op, rows, first)
        if row is None and op.kind == 'concatenate':
            continue
        if row is None:
            row = {'path': op.path, 'op': op.kind, 'output_shape': op.output_shape, **dict.fromkeys(WORK, 0)}
            rows.append(row)
            first.setdefault((op.path, op.kind), row)
            if op.kind != 'pool':
                first.setdefault((op.path, ANY), row)
        elif not op.backward and (op.kind in (row['op'], 'concatenate') or row['op'] not in LAYER_KINDS):
            row['output_shape'] = op.output_shape
        for column in WORK:
            row[column] += getattr(op, column)
    return tuple(_finish(rows, params))


def _row_of(op: Op, rows: list[_Row], first: dict[tuple[str, str], _Row]) -> _Row | None:
    """The row that `op` joins, or None if it starts a new one."""
    layer = op.kind in LAYER_KINDS
    if op.backward:
        return first.get((op.path, op.kind if layer else ANY))
    if not rows or rows[-1]['path'] != op.path:
        return None
    last = rows[-1]
    if layer:
        return last if last['op'] == op.kind != 'pool' else None
    return last if op.kind != 'concatenate' or last['op'] in LAYER_KINDS else None


def parameters_by_path(params: Any) -> dict[str, int]:
    """Number of parameters of each module in a Flax parameter tree, by path ('' for the root's own)."""
    totals: dict[str, int] = {}
    for keys, leaf in jax.tree_util.tree_leaves_with_path(params):
        path = '/'.join(str(getattr(key, 'key', key)) for key in keys[:-1])
        totals[path] = totals.get(path, 0) + leaf.size
    return totals


def total(rows: Iterable[Layer | Op], column: str) -> int:
    """The sum of a column."""
    return sum(getattr(row, column) for row in rows)


def _finish(rows: list[_Row], params: Mapping[str, int]) -> Iterable[Layer]:
    owners: dict[str, _Row] = {}
    for row in sorted(rows, key=lambda row: row['op'] not in ('conv', 'dense')):
        owners.setdefault(row['path'], row)
    for row in rows:
        if row['op'] not in LAYER_KINDS:
            row['op'] = 'reduce' if row['reduction_ops'] > row['elementwise_ops'] else 'elementwise'
        own = params.get(row['path'], 0) if owners[row['path']] is row else 0
        yield Layer(**row, params=own)
    for path, number in params.items():
        if path not in owners:
            yield Layer(path, 'params', (), params=number)
