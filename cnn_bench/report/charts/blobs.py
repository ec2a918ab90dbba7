"""The chart of one number against another, in one panel or several side by side: a blob per network, and a fit."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cnn_bench.format import three_digits
from cnn_bench.report.charts import absent
from cnn_bench.report.charts.scatter import legend, marks, naming
from cnn_bench.report.charts.scatter.axes import set_limits
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import (
    BOTTOM,
    CARD,
    INK,
    MARGIN,
    MUTED,
    STYLE,
    add_titles,
    blank,
    current,
    fit,
    looks,
    shorten,
    wrap,
)

_BETWEEN, _ABOVE = 0.75, 0.24  # inches: between two panels, for the title of a panel
_CENTRE = 10.0  # pixels of radius from which a blob has a dot in its centre
_FIT = {'color': MUTED, 'lw': 1.1, 'dashes': (4, 3)}


@dataclass(frozen=True)
class Blob:
    """A network at (x, y) with its family. Its area is proportional to `params`, the smallest where that is nan.

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
    """Panels side by side, or above one another in a narrow figure. `areas`: what areas show, '' where nothing."""

    panels: tuple[Panel, ...]
    areas: str = 'Parameters'
    kinds: str = 'Lineage'

    @property
    def alt_text(self) -> str:
        drawn = next((panel for panel in self.panels if not panel.why), self.panels[0])
        return f'{self.title}: {drawn.y_label} against {drawn.x_label}'


def draw(chart: Blobs) -> Figure:
    """The figure, with gid `point-<k>-<i>` and `label-<k>-<i>` on blob i of panel k and its label.

    Its height grows until all labels fit; where that would take more than the style's greatest height, blobs have
    numbers, and a list below the axes has their names.
    """
    for how, tall in naming.tries(0.8 * current().least):
        figure, all_fit = _drawn(chart, tall, how)
        if all_fit:
            return figure


def _drawn(chart: Blobs, tall: float, how: str) -> tuple[Figure, bool]:
    style, blobs = current(), [blob for panel in chart.panels for blob in panel.blobs]
    scale, found = marks.AreaScale([blob.params for blob in blobs]), looks([blob.family for blob in blobs])
    names = {label: str(k) for k, label in enumerate(dict.fromkeys(shorten(blob.label) for blob in blobs), 1)}
    down = len(chart.panels) if style.width < 5 else 1
    across = len(chart.panels) // down
    figure = blank((style.width, tall))
    every = [figure.add_axes((0, 0, 1, 1), label=f'panel {k}') for k in range(len(chart.panels))]
    groups = [legend.of_families(chart.kinds, list(found))] if found else []
    groups += [legend.of_areas(chart.areas, scale)] if chart.areas and blobs else []
    fits = any(panel.fit for panel in chart.panels)
    groups += [(None, [('least squares', Line2D([], [], **_FIT))], 0.5)] if fits else []
    under, right, legend_tall = naming.listing(figure, list(names), how), MARGIN, 0.0
    if style.narrow:
        under += legend.below(figure, groups, under)
    elif groups:
        right, legend_tall = legend.beside(every[-1], groups)
    step = _ABOVE + BOTTOM  # beside the inside of a panel
    inside = max(tall - style.top - step, legend_tall)
    high = style.top + under + down * (inside + step)
    figure.set_figheight(high)
    wide = (style.width - style.left - right - _BETWEEN * (across - 1)) / across
    add_titles(figure, chart.title, chart.subtitle, style.left)
    all_fit = True
    for k, (axes, panel) in enumerate(zip(every, chart.panels, strict=True)):
        left = style.left + k % across * (wide + _BETWEEN)
        bottom = BOTTOM + under + (down - 1 - k // across) * (inside + step)
        axes.set_position((left / style.width, bottom / high, wide / style.width, inside / high))
        axes.set_title(fit(panel.title, wide, style.text), loc='left', fontsize=style.text, color=INK, pad=6)
        if panel.why:
            absent.say(axes, panel.why, wide)
            continue
        axes.set_xlabel(wrap(panel.x_label, wide), labelpad=7)
        axes.set_ylabel(panel.y_label, labelpad=7)
        shapes = [found[blob.family][1] for blob in panel.blobs]
        sizes = marks.sizes(panel.blobs, scale, shapes, STYLE['figure.dpi'] / 72)
        x, y = (np.array([getattr(blob, of) for blob in panel.blobs]) for of in 'xy')
        x, y = x if panel.log_x else np.append(x, 0.0), np.append(y, 0.0) if panel.from_zero else y
        least, write = (0.1 * x.max(), 0.1 * y.max()), (three_digits, three_digits)
        set_limits(axes, x, y, sizes.reach.max(), log_x=panel.log_x, least=least, write=write)
        _blobs(axes, k, panel, sizes, found)
        said = [shorten(blob.label) for blob in panel.blobs]
        said = said if how == naming.TEXT else [names[label] for label in said]
        all_fit &= how == naming.LIST or _labels(axes, k, panel, sizes, said, how)
    return figure, all_fit


def _blobs(axes: Axes, k: int, panel: Panel, sizes: marks.Sizes, found: dict) -> None:
    if panel.fit:
        axes.plot(*zip(*panel.fit, strict=True), zorder=1.5, gid=f'fit-{k}', **_FIT)
    for i, blob in enumerate(panel.blobs):
        over = {'zorder': naming.zorder(sizes.reach[i]), 'gid': f'point-{k}-{i}'}
        marks.draw(axes, blob.x, blob.y, found[blob.family], sizes, i, **over)
        if math.isfinite(blob.low):
            axes.plot([blob.low, blob.high], [blob.y, blob.y], color=INK, linewidth=0.8, zorder=4.5)
            left, right = axes.get_xlim()
            for edge, angle, out in ((left, 90, blob.low < left), (right, 270, blob.high > right)):
                if out:
                    beyond = {'marker': (3, 0, angle), 'clip_on': False, 'gid': f'beyond-{k}-{i}'}
                    axes.scatter(edge, blob.y, s=16, color=INK, linewidth=0, zorder=4.5, **beyond)
        elif sizes.reach[i] > _CENTRE:
            axes.scatter(blob.x, blob.y, s=5, color=CARD, linewidth=0, gid=f'centre-{k}-{i}', zorder=4.4)


def _labels(axes: Axes, k: int, panel: Panel, sizes: marks.Sizes, said: list[str], how: str) -> bool:
    """Place and draw the labels; False, without any, where they do not fit."""
    anchors = axes.transData.transform([(blob.x, blob.y) for blob in panel.blobs])
    line = axes.transData.transform(panel.fit).reshape(1, 4) if panel.fit else None
    names = [(f'label-{k}-{i}', text) for i, text in enumerate(said)]
    return naming.add(axes, names, anchors, sizes.reach, sizes.body, how, line)
