"""The frame of charts with a row per network: its name, a mark on a common axis, its numbers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from cnn_bench.report.charts.style import (
    BOTTOM,
    LABEL_SIZE,
    MARGIN,
    MUTED,
    STYLE,
    TOP,
    WIDTH,
    add_titles,
    blank,
    fit,
    shorten,
    text_width,
    ticks,
)
from cnn_bench.report.format import tick

_STEP = 0.24  # inches from a row to the next
_GAP = 0.14  # between the axes and the text beside them


def frame(
    titles: tuple[str, str],
    labels: Sequence[str],
    numbers: Sequence[str],
    limits: tuple[float, float],
    x_label: str,
    below: float = 0.0,
) -> tuple[Figure, Axes]:
    """A figure with row i at y = i, its label to the left (gid `label-<i>`) and its numbers to the right.

    below: inches left free at the bottom, for a legend.
    """
    short = [shorten(label) for label in labels]
    left, right = (text_width(list(texts)) + _GAP + MARGIN for texts in (short, numbers))
    bottom = BOTTOM + below
    height = TOP + _STEP * len(labels) + bottom
    figure = blank((WIDTH, height))
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, _STEP * len(labels) / height)
    axes = figure.add_axes(box)
    axes.set(xlim=limits, ylim=(len(labels) - 0.5, -0.5), yticks=[])
    add_titles(figure, *titles)
    inch = 1 / (WIDTH - left - right)
    style = {'transform': axes.get_yaxis_transform(), 'va': 'center_baseline', 'fontsize': LABEL_SIZE}
    for i, (label, said) in enumerate(zip(short, numbers, strict=True)):
        axes.text(-_GAP * inch, i, label, ha='right', gid=f'label-{i}', **style)
        axes.text(1 + _GAP * inch, i, said, ha='left', color=MUTED, gid=f'number-{i}', **style)
    axes.xaxis.set_major_locator(FixedLocator(ticks(*limits, most=8)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.set_xlabel(fit(x_label, WIDTH - left - right, STYLE['font.size']), labelpad=7)
    axes.tick_params(length=3)
    axes.grid(True, axis='x')
    axes.set_axisbelow(True)
    axes.spines[['top', 'right', 'left']].set_visible(False)
    return figure, axes


def around(values: Sequence[float], zero: bool = True) -> tuple[float, float]:
    """Axis limits with room around the finite `values`, and around 0 where asked."""
    finite = [*(value for value in values if np.isfinite(value)), *([0.0] if zero else [])]
    pad = 0.04 * (np.ptp(finite) or 1.0)
    return float(min(finite) - pad), float(max(finite) + pad)
