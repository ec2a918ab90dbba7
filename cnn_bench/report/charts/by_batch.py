"""The chart of a number against batch size: a line per network, its name beside it."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from cnn_bench.report.charts.lines import APART, LINE, add_names, looks, room_for, style_axes
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import BOTTOM, add_titles, blank, current, log_ticks, shorten
from cnn_bench.report.format import three_digits

_BAND = 0.15  # opacity
_ROOM = 1.15  # of the greatest value, shown above it on a linear axis


@dataclass(frozen=True)
class Line:
    """A network, its family, and `value` at each `batch` `(n,)`, with the ends of an interval, nan where unknown."""

    label: str
    family: str
    batch: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ByBatch(ChartSpec):
    """A line per network. Colour tells its lineage; marker and dashes the place within it."""

    y_label: str
    lines: tuple[Line, ...]
    log_y: bool = True

    @property
    def alt_text(self) -> str:
        return f'{self.title}: {self.y_label} against batch size, a line per network'


def draw(chart: ByBatch) -> Figure:
    """The figure, with gid `line-<i>` and `label-<i>` on line i and its name."""
    names = [shorten(line.label) for line in chart.lines]
    style, left = current(), current().left + 0.13
    wide, found = style.width, looks([line.family for line in chart.lines])
    figure = blank((wide, style.least))
    right, under = room_for(figure, names, found)
    inside = max(0.77 * style.least, 0 if style.narrow else APART * len(names))
    high = style.top + inside + BOTTOM + under
    figure.set_figheight(high)
    axes = figure.add_axes((left / wide, (BOTTOM + under) / high, (wide - left - right) / wide, inside / high))
    add_titles(figure, chart.title, chart.subtitle, left)
    axes.set_xscale('log', base=2)
    if chart.log_y:
        axes.set_yscale('log')
    for i, (line, look) in enumerate(zip(chart.lines, found, strict=True)):
        axes.plot(line.batch, line.value, gid=f'line-{i}', **LINE, **look)
        known = np.isfinite(line.low)
        if known.any():
            ends = (np.array(values)[known] for values in (line.batch, line.low, line.high))
            axes.fill_between(*ends, color=look['color'], alpha=_BAND, linewidth=0)
    style_axes(axes)
    _ticks(axes, chart)
    axes.set_xlabel('images in a batch', labelpad=7)
    axes.set_ylabel(chart.y_label, labelpad=7)
    add_names(axes, names, [(line.batch[-1], line.value[-1]) for line in chart.lines], found)
    return figure


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
