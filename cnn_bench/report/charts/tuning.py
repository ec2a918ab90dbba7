"""The chart of tuning: the lowest validation error to expect of n trials, a line per network."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from cnn_bench.report import tuning
from cnn_bench.report.charts.lines import APART, LINE, add_names, look, name_or_end, room_for, style_axes
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import BOTTOM, add_titles, blank, current, shorten, ticks
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.tuning import Tuning

_FIRST = 2  # number of trials from which on all errors are shown: a single one at random may be as bad as chance
_TIMES = 3.0  # the median of the last errors; a network that is worse throughout lies beyond the axis


@dataclass(frozen=True)
class Line:
    """A network and the expected lowest error in per cent of 1, 2, ... of its trials."""

    label: str
    errors: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ExpectedBest(ChartSpec):
    """The lines of several networks, in alphabetical order."""

    lines: tuple[Line, ...]

    @property
    def alt_text(self) -> str:
        return f'{self.title}: validation error in per cent against the number of trials, a line per network'


def expected_best(record: Tuning, subtitle: str = '') -> ExpectedBest | None:
    """The chart of a record of tuning; None where no variant has two trials, one of them finished."""
    found = tuning.expected_best(record)
    lines = tuple(Line(name, tuple(map(float, found[name]))) for name in sorted(found) if len(found[name]) > 1)
    if not lines:
        return None
    return ExpectedBest(
        name='expected_best',
        title='Expected best of n tuning trials',
        subtitle=subtitle,
        caption='The lowest validation error to expect of n of the trials that were made, drawn at random (Dodge et '
        'al. 2019, arXiv 1909.03004). A line that still falls at its end asks for more trials. Trials that did not '
        'finish count as the worst that did.',
        lines=lines,
    )


def draw(chart: ExpectedBest) -> Figure:
    """The figure, with gid `line-<i>` and `label-<i>` on the line and the name of `chart.lines[i]`."""
    low, top = _limits(chart)
    labels = [name_or_end(shorten(line.label), line.errors[-1], top) for line in chart.lines]
    style, looks = current(), [look(i) for i in range(len(labels))]
    figure = blank((style.width, style.least))
    right, under = room_for(figure, labels, looks)
    high = max(0.73 * style.least - style.top - BOTTOM, 0 if style.narrow else APART * (len(labels) + 1))
    height = style.top + high + BOTTOM + under
    figure.set_figheight(height)
    wide = (style.width - style.left - right) / style.width
    axes = figure.add_axes((style.left / style.width, (BOTTOM + under) / height, wide, high / height))
    for i, line in enumerate(chart.lines):
        axes.plot(range(1, len(line.errors) + 1), line.errors, gid=f'line-{i}', **LINE, **looks[i])
    last = max(len(line.errors) for line in chart.lines)
    axes.set(xlim=(1 - 0.02 * last, 1.02 * last), ylim=(low, top), xlabel='tuning trials')
    axes.set_ylabel(f'expected lowest {COLUMNS["val_top1_err_pct"].axis_label}', labelpad=7)
    axes.xaxis.set_major_locator(FixedLocator(ticks(1, last, most=8, integer=True)))
    axes.yaxis.set_major_locator(FixedLocator(ticks(low, top, most=8)))
    style_axes(axes)
    add_names(axes, labels, [(len(line.errors), line.errors[-1]) for line in chart.lines], looks)
    add_titles(figure, chart.title, chart.subtitle, style.left)
    return figure


def _limits(chart: ExpectedBest) -> tuple[float, float]:
    """Around the errors of all but networks that are far worse than most, from the second trial on."""
    most = _TIMES * float(np.median([line.errors[-1] for line in chart.lines]))
    shown = [error for line in chart.lines if line.errors[-1] <= most for error in line.errors[_FIRST - 1 :]]
    low, high = min(shown), max(shown)
    room = 0.06 * (high - low) or 0.5
    return max(0.0, low - room), min(100.0, high + room)
