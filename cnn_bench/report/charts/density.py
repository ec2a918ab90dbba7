"""The chart of accuracy per parameter, as in figure 10 of Canziani et al. 2017 (arXiv 1605.07678)."""

import pandas as pd

from cnn_bench.format import human, percent, text, three_digits
from cnn_bench.report.charts.bars import Bar, Bars
from cnn_bench.report.charts.scatter.spec import subtitle
from cnn_bench.runs import collapse


def accuracy_density(summary: pd.DataFrame) -> Bars | None:
    """Top-1 accuracy per million parameters, from a summary by `summarise`; None where no row has parameters."""
    counted = summary[summary.params.gt(0)]
    bars = [_bar(row) for row in counted.to_dict('records')]
    if not bars:
        return None
    return Bars(
        name='accuracy_density',
        title='Accuracy per parameter',
        subtitle=subtitle(counted),
        x_label='top-1 accuracy per million parameters (%)',
        caption='How well a network uses its parameters: its top-1 accuracy divided by their number in millions. This '
        'favours small networks, whatever their accuracy, which stands behind each bar.'
        + (' Dots are single seeds.' if any(bar.seeds for bar in bars) else '')
        + (' Bars leave seeds out that collapsed.' if any('collapsed' in bar.text for bar in bars) else ''),
        bars=tuple(sorted(bars, key=lambda bar: (-bar.value, bar.label))),
    )


def in_words(density: float, accuracy: float, params: float) -> str:
    """What stands behind a bar: '3.92 · 69.8 % with 17.8 M'."""
    return f'{three_digits(density)} · {percent(accuracy, 1)} with {human(params)}'


def _bar(row: dict) -> Bar:
    millions, accuracy, by_seed = row['params'] / 1e6, 100 - row['top1_err_pct'], row['by_seed']
    collapsed = collapse.in_words(sum(seed.collapsed for seed in by_seed), len(by_seed))
    density = accuracy / millions
    said = in_words(density, accuracy, row['params'])
    seeds = tuple((100 - seed.error) / millions for seed in by_seed) if len(by_seed) > 1 else ()
    said = f'{said} · {collapsed}' if collapsed else said
    return Bar(row['label'], text(row['family']), density, said, seeds)
