"""Accuracy per parameter, as figure 10 of Canziani et al. 2017 (arXiv 1605.07678) draws it."""

from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from cnn_bench.report import marks, rows
from cnn_bench.report.figures import human, subtitle
from cnn_bench.report.hover import Hover
from cnn_bench.report.style import STYLE


@dataclass(frozen=True)
class Bar:
    """A network: top-1 accuracy in per cent, parameters, and the one divided by the other in millions."""

    label: str
    accuracy: float
    params: float
    density: float


@dataclass(frozen=True)
class Density:
    """A bar per network, the densest first."""

    name: str
    title: str
    subtitle: str
    x_label: str
    caption: str
    bars: tuple[Bar, ...]

    @property
    def hovers(self) -> tuple[Hover, ...]:
        """What the page says of each bar."""
        return tuple(Hover(f'point-{i}', f'label-{i}', bar.label, _details(bar)) for i, bar in enumerate(self.bars))

    @property
    def described(self) -> str:
        """What a reader hears who can't see the chart."""
        return f'{self.title}: a bar per network'


def accuracy_density(summary: pd.DataFrame) -> Density | None:
    """Top-1 accuracy per million parameters, from a summary by `tables.summarise`; None where no row has parameters."""
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
        caption='How well a network uses its parameters: its top-1 accuracy divided by their number in millions. It '
        'favours small networks, whatever their accuracy, which stands behind each bar.',
        bars=tuple(sorted(bars, key=lambda bar: (-bar.density, bar.label))),
    )


@matplotlib.rc_context(STYLE)
def draw(chart: Density) -> Figure:
    """The figure, with gid `point-<i>` and `label-<i>` on bar i and its name."""
    limits = 0.0, rows.around([bar.density for bar in chart.bars])[1]
    numbers = [f'{_three_digits(bar.density)} · {bar.accuracy:.1f} % with {human(bar.params)}' for bar in chart.bars]
    labels = [bar.label for bar in chart.bars]
    figure, axes = rows.frame((chart.title, chart.subtitle), labels, numbers, limits, chart.x_label)
    colour = marks.THEME['blue'][0]
    for i, drawn in enumerate(axes.barh(range(len(labels)), [bar.density for bar in chart.bars], 0.7, color=colour)):
        drawn.set_gid(f'point-{i}')
    return figure


def _details(bar: Bar) -> tuple[tuple[str, str], ...]:
    return (
        ('per million parameters', f'{_three_digits(bar.density)} %'),
        ('top-1 accuracy', f'{bar.accuracy:.2f} %'),
        ('parameters', human(bar.params)),
    )


def _three_digits(density: float) -> str:
    return f'{density:,.0f}' if density >= 1000 else f'{density:.3g}'
