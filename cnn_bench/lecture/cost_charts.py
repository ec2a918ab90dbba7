"""Charts of `cost_tables`: a network layer by layer, and ways to build a layer side by side."""

from collections.abc import Callable, Sequence

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cnn_bench.format import human
from cnn_bench.lecture import cost_tables
from cnn_bench.models import registry
from cnn_bench.report.charts.style import COLOURS, GRID, INK, MUTED, STYLE, THEME

_LETTER = 0.068  # inches, width of a letter in the name of a row
_PANEL, _GAP, _MARGIN = 1.9, 0.12, 0.12
_TOP, _BOTTOM = 0.92, 0.12
_LABEL_SHARE = 0.42  # of a panel's width, for the number behind the longest bar
_ALPHA = 0.65  # keeps dark numbers readable on every colour
_COLOURS = {name: light for name, (light, _) in THEME.items()}


def in_bytes(number: float) -> str:
    """A number of bytes with three digits: 12_582_912 as '12 MiB'."""
    for unit, size in (('GiB', 2**30), ('MiB', 2**20), ('KiB', 2**10)):
        if number >= 0.9995 * size:
            return f'{float(f"{number / size:.3g}"):g} {unit}'
    return f'{number:g} B'


def network(name: str, most: int = cost_tables.MOST_ROWS, depth: int | None = None, **fields) -> Figure:
    """Chart of the layers of an architecture in the registry, at its native size or at `size`.

    `most` and `depth` as in `cost_tables.layer_rows`; other `fields` as in `registry.build`.
    """
    arch = registry.get(name)
    size = fields.pop('size', arch.size)
    shape = (size, size, arch.channels)
    rows = cost_tables.layer_rows(registry.build(name, **fields), shape, most, depth)
    return layers(rows, f'{name} on {"×".join(map(str, shape))}')


@matplotlib.rc_context(STYLE)
def layers(rows: Sequence[cost_tables.Row], title: str) -> Figure:
    """Bars for map size, multiply-adds, parameters and activations of each row, from the top down.

    A line marks each change of the map size. Each column has a scale of its own and its total above.
    """
    step = 0.21 if len(rows) <= 30 else 0.165
    names = 2 * _MARGIN + _LETTER * max(len(row.name) for row in rows)
    wide, high = names + 4 * (_PANEL + _GAP), _TOP + step * len(rows) + _BOTTOM
    figure = Figure(figsize=(wide, high))
    figure.text(_MARGIN / wide, 1 - 0.12 / high, title, fontsize=12, fontweight='bold', va='top')
    totals = [sum(getattr(row, column) for row in rows) for column in ('macs', 'params', 'activation_bytes')]
    columns: list[tuple[str, str, list[float], Callable, str]] = [
        ('map', 'height × width × channels', [_side(row) for row in rows], _side, 'leader'),
        ('multiply-adds', human(totals[0]), [row.macs for row in rows], human, 'blue'),
        ('parameters', human(totals[1]), [row.params for row in rows], human, 'orange'),
        ('activations', in_bytes(totals[2]), [row.activation_bytes for row in rows], in_bytes, 'green'),
    ]
    for place, (head, total, values, show, colour) in enumerate(columns):
        left = names + place * (_PANEL + _GAP)
        box = (left / wide, _BOTTOM / high, _PANEL / wide, step * len(rows) / high)
        axes = figure.add_axes(box)
        figure.text(left / wide, 1 - (_TOP - 0.27) / high, head, fontweight='bold', va='bottom')
        figure.text(left / wide, 1 - (_TOP - 0.10) / high, total, color=MUTED, va='bottom', fontsize=8)
        texts = [_shape(row) if show is _side else show(v) for row, v in zip(rows, values, strict=True)]
        _bars(axes, values, texts, _COLOURS[colour])
        _lines_between(axes, rows)
        if place == 0:
            axes.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8, color=INK)
    return figure


def _bars(axes: Axes, values: Sequence[float], texts: Sequence[str], colour: str) -> None:
    largest = max(*values, 1)
    axes.barh(range(len(values)), values, height=0.72, color=colour, linewidth=0)
    for place, (value, text) in enumerate(zip(values, texts, strict=True)):
        if value:
            axes.text(value + 0.02 * largest, place, text, va='center_baseline', fontsize=7.5, color=MUTED)
    axes.set(xlim=(0, largest / (1 - _LABEL_SHARE)), ylim=(len(values) - 0.5, -0.5), xticks=[], yticks=[])
    axes.tick_params(length=0)
    axes.spines[['top', 'right', 'bottom']].set_visible(False)


def _lines_between(axes: Axes, rows: Sequence[cost_tables.Row]) -> None:
    for place in range(1, len(rows)):
        if _side(rows[place]) != _side(rows[place - 1]):
            axes.axhline(place - 0.5, color=GRID, linewidth=1.0, zorder=0)


def _side(row: cost_tables.Row) -> int:
    return row.shape[0] if len(row.shape) == 3 else 1


def _shape(row: cost_tables.Row) -> str:
    return '×'.join(map(str, row.shape))


@matplotlib.rc_context(STYLE)
def forms(table: pd.DataFrame, title: str, column: str = 'macs') -> Figure:
    """Stacked bars of a comparison from `cost_tables`, one per form, with its sum and how much it saves."""
    names, parts = table.form.unique(), table.part.unique()
    colours = dict(zip(parts, COLOURS, strict=False))
    names_wide = 2 * _MARGIN + _LETTER * max(map(len, names))
    legend_rows = -(-len(parts) // 4)
    wide, high = 9.4, 0.55 + 0.5 * len(names) + 0.26 * legend_rows + 0.2
    figure = Figure(figsize=(wide, high))
    below = 0.26 * legend_rows + 0.2
    axes = figure.add_axes((names_wide / wide, below / high, 1 - (names_wide + 1.9) / wide, 0.5 * len(names) / high))
    figure.text(_MARGIN / wide, 1 - 0.12 / high, title, fontsize=12, fontweight='bold', va='top')
    sums = table.groupby('form', sort=False)[column].sum()
    for place, name in enumerate(names):
        start = 0
        for part, value in table[table.form == name][['part', column]].itertuples(index=False):
            axes.barh(place, value, left=start, height=0.7, color=colours[part], alpha=_ALPHA)
            if value > 0.06 * sums.max():
                text = {'ha': 'center', 'va': 'center_baseline', 'color': INK, 'fontsize': 8}
                axes.text(start + value / 2, place, human(value), **text)
            start += value
        ratio = sums.max() / sums[name]
        least = '' if ratio < 1.005 else f', {float(f"{ratio:.3g}"):g} times fewer'
        axes.text(start + 0.01 * sums.max(), place, human(start) + least, va='center_baseline', fontweight='bold')
    axes.set(xlim=(0, sums.max()), ylim=(len(names) - 0.5, -0.5), xticks=[])
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.tick_params(length=0)
    axes.spines[['top', 'right', 'bottom']].set_visible(False)
    handles = [Patch(facecolor=colour, alpha=_ALPHA, label=part) for part, colour in colours.items()]
    place = {'loc': 'lower left', 'bbox_to_anchor': (names_wide / wide, 0.02 / high), 'borderaxespad': 0.3}
    figure.legend(handles=handles, ncols=4, frameon=False, fontsize=8.5, handlelength=1.2, **place)
    return figure
