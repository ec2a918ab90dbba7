"""Forest plot: how much each variant differs from the baseline, with intervals and the line of no difference."""

import math
from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_bench.report import marks, rows
from cnn_bench.report.ablation import OVER_IMAGES, OVER_SEEDS, compared, signed
from cnn_bench.report.hover import Hover
from cnn_bench.report.style import STYLE

_WIDEST = 3.0  # of the range of the means: intervals of two seeds that are wider run out of the picture


@dataclass(frozen=True)
class Row:
    """Variant minus baseline: mean, interval, adjusted p (nan where there is none), n of what it is `over`."""

    label: str
    mean: float
    low: float
    high: float
    p: float
    n: int
    over: str


@dataclass(frozen=True)
class Forest:
    """A row per variant, in the order of the least mean."""

    name: str
    title: str
    subtitle: str
    x_label: str
    caption: str
    rows: tuple[Row, ...]

    @property
    def hovers(self) -> tuple[Hover, ...]:
        """What the page says of each row."""
        return tuple(Hover(f'point-{i}', f'label-{i}', row.label, _details(row)) for i, row in enumerate(self.rows))

    @property
    def described(self) -> str:
        """What a reader hears who can't see the chart."""
        return f'{self.title}: {self.x_label}, a row per variant'


def forest(differences: pd.DataFrame, baseline: str, what: str = 'top-1 error') -> Forest | None:
    """The chart of a table by `ablation.differences`, in per cent points of `what`; None where it has no row."""
    found = tuple(Row(**row) for row in differences.sort_values(['mean', 'label']).to_dict('records'))
    if not found:
        return None
    kinds = {row.over for row in found}
    return Forest(
        name='differences',
        title=f'Differences to {baseline}',
        subtitle='to the left: less error than the baseline',
        x_label=f'{what} minus that of {baseline} (points)',
        caption=' '.join(text for kind, text in _CAPTIONS.items() if kind in kinds or kind is None),
        rows=found,
    )


_CAPTIONS = {
    OVER_SEEDS: 'Circles: mean over seeds, variant and baseline paired by seed.',
    OVER_IMAGES: 'Squares on dotted lines: one run of each, compared on the test images; this says nothing of other '
    'seeds.',
    '': 'Crosses: one run of each and nothing to tell how sure it is.',
    None: 'Lines are intervals that hold all together with 95 % probability (Bonferroni); a mark is filled where its '
    'interval leaves out zero. p is adjusted after Holm, which is a little less strict than the intervals.',
}


@matplotlib.rc_context(STYLE)
def draw(chart: Forest) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on the mark of row i and its name."""
    labels, numbers = [row.label for row in chart.rows], [_said(row) for row in chart.rows]
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, numbers, _limits(chart.rows), chart.x_label)
    axes.axvline(0, color=marks.MUTED, linewidth=1.1, zorder=1.5)
    for i, row in enumerate(chart.rows):
        _mark(axes, i, row)
    return figure


def _mark(axes: Axes, place: int, row: Row) -> None:
    colour = marks.THEME['blue'][0]
    shape, line = {OVER_SEEDS: ('o', '-'), OVER_IMAGES: ('s', (0, (1, 1.5)))}.get(row.over, ('x', '-'))
    if math.isfinite(row.low):
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=1.4, linestyle=line, zorder=2)
    if shape == 'x':
        axes.scatter(row.mean, place, s=34, marker=shape, color=colour, gid=f'point-{place}', zorder=3)
        return
    face = colour if row.low > 0 or row.high < 0 else marks.CARD
    axes.scatter(row.mean, place, s=34, marker=shape, facecolor=face, edgecolor=colour, gid=f'point-{place}', zorder=3)


def _limits(found: tuple[Row, ...]) -> tuple[float, float]:
    """Of all means, of zero, and of the intervals as far as they do not squeeze the rest."""
    low, high = rows.around([row.mean for row in found])
    room = _WIDEST * (high - low)
    ends = [end for row in found for end in (row.low, row.high) if math.isfinite(end)]
    return rows.around([low, high, *(min(max(end, low - room), high + room) for end in ends)])


def _interval(row: Row) -> str:
    return f'{signed(row.low)} to {signed(row.high)}' if math.isfinite(row.low) else ''


def _p(row: Row) -> str:
    if not math.isfinite(row.p):
        return ''
    return f'p {compared(row.p)}'


def _said(row: Row) -> str:
    interval, p = _interval(row), _p(row)
    return f'{signed(row.mean)} ({interval}; {p})' if interval else signed(row.mean)


def _details(row: Row) -> tuple[tuple[str, str], ...]:
    details = [
        ('difference', f'{signed(row.mean)} points'),
        ('95 % interval', _interval(row)),
        ('adjusted p', _p(row).removeprefix('p ').removeprefix('= ')),
        ('over', f'{row.n:,} {row.over}' if row.over else 'one run of each'),
    ]
    return tuple((name, value) for name, value in details if value)
