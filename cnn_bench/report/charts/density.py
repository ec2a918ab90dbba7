"""The chart of accuracy per parameter, as in figure 10 of Canziani et al. 2017 (arXiv 1605.07678)."""

from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from cnn_bench.report.charts import rows
from cnn_bench.report.charts.scatter.spec import subtitle
from cnn_bench.report.charts.spec import ChartSpec, Details, Hover
from cnn_bench.report.charts.style import BLUE, STYLE
from cnn_bench.report.format import human, percent, three_digits


@dataclass(frozen=True)
class Bar:
    """A network: top-1 accuracy in per cent, parameters, and the one divided by the other in millions."""

    label: str
    accuracy: float
    params: float
    density: float


@dataclass(frozen=True, kw_only=True)
class Density(ChartSpec):
    """A bar per network, the densest first."""

    x_label: str
    bars: tuple[Bar, ...]

    @property
    def hovers(self) -> tuple[Hover, ...]:
        return tuple(Hover(f'point-{i}', f'label-{i}', bar.label, _details(bar)) for i, bar in enumerate(self.bars))

    @property
    def alt_text(self) -> str:
        return f'{self.title}: a bar per network'


def accuracy_density(summary: pd.DataFrame) -> Density | None:
    """Top-1 accuracy per million parameters, from a summary by `summarise`; None where no row has parameters."""
    known = summary[summary.params.gt(0)]
    bars = [
        Bar(row.label, 100 - row.top1_err_pct, row.params, (100 - row.top1_err_pct) / (row.params / 1e6))
        for row in known.itertuples()
    ]
    if not bars:
        return None
    return Density(
        name='accuracy_density',
        title='Accuracy per parameter',
        subtitle=subtitle(known),
        x_label='top-1 accuracy per million parameters (%)',
        caption='How well a network uses its parameters: its top-1 accuracy divided by their number in millions. This '
        'favours small networks, whatever their accuracy, which stands behind each bar.',
        bars=tuple(sorted(bars, key=lambda bar: (-bar.density, bar.label))),
    )


@matplotlib.rc_context(STYLE)
def draw(chart: Density) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on bar i and its name."""
    limits = 0.0, rows.around([bar.density for bar in chart.bars])[1]
    numbers = [
        f'{three_digits(bar.density)} · {percent(bar.accuracy, 1)} with {human(bar.params)}' for bar in chart.bars
    ]
    labels = [bar.label for bar in chart.bars]
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, numbers, limits, chart.x_label)
    for i, drawn in enumerate(axes.barh(range(len(labels)), [bar.density for bar in chart.bars], 0.7, color=BLUE)):
        drawn.set_gid(f'point-{i}')
    return figure


def _details(bar: Bar) -> Details:
    return (
        ('per million parameters', f'{three_digits(bar.density)} %'),
        ('top-1 accuracy', percent(bar.accuracy)),
        ('parameters', human(bar.params)),
    )
