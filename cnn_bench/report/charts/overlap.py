"""The chart of common errors: the share of one network's errors that another network makes too."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import (
    BLUE,
    BOLD,
    MARGIN,
    add_titles,
    blank,
    current,
    fit,
    shorten,
    text_width,
)

_CELL, _GAP = 0.34, 0.08  # inches
_BOLDEST = 0.6  # opacity at 100 %, on which text is legible in light and dark mode


@dataclass(frozen=True, kw_only=True)
class Overlap(ChartSpec):
    """`share[i][j]`: per cent of the images that network i gets wrong which network j gets wrong too; nan: unknown."""

    labels: tuple[str, ...]
    share: tuple[tuple[float, ...], ...]

    @property
    def alt_text(self) -> str:
        return f'{self.title}: a row and a column per network'


def error_overlap(share: pd.DataFrame, subtitle: str = '') -> Overlap | None:
    """The chart of a table by `analysis.overlap.shares`; None where it has fewer than two networks."""
    if len(share) < 2:
        return None
    return Overlap(
        name='error_overlap',
        title='Which errors networks have in common',
        subtitle=subtitle,
        caption='Of the test images that the network of the row gets wrong, the per cent that the network of the '
        'column gets wrong too. With independent errors, each column would show the error rate of its network.',
        labels=tuple(map(str, share.index)),
        share=tuple(map(tuple, share.to_numpy().tolist())),
    )


def draw(chart: Overlap) -> Figure:
    """The figure, with gid `cell-<i>-<j>` on the cell of row i and column j."""
    labels, count = [shorten(label) for label in chart.labels], len(chart.labels)
    beside, side = text_width(labels) + _GAP + MARGIN, _CELL * count
    style = current()
    subtitle = text_width([fit(chart.subtitle, style.width, style.text)], style.text)
    titles = max(subtitle, text_width([chart.title], style.title) * BOLD) if style.title else 0
    wide = max(beside + side, titles) + 2 * MARGIN
    high = style.top + beside + side + MARGIN
    figure = blank((wide, high))
    axes = figure.add_axes((beside / wide, MARGIN / high, side / wide, side / high))
    axes.set(xlim=(0, count), ylim=(count, 0))
    axes.set_axis_off()
    add_titles(figure, chart.title, chart.subtitle)
    for i, j in itertools.product(range(count), repeat=2):
        _cell(axes, i, j, chart.share[i][j])
    _names(axes, labels)
    return figure


def _cell(axes: Axes, i: int, j: int, share: float) -> None:
    opacity = 0.0 if np.isnan(share) else _BOLDEST * share / 100
    style = {'facecolor': BLUE, 'edgecolor': 'none', 'alpha': opacity}
    axes.add_patch(Rectangle((j + 0.02, i + 0.02), 0.96, 0.96, gid=f'cell-{i}-{j}', **style))
    axes.text(j + 0.5, i + 0.5, _number(share), ha='center', va='center_baseline', fontsize=min(7.5, current().label))


def _names(axes: Axes, labels: Sequence[str]) -> None:
    gap = _GAP / _CELL
    for i, label in enumerate(labels):
        axes.text(-gap, i + 0.5, label, ha='right', va='center_baseline', fontsize=current().label)
        axes.text(i + 0.5, -gap, label, ha='center', va='bottom', rotation=90, fontsize=current().label)


def _number(share: float) -> str:
    return '' if np.isnan(share) else f'{share:.0f}'
