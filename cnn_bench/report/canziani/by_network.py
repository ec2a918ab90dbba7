"""Figures 1 and 10: top-1 accuracy by network, and accuracy per parameter."""

import pandas as pd

from cnn_bench.analysis.canziani.data import Data
from cnn_bench.format import percent
from cnn_bench.report.canziani import notes
from cnn_bench.report.charts.absent import Absent
from cnn_bench.report.charts.bars import Bar, Bars
from cnn_bench.report.charts.density import in_words
from cnn_bench.report.charts.spec import ChartSpec

NO_ACCURACY = 'no network here has an accuracy'


def top1(data: Data) -> ChartSpec:
    """Figure 1: a bar per network, the least accurate first."""
    titles = {'name': 'figure01_top1_by_network', 'title': 'Figure 1. Top-1 accuracy by network'}
    rows = data.networks[data.networks.accuracy.notna()].sort_values(['accuracy', 'label'])
    text = [percent(row.accuracy, 1) for row in rows.itertuples()]
    caption = notes.caption(notes.of_accuracy(data, sizes=False))
    return _bars(rows, 'accuracy', text, data, caption, titles, x_label='top-1 accuracy (%)')


def density(data: Data) -> ChartSpec:
    """Figure 10: top-1 accuracy per million parameters, the densest first."""
    titles = {'name': 'figure10_accuracy_per_parameter', 'title': 'Figure 10. Accuracy per parameter'}
    rows = data.networks[data.networks.density.notna()].sort_values(['density', 'label'], ascending=[False, True])
    text = [in_words(row.density, row.accuracy, row.params) for row in rows.itertuples()]
    caption = notes.caption(
        'Information density: top-1 accuracy divided by the trainable parameters in millions. It favours small '
        'networks, whatever their accuracy, which stands behind each bar.',
        notes.of_accuracy(data, sizes=False),
    )
    return _bars(rows, 'density', text, data, caption, titles, x_label='top-1 accuracy per million parameters (%)')


def _bars(
    rows: pd.DataFrame, column: str, text: list[str], data: Data, caption: str, titles: dict[str, str], x_label: str
) -> ChartSpec:
    if rows.empty:
        return Absent(caption=caption, why=NO_ACCURACY, **titles)
    bars = [
        Bar(row['label'], row['family'], row[column], said)
        for row, said in zip(rows.to_dict('records'), text, strict=True)
    ]
    subtitle = f'{len(bars)} networks · {data.accuracy.words}'
    return Bars(subtitle=subtitle, caption=caption, x_label=x_label, bars=tuple(bars), **titles)
