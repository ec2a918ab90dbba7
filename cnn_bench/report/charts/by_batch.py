"""The chart of a number against batch size: a line per network, its name beside it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from cnn_bench.report.charts.lines import APART, DASHES, LINE, add_names, room_for, style_axes
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import (
    BOTTOM,
    SHAPES,
    STYLE,
    TOP,
    WIDTH,
    Shape,
    add_titles,
    blank,
    log_ticks,
    shorten,
)
from cnn_bench.report.format import three_digits

_LEFT, _HIGH, _BAND = 0.85, 4.6, 0.15  # inches, inches, opacity
_ROOM = 1.15  # of the greatest value, shown above it on a linear axis


@dataclass(frozen=True)
class Line:
    """A network, its group, and `value` at each `batch` `(n,)`, with the ends of an interval, nan where unknown."""

    label: str
    group: str
    batch: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ByBatch(ChartSpec):
    """A line per network. Colour tells its group, by `looks`; marker and dashes the place within the group."""

    y_label: str
    lines: tuple[Line, ...]
    looks: Mapping[str, tuple[str, Shape]]
    log_y: bool = True

    @property
    def alt_text(self) -> str:
        return f'{self.title}: {self.y_label} against batch size, a line per network'


@matplotlib.rc_context(STYLE)
def draw(chart: ByBatch) -> Figure:
    """The figure, with gid `line-<i>` and `label-<i>` on line i and its name."""
    names = [shorten(line.label) for line in chart.lines]
    inside = max(_HIGH, APART * len(names))
    right, high = room_for(names), TOP + inside + BOTTOM
    figure = blank((WIDTH, high))
    axes = figure.add_axes((_LEFT / WIDTH, BOTTOM / high, (WIDTH - _LEFT - right) / WIDTH, inside / high))
    add_titles(figure, chart.title, chart.subtitle, _LEFT)
    looks = _looks(chart)
    axes.set_xscale('log', base=2)
    if chart.log_y:
        axes.set_yscale('log')
    for i, (line, look) in enumerate(zip(chart.lines, looks, strict=True)):
        axes.plot(line.batch, line.value, gid=f'line-{i}', **LINE, **look)
        known = np.isfinite(line.low)
        if known.any():
            ends = (np.array(values)[known] for values in (line.batch, line.low, line.high))
            axes.fill_between(*ends, color=look['color'], alpha=_BAND, linewidth=0)
    style_axes(axes)
    _ticks(axes, chart)
    axes.set_xlabel('images in a batch', labelpad=7)
    axes.set_ylabel(chart.y_label, labelpad=7)
    add_names(axes, names, [(line.batch[-1], line.value[-1]) for line in chart.lines], looks)
    return figure


def _looks(chart: ByBatch) -> list[dict]:
    seen, looks = Counter(), []
    for line in chart.lines:
        place = seen[line.group]
        shape, dash = SHAPES[place % len(SHAPES)], DASHES[place % len(DASHES)]
        looks.append({'color': chart.looks[line.group][0], 'linestyle': dash, 'marker': shape})
        seen[line.group] += 1
    return looks


def _ticks(axes: Axes, chart: ByBatch) -> None:
    batches = sorted({batch for line in chart.lines for batch in line.batch})
    axes.xaxis.set_major_locator(FixedLocator(batches))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(batches[0] / 1.2, batches[-1] * 1.2)
    if chart.log_y:
        axes.yaxis.set_major_locator(FixedLocator(log_ticks(*axes.get_ylim())))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: three_digits(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, _ROOM * max(max(line.value) for line in chart.lines))
