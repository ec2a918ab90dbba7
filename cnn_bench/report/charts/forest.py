"""The forest plot: how much each variant differs from the baseline, with intervals around the line of no difference."""

import math
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_bench.analysis.verdicts import OVER_IMAGES, OVER_SEEDS, Pair
from cnn_bench.format import compared, interval, signed
from cnn_bench.report.charts import rows
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import BLUE, CARD, MUTED, SEED, shorten
from cnn_bench.runs import collapse

OVER_NETWORKS = 'networks'  # what a mean is over where its `pairs` are networks
_WIDEST = 3.0  # times the range of the means; what is farther off is cut off


@dataclass(frozen=True)
class Row:
    """Variant minus baseline: mean, interval, adjusted p (nan where there is none), over n seeds, images or networks.

    `pairs` are all seeds, more than n where some collapsed.
    """

    label: str
    mean: float
    low: float
    high: float
    p: float
    n: int
    over: str
    pairs: tuple[Pair, ...] = ()

    @property
    def collapsed(self) -> int:
        """In how many pairs the variant or the baseline collapsed."""
        return sum(pair.collapsed for pair in self.pairs)

    @property
    def learned(self) -> bool:
        """Whether there is a pair of which neither collapsed."""
        return not self.pairs or self.collapsed < len(self.pairs)


@dataclass(frozen=True, kw_only=True)
class Forest(ChartSpec):
    """A row per variant, the lowest mean first."""

    x_label: str
    rows: tuple[Row, ...]

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
        caption=' '.join(
            [text for kind, text in _CAPTIONS.items() if kind in kinds or kind is None]
            + ([_COLLAPSED] if any(row.collapsed for row in found) else [])
        ),
        rows=found,
    )


_CAPTIONS = {
    OVER_SEEDS: 'Circles: mean over seeds, variant and baseline paired by seed; dots: single seeds.',
    OVER_IMAGES: 'Squares on dotted lines: one run of each, compared on the test images; this says nothing of other '
    'seeds.',
    '': 'Crosses: one run of each, without an interval.',
    None: 'Lines are simultaneous 95 % intervals (Bonferroni); a mark is filled where its interval excludes '
    'zero; arrows stand for what is beyond the axis. p is adjusted after Holm, which is a little less strict than the '
    'intervals.',
}
_COLLAPSED = (
    'Means and intervals leave out seeds that collapsed, whose training error stayed at chance, unless all of a '
    'variant did.'
)


def draw(chart: Forest) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on the mark of row i and its name."""
    labels, numbers = [row.label for row in chart.rows], [_said(row) for row in chart.rows]
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, numbers, _limits(chart.rows), chart.x_label)
    axes.axvline(0, color=MUTED, linewidth=1.1, zorder=1.5)
    for i, row in enumerate(chart.rows):
        _mark(axes, i, row)
    return figure


def _mark(axes: Axes, place: int, row: Row) -> None:
    shape, line = {OVER_SEEDS: ('o', '-'), OVER_NETWORKS: ('o', '-'), OVER_IMAGES: ('s', (0, (1, 1.5)))}.get(
        row.over, ('x', '-')
    )
    low, high = axes.get_xlim()
    beyond = [row.mean, *(pair.difference for pair in row.pairs)]
    if math.isfinite(row.low):
        axes.plot([row.low, row.high], [place, place], color=BLUE, linewidth=1.4, linestyle=line, zorder=2)
        beyond += [row.low, row.high]
    for edge, angle, out in ((low, 90, min(beyond) < low), (high, 270, max(beyond) > high)):
        if out:
            axes.scatter(edge, place, s=34, marker=(3, 0, angle), color=BLUE, linewidth=0, clip_on=False, zorder=4)
    seeds = [pair.difference for pair in row.pairs if low <= pair.difference <= high] if len(row.pairs) > 1 else []
    axes.scatter(seeds, [place] * len(seeds), gid=f'seeds-{place}', zorder=3.5, **SEED)
    mark = {'s': 34, 'marker': shape, 'gid': f'point-{place}', 'zorder': 3}
    if shape == 'x':
        axes.scatter(row.mean, place, color=BLUE, **mark)
        return
    face = BLUE if row.low > 0 or row.high < 0 else CARD
    axes.scatter(row.mean, place, facecolor=face, edgecolor=BLUE, **mark)


def _limits(found: tuple[Row, ...]) -> tuple[float, float]:
    """Axis limits around all means, zero, and seeds and intervals as far as they do not squeeze the rest.

    Variants that collapsed and intervals over two seeds do not count.
    """
    counted = [row for row in found if row.learned] or found
    low, high = rows.around([row.mean for row in counted])
    room = _WIDEST * (high - low)
    ends = [end for row in counted if row.over != OVER_SEEDS or row.n > 2 for end in (row.low, row.high)]
    ends += [pair.difference for row in counted for pair in row.pairs if not pair.collapsed]
    return rows.around([low, high, *(min(max(end, low - room), high + room) for end in ends if math.isfinite(end))])


def _said(row: Row) -> str:
    ends = interval(row.low, row.high)
    said = f'{signed(row.mean)} ({ends}; p {compared(row.p)})' if ends else signed(row.mean)
    if not row.collapsed:
        return said
    seeds = ', '.join(signed(pair.difference) for pair in row.pairs if pair.collapsed) if row.learned else ''
    return f'{said} · {collapse.in_words(row.collapsed, len(row.pairs))}{f": {seeds}" if seeds else ""}'
