"""The chart of lines: one number of each network against another, in a panel or several side by side.

Lines differ in colour, dashes and marks. Names are in a column beside the last panel, in the order of the last values.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from cnn_bench.analysis.lineage import of_family
from cnn_bench.format import percent, three_digits, tick
from cnn_bench.report.charts.scatter import legend
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import (
    BOTTOM,
    COLOURS,
    LEADER,
    MARGIN,
    MUTED,
    SHAPES,
    add_titles,
    blank,
    current,
    log_ticks,
    plain_axes,
    shorten,
    text_width,
    ticks,
    wrap,
)
from cnn_bench.report.charts.style import looks as of_families

DASHES = ('-', (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
LINE = {'linewidth': 1.5, 'markersize': 4.5, 'markeredgewidth': 0}
APART = 0.175  # inches between two names
_KEY, _REACH, _GAP = 0.34, 0.3, 0.08  # inches
_BETWEEN, _ABOVE = 0.3, 0.2  # inches; panels have titles of their own
_BAND = 0.16  # opacity
_MARKS = 9  # per line


@dataclass(frozen=True)
class Curve:
    """`y` at each `x`, and the ends of a band around it, nan where unknown or () where there is none; all (n,)."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class Line:
    """A network with its curve by panel, and those `aside`, drawn thin. `note` follows its label in brackets."""

    label: str
    curves: Mapping[str, Curve]
    family: str = ''
    aside: tuple[Mapping[str, Curve], ...] = ()
    note: str = ''

    @property
    def name(self) -> str:
        """The label as it is drawn, with the note."""
        return f'{shorten(self.label)} ({self.note})' if self.note else shorten(self.label)


@dataclass(frozen=True, kw_only=True)
class Lines(ChartSpec):
    """A line per network in each of `panels`, from left to right: by name the title, which may be empty.

    `log`: whether x, by powers of two, and y are logarithmic. x begins at `x_from`. `y_limits` are the ends of the y
    axis, beyond which lines may end; without them all is shown. `bands`: whether bands are drawn.
    """

    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    panels: Mapping[str, str]
    log: tuple[bool, bool] = (False, False)
    x_from: float = 0.0
    y_limits: tuple[float, float] | None = None
    bands: bool = True

    @property
    def alt_text(self) -> str:
        return f'{self.title}: {self.y_label} against {self.x_label}, a line per network'


