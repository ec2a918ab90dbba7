"""The chart of accuracy per parameter, as in figure 10 of Canziani et al. 2017 (arXiv 1605.07678)."""

from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from cnn_bench.report.charts import rows
from cnn_bench.report.charts.scatter.spec import subtitle
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import BLUE, SEED, STYLE
from cnn_bench.report.format import human, percent, three_digits
from cnn_bench.runs import collapse


@dataclass(frozen=True)
class Bar:
    """A network: top-1 accuracy in per cent, parameters, and the one divided by the other in millions.

    `seeds` is that quotient of each seed, where there are several; `collapsed` says how many did.
    """

    label: str
    accuracy: float
    params: float
    density: float
    seeds: tuple[float, ...] = ()
    collapsed: str = ''


@dataclass(frozen=True, kw_only=True)
class Density(ChartSpec):
    """A bar per network, the densest first."""

    x_label: str
    bars: tuple[Bar, ...]

    @property
    def alt_text(self) -> str:
        return f'{self.title}: a bar per network'


def accuracy_density(summary: pd.DataFrame) -> Density | None:
    """Top-1 accuracy per million parameters, from a summary by `summarise`; None where no row has parameters."""
    counted = summary[summary.params.gt(0)]
    bars = [_bar(row) for row in counted.to_dict('records')]
    if not bars:
        return None
    return Density(
        name='accuracy_density',
        title='Accuracy per parameter',
        subtitle=subtitle(counted),
        x_label='top-1 accuracy per million parameters (%)',
        caption='How well a network uses its parameters: its top-1 accuracy divided by their number in millions. This '
        'favours small networks, whatever their accuracy, which stands behind each bar.'
        + (' Dots are single seeds.' if any(bar.seeds for bar in bars) else '')
        + (' Bars leave seeds out that collapsed.' if any(bar.collapsed for bar in bars) else ''),
        bars=tuple(sorted(bars, key=lambda bar: (-bar.density, bar.label))),
    )


def _bar(row: dict) -> Bar:
    millions, accuracy, by_seed = row['params'] / 1e6, 100 - row['top1_err_pct'], row['by_seed']
    seeds = tuple((100 - seed.error) / millions for seed in by_seed) if len(by_seed) > 1 else ()
    collapsed = collapse.in_words(sum(seed.collapsed for seed in by_seed), len(by_seed))
    return Bar(row['label'], accuracy, row['params'], accuracy / millions, seeds, collapsed)


@matplotlib.rc_context(STYLE)
def draw(chart: Density) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on bar i and its name."""
    limits = 0.0, rows.around([bar.density for bar in chart.bars])[1]
    numbers = [
        f'{three_digits(bar.density)} · {percent(bar.accuracy, 1)} with {human(bar.params)}'
        + (f' · {bar.collapsed}' if bar.collapsed else '')
        for bar in chart.bars
    ]
    labels = [bar.label for bar in chart.bars]
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, numbers, limits, chart.x_label)
    for i, drawn in enumerate(axes.barh(range(len(labels)), [bar.density for bar in chart.bars], 0.7, color=BLUE)):
        drawn.set_gid(f'point-{i}')
        seeds = chart.bars[i].seeds
        axes.scatter(seeds, [i] * len(seeds), gid=f'seeds-{i}', zorder=3, **SEED)
    return figure
