"""The frame of charts with a row per network: its name, a mark on a common axis, its numbers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from cnn_bench.format import tick
from cnn_bench.report.charts.scatter import legend
from cnn_bench.report.charts.style import (
    BOTTOM,
    MARGIN,
    MUTED,
    add_titles,
    blank,
    current,
    plain_axes,
    shorten,
    text_width,
    ticks,
    wrap,
)

_STEP = 0.24  # inches from a row to the next
_GAP, _LEAST = 0.14, 1.2  # inches: between the axes and the text beside them, least width of the axes


def frame(
    titles: tuple[str, str],
    labels: Sequence[str],
    numbers: Sequence[str],
    limits: tuple[float, float],
    x_label: str,
    groups: Sequence[legend.Group] = (),
) -> tuple[Figure, Axes]:
    """A figure with row i at y = i, its label to the left (gid `label-<i>`) and its numbers to the right.

    Where that leaves too little for the axes, the numbers of a row stand below its mark. groups: of a legend.
    """
    short, style, wide = [shorten(label) for label in labels], current(), current().width
    left, right = (text_width(list(texts)) + _GAP + MARGIN for texts in (short, numbers))
    squeezed = wide - left - right < _LEAST
    right, step = (MARGIN, 1.7 * _STEP) if squeezed else (right, _STEP)
    figure = blank((wide, 1))
    bottom = BOTTOM + legend.below(figure, groups)
    height = style.top + step * len(labels) + bottom
    figure.set_figheight(height)
    box = (left / wide, bottom / height, (wide - left - right) / wide, step * len(labels) / height)
    axes = figure.add_axes(box)
    axes.set(xlim=limits, ylim=(len(labels) - (0.25 if squeezed else 0.5), -0.5), yticks=[])
    add_titles(figure, *titles)
    inch = 1 / (wide - left - right)
    text = {'transform': axes.get_yaxis_transform(), 'va': 'center_baseline', 'fontsize': style.label}
    for i, (label, said) in enumerate(zip(short, numbers, strict=True)):
        axes.text(-_GAP * inch, i, label, ha='right', gid=f'label-{i}', **text)
        x, y = (0.02, i + 0.52) if squeezed else (1 + _GAP * inch, i)
        axes.text(x, y, said, ha='left', color=MUTED, gid=f'number-{i}', zorder=4, **text)
    axes.xaxis.set_major_locator(FixedLocator(ticks(*limits, most=min(8, int((wide - left - right) / 0.4)))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.set_xlabel(wrap(x_label, wide - left - right), labelpad=7)
    plain_axes(axes, 'x', ('top', 'right', 'left'))
    return figure, axes


def around(values: Sequence[float], zero: bool = True) -> tuple[float, float]:
    """Axis limits with room around the finite `values`, and around 0 where asked."""
    finite = [*(value for value in values if np.isfinite(value)), *([0.0] if zero else [])]
    pad = 0.04 * (np.ptp(finite) or 1.0)
    return float(min(finite) - pad), float(max(finite) + pad)