def draw(chart: Lines) -> Figure:
    """The figure, with gid `<panel>-<i>` on the curves and `label-<i>` on the name of `chart.lines[i]`.

    It grows so that no two names touch. In a narrow figure panels are above one another.
    """
    names = [_name_or_end(chart, line) for line in chart.lines]
    style, found, count = current(), looks([line.family for line in chart.lines]), len(chart.panels)
    figure, across = blank((style.width, style.least)), 1 if style.width < 5 else count
    right, under = _room_for(figure, names, found)
    titled = _ABOVE * any(chart.panels.values())
    above, bottom = style.top + titled, BOTTOM + under
    inside = max(0.87 * style.least - above - BOTTOM, 0 if style.narrow else APART * (len(names) + 1))
    y_label = wrap(chart.y_label, inside)
    left = style.left + 0.13 * (chart.log[1] or '\n' in y_label)  # for longer numbers, or another line
    step = inside + titled + BOTTOM  # from a panel to that below it
    height = above + inside + bottom + (count - across) * step
    figure.set_figheight(height)
    wide = (style.width - left - right - _BETWEEN * (across - 1)) / across
    for place, (panel, title) in enumerate(chart.panels.items()):
        start, up = left + place % across * (wide + _BETWEEN), bottom + (count - across - place // across) * step
        box = (start / style.width, (up if across == 1 else bottom) / height, wide / style.width, inside / height)
        axes = figure.add_axes(box)
        _curves(axes, panel, chart, found)
        _style_axes(axes, chart, [line.curves[panel] for line in chart.lines if panel in line.curves])
        axes.set_title(title, fontsize=style.text, loc='left', pad=4, color=MUTED)
        if place % across == 0:
            axes.set_ylabel(y_label, labelpad=7)
        else:
            axes.tick_params(labelleft=False)
    _add_names(axes, names, [_end(chart, line) for line in chart.lines], found)
    add_titles(figure, chart.title, chart.subtitle, left)
    return figure


def _end(chart: Lines, line: Line) -> tuple[float, float]:
    """Where the curve ends that stands in the last panel, or in the one nearest to it."""
    curve = next(line.curves[panel] for panel in reversed(chart.panels) if panel in line.curves)
    return curve.x[-1], curve.y[-1]


def _name_or_end(chart: Lines, line: Line) -> str:
    """The name of a line, with an arrow and its last value in per cent where that is above the axis."""
    _, last = _end(chart, line)
    return f'{line.name} ↑ {percent(last, 1)}' if chart.y_limits and last > chart.y_limits[1] else line.name


def _curves(axes: Axes, panel: str, chart: Lines, found: Sequence[dict]) -> None:
    for i, line in enumerate(chart.lines):
        for curve in (of_seed[panel] for of_seed in line.aside if panel in of_seed):
            axes.plot(curve.x, curve.y, color=found[i]['color'], linewidth=0.7)
        curve = line.curves.get(panel)
        if curve is None:
            continue
        every = max(1, round(len(curve.x) / _MARKS))
        axes.plot(curve.x, curve.y, gid=f'{panel}-{i}', markevery=(i % every, every), **LINE, **found[i])
        if chart.bands and np.isfinite(curve.low).any():
            band = np.array([curve.x, curve.low, curve.high])
            axes.fill_between(*band[:, np.isfinite(band[1])], color=found[i]['color'], alpha=_BAND, linewidth=0)


def look(place: int) -> dict:
    """Colour, dashes and marker of line number `place`: 308 distinct ones, 44 of them distinct in grey too."""
    shape, dash = SHAPES[place % len(SHAPES)], DASHES[place % len(DASHES)]
    return {'color': COLOURS[place % len(COLOURS)], 'linestyle': dash, 'marker': shape}


def looks(families: Sequence[str]) -> list[dict]:
    """The look of a line of each of `families`: colour tells the lineage, dashes and marker the place within it.

    Where all are of one lineage, `look` of each.
    """
    if len(set(map(of_family, families))) < 2:
        return [look(place) for place in range(len(families))]
    seen: Counter[str] = Counter()
    found, colours = [], of_families(families)
    for family in families:
        found.append({**look(seen[of_family(family)]), 'color': colours[family][0]})
        seen[of_family(family)] += 1
    return found


def _room_for(figure: Figure, labels: list[str], looks: Sequence[dict]) -> tuple[float, float]:
    """Inches that these names need right of the axes and below them, where they are drawn if the figure is narrow."""
    if not current().narrow:
        return _REACH + _KEY + text_width(labels) + _GAP + MARGIN, 0.0
    entries = [(label, Line2D([], [], **LINE, **one)) for label, one in zip(labels, looks, strict=True)]
    return MARGIN, legend.below(figure, [(None, entries, 0.4)], gid='label-')


def _style_axes(axes: Axes, chart: Lines, curves: Sequence[Curve]) -> None:
    """Limits, round numbers at the ticks, a grid behind the lines, and no frame above and to the right."""
    log_x, log_y = chart.log
    values = sorted({x for curve in curves for x in curve.x})
    if log_x:
        axes.set_xscale('log', base=2)
        axes.set_xlim(values[0] / 1.2, values[-1] * 1.2)
    else:
        axes.set_xlim(chart.x_from * (1 - 0.02 * values[-1]), 1.02 * values[-1])
        values = ticks(chart.x_from, values[-1], 8 if len(chart.panels) == 1 else 6, integer=values[-1] >= 2)
    if log_y:
        axes.set_yscale('log')
    if chart.y_limits:
        axes.set_ylim(chart.y_limits)
    low, high = axes.get_ylim()
    for axis, at in ((axes.xaxis, values), (axes.yaxis, log_ticks(low, high) if log_y else ticks(low, high, most=8))):
        axis.set_major_locator(FixedLocator(at))
        axis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: three_digits(value) if log_y else tick(value)))
    axes.set_xlabel(chart.x_label, labelpad=7)
    plain_axes(axes)


def _add_names(axes: Axes, labels: list[str], ends: list[tuple[float, float]], looks: Sequence[dict]) -> None:
    """Draw a column of names right of the axes, each with a sample of its line and a thin line to its end (x, y).

    Names have the gid `label-<i>`. They are in the order of the ends, as near to them as fits; ends above or below
    the axes count as their edge. In a narrow figure they stand below the axes already, see `_room_for`.
    """
    if current().narrow:
        return
    box = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
    inside = np.clip([axes.transAxes.inverted().transform(axes.transData.transform(end)) for end in ends], 0, 1)
    heights = spread(inside[:, 1] * box.height, APART, box.height)
    start = 1 + _REACH / box.width
    end = start + _KEY / box.width
    style = {'transform': axes.transAxes, 'clip_on': False}
    for i, (label, at) in enumerate(zip(labels, inside, strict=True)):
        y = heights[i] / box.height
        axes.plot([at[0], 1.01, start], [at[1], at[1], y], color=LEADER, linewidth=0.6, zorder=1.8, **style)
        axes.plot([start, (start + end) / 2, end], [y, y, y], markevery=[1], **LINE, **looks[i], **style)
        x = end + _GAP / box.width
        axes.text(
            x, y, label, va='center_baseline', fontsize=current().label, gid=f'label-{i}', transform=axes.transAxes
        )


def spread(wanted: np.ndarray, apart: float, room: float) -> np.ndarray:
    """Positions near the `wanted` ones, in the same order, at least `apart` from each other and within 0 to `room`.

    Positions that would be too close form a block around the mean of those wanted (pool adjacent violators).
    """
    order = np.argsort(wanted, kind='stable')
    blocks: list[list[float]] = []  # sum of the starts that its members want, and their number
    for place in wanted[order]:
        blocks.append([place, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] + apart * blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total - apart * blocks[-1][1] * count
            blocks[-1][1] += count
    starts = np.array([total / count for total, count in blocks])
    placed = np.concatenate(
        [start + apart * np.arange(count) for start, (_, count) in zip(starts, blocks, strict=True)]
    )
    placed = np.minimum(placed, room - apart * np.arange(len(placed) - 1, -1, -1))
    placed = np.maximum(placed, apart * np.arange(len(placed)))
    out = np.empty(len(placed))
    out[order] = placed
    return out
