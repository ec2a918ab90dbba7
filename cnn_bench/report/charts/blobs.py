"""The chart of one number against another, in one panel or several side by side: a blob per network, and a fit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from cnn_bench.report.charts import absent
from cnn_bench.report.charts.scatter import labels, legend, marks
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import (
    BOTTOM,
    CARD,
    INK,
    LABEL_SIZE,
    LEADER,
    MUTED,
    STYLE,
    TOP,
    WIDTH,
    Shape,
    add_titles,
    blank,
    fit,
    log_ticks,
    shorten,
)
from cnn_bench.report.format import three_digits

_LEFT, _BETWEEN, _ABOVE = 0.72, 0.75, 0.24  # inches: of the first panel, between two, for the title of a panel
_HIGH, _TALLEST, _GROWTH = 4.8, 14.0, 1.15  # inches; of the height, from one try to the next
_CLEAR = 3.0  # pixels between a label and the frame
_CENTRE = 10.0  # pixels of radius from which a blob has a dot in its centre
_FIT = {'color': MUTED, 'lw': 1.1, 'dashes': (4, 3)}


@dataclass(frozen=True)
class Blob:
    """A network at (x, y) with its group. Its area is proportional to `params`, the smallest where that is nan.

    low, high: an interval around x, nan where there is none.
    """

    label: str
    family: str
    x: float
    y: float
    params: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Panel:
    """Axes with blobs and a fitted line from the first to the last of `fit` (x, y); or `why` there are none."""

    title: str
    x_label: str
    y_label: str
    blobs: tuple[Blob, ...] = ()
    fit: tuple[tuple[float, float], ...] = ()
    log_x: bool = False
    from_zero: bool = True  # the y axis; its low end is near the lowest blob otherwise
    why: str = ''


@dataclass(frozen=True, kw_only=True)
class Blobs(ChartSpec):
    """Panels side by side. `looks`: colour and shape of each group; `areas`: what areas show, '' where nothing."""

    panels: tuple[Panel, ...]
    looks: Mapping[str, tuple[str, Shape]]
    areas: str = 'Parameters'
    kinds: str = 'Lineage'

    @property
    def alt_text(self) -> str:
        drawn = next((panel for panel in self.panels if not panel.why), self.panels[0])
        return f'{self.title}: {drawn.y_label} against {drawn.x_label}'


def draw(chart: Blobs) -> Figure:
    """The figure, with gid `point-<k>-<i>` and `label-<k>-<i>` on blob i of panel k and its label.

    Its height grows until all labels fit, up to _TALLEST; beyond it blobs without room for a label have none.
    """
    with matplotlib.rc_context(STYLE):
        tries = 1 + int(math.log(_TALLEST / _HIGH, _GROWTH))
        for tall in (_HIGH * _GROWTH**k for k in range(tries)):
            figure, all_fit = _drawn(chart, tall)
            if all_fit:
                break
    return figure


def _drawn(chart: Blobs, tall: float) -> tuple[Figure, bool]:
    blobs = [blob for panel in chart.panels for blob in panel.blobs]
    scale = marks.AreaScale([blob.params for blob in blobs])
    there = {blob.family for blob in blobs}
    style = {name: look for name, look in chart.looks.items() if name in there}
    figure = blank((WIDTH, tall))
    every = [figure.add_axes((0, 0, 1, 1), label=f'panel {k}') for k in range(len(chart.panels))]
    groups = [legend.of_families(chart.kinds, style)] if style else []
    groups += [legend.of_areas(chart.areas, scale)] if chart.areas and blobs else []
    fits = any(panel.fit for panel in chart.panels)
    groups += [(None, [('least squares', Line2D([], [], **_FIT))], 0.5)] if fits else []
    right, legend_tall = legend.stack(every[-1], groups) if groups else (0.15, 0.0)
    inside = max(tall - TOP - _ABOVE - BOTTOM, legend_tall)
    high = TOP + _ABOVE + inside + BOTTOM
    figure.set_figheight(high)
    wide = (WIDTH - _LEFT - right - _BETWEEN * (len(every) - 1)) / len(every)
    add_titles(figure, chart.title, chart.subtitle, _LEFT)
    all_fit = True
    for k, (axes, panel) in enumerate(zip(every, chart.panels, strict=True)):
        left = _LEFT + k * (wide + _BETWEEN)
        axes.set_position((left / WIDTH, BOTTOM / high, wide / WIDTH, inside / high))
        axes.set_title(fit(panel.title, wide, 9.5), loc='left', fontsize=9.5, color=INK, pad=6)
        if panel.why:
            absent.say(axes, panel.why, wide)
            continue
        axes.set_xlabel(fit(panel.x_label, wide, STYLE['font.size']), labelpad=7)
        axes.set_ylabel(panel.y_label, labelpad=7)
        sizes = marks.sizes(panel.blobs, scale, style, STYLE['figure.dpi'] / 72)
        _limits(axes, panel, sizes)
        _blobs(axes, k, panel, sizes, style)
        all_fit &= _labels(axes, k, panel, sizes)
    return figure, all_fit


def _limits(axes: Axes, panel: Panel, sizes: marks.Sizes) -> None:
    box, reach = axes.get_window_extent(), sizes.reach.max()
    x, y = (np.array([getattr(blob, of) for blob in panel.blobs]) for of in 'xy')
    if panel.log_x:
        axes.set_xscale('log')
        low, high = _padded(np.log10(x), reach / box.width, least=0.3)
        axes.set_xlim(10**low, 10**high)
        axes.xaxis.set_major_locator(FixedLocator(log_ticks(10**low, 10**high)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(*_padded(np.append(x, 0.0), reach / box.width))
    axes.set_ylim(*_padded(np.append(y, 0.0) if panel.from_zero else y, reach / box.height))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: '' if value < 0 else three_digits(value)))
    axes.tick_params(which='both', length=3)
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def _padded(values: np.ndarray, radius: float, least: float = 0.0) -> tuple[float, float]:
    """Limits around values, with room for blobs of `radius`, a fraction of the axis."""
    low, high = values.min(), values.max()
    if high - low <= least:
        middle, half = (low + high) / 2, max(least, 0.1 * abs(high), 1e-9) / 2
        low, high = middle - half, middle + half
    share = min(max(0.06, radius + 0.01), 0.3)
    pad = share / (1 - 2 * share) * (high - low)
    return low - pad, high + pad


def _blobs(axes: Axes, k: int, panel: Panel, sizes: marks.Sizes, style: dict) -> None:
    if panel.fit:
        axes.plot(*zip(*panel.fit, strict=True), zorder=1.5, gid=f'fit-{k}', **_FIT)
    for i, blob in enumerate(panel.blobs):
        colour, shape = style[blob.family]
        over = {'zorder': 3 + 1 / (1 + sizes.reach[i])}
        mark = {'marker': shape, 'facecolor': colour, 'edgecolor': CARD, 'alpha': 0.75, 'linewidth': 0.7}
        axes.scatter(blob.x, blob.y, s=sizes.s[i], gid=f'point-{k}-{i}', **mark, **over)
        if math.isfinite(blob.low):
            axes.plot([blob.low, blob.high], [blob.y, blob.y], color=INK, linewidth=0.8, zorder=4.5)
        elif sizes.reach[i] > _CENTRE:
            axes.scatter(blob.x, blob.y, s=5, color=CARD, linewidth=0, gid=f'centre-{k}-{i}', zorder=4.4)


def _labels(axes: Axes, k: int, panel: Panel, sizes: marks.Sizes) -> bool:
    """Place and draw the labels; False, without any, where they do not fit."""
    box = axes.get_window_extent()
    corner, whole = box.min + _CLEAR, np.array([box.width, box.height])
    style = {'fontsize': LABEL_SIZE, 'transform': axes.transAxes, 'va': 'bottom', 'zorder': 6}
    style['bbox'] = {'facecolor': CARD, 'alpha': 0.75, 'edgecolor': 'none', 'pad': 0.6}
    texts = [axes.text(0, 0, shorten(b.label), gid=f'label-{k}-{i}', **style) for i, b in enumerate(panel.blobs)]
    extents = [text.get_window_extent() for text in texts]
    anchors = axes.transData.transform([(blob.x, blob.y) for blob in panel.blobs]) - corner
    line = axes.transData.transform(panel.fit).reshape(1, 4) - np.tile(corner, 2) if panel.fit else None
    wanted = np.array([(extent.width, extent.height) for extent in extents])
    boxes = labels.place(anchors, sizes.reach, wanted, tuple(whole - 2 * _CLEAR), line)
    if boxes is None:
        for text in texts:
            text.set_text('')
        return False
    for i, text in enumerate(texts):
        text.set_position((boxes[i, :2] + _CLEAR) / whole)
        leader = labels.leader(boxes[i], i, anchors, sizes.body)
        if leader is not None:
            x, y = ((leader.reshape(2, 2) + _CLEAR) / whole).T
            under = 3 + 1 / (1 + sizes.reach[i]) - 1e-4
            axes.plot(x, y, transform=axes.transAxes, color=LEADER, lw=0.7, zorder=under)
    return True
