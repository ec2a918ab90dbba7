"""The forest plot: how much each variant differs from the baseline, with intervals around the line of no difference."""

import math
from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_bench.report.charts import rows
from cnn_bench.report.charts.spec import ChartSpec, Details, Hover, known
from cnn_bench.report.charts.style import BLUE, CARD, MUTED, STYLE, shorten
from cnn_bench.report.format import compared, interval, p_value, signed
from cnn_bench.report.verdicts import OVER_IMAGES, OVER_SEEDS

_WIDEST = 3.0  # times the range of the means; wider intervals, as of two seeds, are cut off


@dataclass(frozen=True)
class Row:
    """Variant minus baseline: mean, interval, adjusted p (nan where there is none), over n seeds or test images."""

    label: str
    mean: float
    low: float
    high: float
    p: float
    n: int
    over: str


@dataclass(frozen=True, kw_only=True)
class Forest(ChartSpec):
    """A row per variant, the lowest mean first."""

    x_label: str
    rows: tuple[Row, ...]

    @property
    def hovers(self) -> tuple[Hover, ...]:
        return tuple(Hover(f'point-{i}', f'label-{i}', row.label, _details(row)) for i, row in enumerate(self.rows))

    @property
    def alt_text(self) -> str:
        return f'{self.title}: {self.x_label}, a row per variant'


def forest(differences: pd.DataFrame, baseline: str, what: str = 'top-1 error') -> Forest | None:
    """The chart of a table by `verdicts.compare_with_baseline`, in points of `what`; None where it is empty."""
    found = tuple(Row(**row) for row in differences.sort_values(['mean', 'label']).to_dict('records'))
    if not found:
        return None
    kinds = {row.over for row in found}
    return Forest(
        name='differences',
        title=f'Differences to {baseline}',
        subtitle='to the left: less error than the baseline',
        x_label=f'{what} minus that of {shorten(baseline)} (points)',
        caption=' '.join(text for kind, text in _CAPTIONS.items() if kind in kinds or kind is None),
        rows=found,
    )


_CAPTIONS = {
    OVER_SEEDS: 'Circles: mean over seeds, variant and baseline paired by seed.',
    OVER_IMAGES: 'Squares on dotted lines: one run of each, compared on the test images; this says nothing of other '
    'seeds.',
    '': 'Crosses: one run of each, without an interval.',
    None: 'Lines are simultaneous 95 % intervals (Bonferroni); a mark is filled where its interval excludes '
    'zero. p is adjusted after Holm, which is a little less strict than the intervals.',
}


@matplotlib.rc_context(STYLE)
def draw(chart: Forest) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on the mark of row i and its name."""
    labels, numbers = [row.label for row in chart.rows], [_said(row) for row in chart.rows]
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, numbers, _limits(chart.rows), chart.x_label)
    axes.axvline(0, color=MUTED, linewidth=1.1, zorder=1.5)
    for i, row in enumerate(chart.rows):
        _mark(axes, i, row)
    return figure


def _mark(axes: Axes, place: int, row: Row) -> None:
    shape, line = {OVER_SEEDS: ('o', '-'), OVER_IMAGES: ('s', (0, (1, 1.5)))}.get(row.over, ('x', '-'))
    if math.isfinite(row.low):
        axes.plot([row.low, row.high], [place, place], color=BLUE, linewidth=1.4, linestyle=line, zorder=2)
    if shape == 'x':
        axes.scatter(row.mean, place, s=34, marker=shape, color=BLUE, gid=f'point-{place}', zorder=3)
        return
    face = BLUE if row.low > 0 or row.high < 0 else CARD
    axes.scatter(row.mean, place, s=34, marker=shape, facecolor=face, edgecolor=BLUE, gid=f'point-{place}', zorder=3)


def _limits(found: tuple[Row, ...]) -> tuple[float, float]:
    """Axis limits around all means, zero, and the intervals as far as they do not squeeze the rest."""
    low, high = rows.around([row.mean for row in found])
    room = _WIDEST * (high - low)
    ends = [end for row in found for end in (row.low, row.high) if math.isfinite(end)]
    return rows.around([low, high, *(min(max(end, low - room), high + room) for end in ends)])


def _said(row: Row) -> str:
    ends = interval(row.low, row.high)
    return f'{signed(row.mean)} ({ends}; p {compared(row.p)})' if ends else signed(row.mean)


def _details(row: Row) -> Details:
    return known(
        ('difference', f'{signed(row.mean)} points'),
        ('95 % interval', interval(row.low, row.high)),
        ('adjusted p', p_value(row.p) if math.isfinite(row.p) else ''),
        ('over', f'{row.n:,} {row.over}' if row.over else 'one run of each'),
    )
