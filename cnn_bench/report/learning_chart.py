"""Draws learning curves: a panel for the training error, one for the test error, each line named at its end."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from cnn_bench.report import marks
from cnn_bench.report.learning import Curve, Learning
from cnn_bench.report.style import (
    BOTTOM,
    LABEL_SIZE,
    MARGIN,
    STYLE,
    TOP,
    WIDTH,
    add_titles,
    blank,
    shorten,
    text_width,
    ticks,
)

DASHES = ('-', (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_LEFT, _BETWEEN, _LINE, _KEY, _REACH = 0.72, 0.3, 0.175, 0.34, 0.3  # inches
_TOP = TOP + 0.2  # the panels have titles of their own
_MOST_BANDS = 8  # more of them would lie on one another
_MARKS = 9  # on a line
_FIRST_SHARE = 0.1  # of the training, whose errors may run out of the picture


@matplotlib.rc_context(STYLE)
def draw(chart: Learning) -> Figure:
    """The figure, with gid `train-<i>`, `test-<i>` and `label-<i>` on the lines and the name of `chart.series[i]`.

    Colours, dashes and marks differ from line to line; the names stand in a column beside the test panel, in the
    order of the last errors as far as there is room, and no two touch: the figure grows with them.
    """
    labels = [shorten(series.label) for series in chart.series]
    right = _REACH + _KEY + text_width(labels) + 0.08 + MARGIN
    height = max(5.2, _TOP + _LINE * (len(labels) + 1) + BOTTOM)
    figure = blank((WIDTH, height))
    panels = [name for name in ('train', 'test') if any(getattr(series, name) for series in chart.series)]
    wide = (WIDTH - _LEFT - right - _BETWEEN * (len(panels) - 1)) / len(panels)
    top = _top([getattr(series, name) for series in chart.series for name in panels])
    for place, name in enumerate(panels):
        left = _LEFT + place * (wide + _BETWEEN)
        box = (left / WIDTH, BOTTOM / height, wide / WIDTH, (height - _TOP - BOTTOM) / height)
        axes = figure.add_axes(box)
        _lines(axes, name, [getattr(series, name) for series in chart.series], top)
        axes.set_title({'train': 'training', 'test': 'test'}[name], fontsize=9, loc='left', pad=4, color=marks.MUTED)
        if place == 0:
            axes.set_ylabel('top-1 error (%)', labelpad=7)
        else:
            axes.tick_params(labelleft=False)
    _names(axes, labels, [series.test.mean[-1] for series in chart.series], [s.test.epoch[-1] for s in chart.series])
    add_titles(figure, chart.title, chart.subtitle, _LEFT)
    return figure


def look(place: int) -> dict:
    """Colour, dashes and marker of line number `place`: no two alike before 308 of them, and none of 44 in grey."""
    shape, dash = marks.SHAPES[place % len(marks.SHAPES)], DASHES[place % len(DASHES)]
    return {'color': marks.COLOURS[place % len(marks.COLOURS)], 'linestyle': dash, 'marker': shape}


def _lines(axes: Axes, name: str, curves: list[Curve | None], top: float) -> None:
    for i, curve in enumerate(curves):
        if curve is None:
            continue
        every = max(1, round(len(curve.epoch) / _MARKS))
        style = {'linewidth': 1.5, 'markersize': 4.5, 'markeredgewidth': 0, 'markevery': (i % every, every)}
        axes.plot(curve.epoch, curve.mean, gid=f'{name}-{i}', **style, **look(i))
        if curve.seeds > 1 and len(curves) <= _MOST_BANDS:
            axes.fill_between(curve.epoch, curve.low, curve.high, color=look(i)['color'], alpha=0.16, linewidth=0)
    last = max(curve.epoch[-1] for curve in curves if curve)
    axes.set(xlim=(0, last * 1.02), ylim=(0, top), xlabel='epoch')
    axes.xaxis.set_major_locator(FixedLocator(ticks(0, last, most=6, integer=last >= 3)))
    axes.yaxis.set_major_locator(FixedLocator(ticks(0, top, most=8)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axes.tick_params(length=3)
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def _top(curves: list[Curve | None]) -> float:
    """The upper limit: above all but the errors of the first tenth of the epochs."""
    shown = []
    for curve in filter(None, curves):
        later = np.array(curve.epoch) > _FIRST_SHARE * curve.epoch[-1]
        shown.append(np.array(curve.high)[later].max())
    return min(100.0, 1.06 * max(shown)) or 1.0


def _names(axes: Axes, labels: list[str], errors: list[float], epochs: list[float]) -> None:
    """A column of names to the right of the axes, each with its line's look, and a thin line to where it ends."""
    box = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
    wanted = np.clip(np.array(errors) / axes.get_ylim()[1], 0, 1) * box.height
    heights = spread(wanted, _LINE, box.height)
    for i, (label, error, epoch) in enumerate(zip(labels, errors, epochs, strict=True)):
        y = heights[i] / box.height
        start = 1 + _REACH / box.width
        end = start + _KEY / box.width
        at = epoch / axes.get_xlim()[1], min(error / axes.get_ylim()[1], 1)
        style = {'transform': axes.transAxes, 'clip_on': False}
        axes.plot([at[0], 1.01, start], [at[1], at[1], y], color=marks.LEADER, linewidth=0.6, zorder=1.8, **style)
        key = {'linewidth': 1.5, 'markersize': 4.5, 'markeredgewidth': 0, 'markevery': [1]}
        axes.plot([start, (start + end) / 2, end], [y, y, y], **key, **look(i), **style)
        x = end + 0.08 / box.width
        axes.text(x, y, label, va='center_baseline', fontsize=LABEL_SIZE, gid=f'label-{i}', transform=axes.transAxes)


def spread(wanted: np.ndarray, apart: float, room: float) -> np.ndarray:
    """Positions near the `wanted` ones, in their order, at least `apart` from each other and within 0 to `room`.

    Those that would touch form a block about the mean of what they want (pool adjacent violators).
    """
    order = np.argsort(wanted, kind='stable')
    blocks: list[list[float]] = []  # sum of what its members want of its start, and how many they are
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
