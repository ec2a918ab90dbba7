"""Names of any length and kind: charts cut them, and stay within a size that a machine can hold."""

import warnings

import numpy as np
import pandas as pd
import pytest

from cnn_bench.analysis.summary import summarise
from cnn_bench.report.charts import density, forest, learning, overlap, saving, style
from cnn_bench.report.charts.scatter import spec

NAMES = {
    'letters': 'x' * 250,
    'wide letters': 'W' * 250,
    'very long': 'é' * 20_000,
    'words': 'a word ' * 60,
    'lines and controls': 'a\nb\x07\t' * 80,
    'a word that cannot be broken, then nothing': f'{"-" * 39} {"y" * 300}',
}


def _scatter(column):
    def make(table, name):
        table.loc[table.index[:3], column] = [f'{name} {i}' for i in range(3)] if column == 'label' else name
        return spec.accuracy_vs_cost(summarise(table), 'accuracy_vs_throughput')

    return make


def _density(table, name):
    return density.accuracy_density(summarise(table.assign(dataset=name, label=[f'{i} {name}' for i in range(6)])))


def _forest(table, name):
    row = {'label': name, 'mean': 1.0, 'low': 0.5, 'high': 1.5, 'p': 0.01, 'n': 3, 'over': 'seeds'}
    return forest.forest(pd.DataFrame([row, {**row, 'label': f'{name} 2'}]), f'{name} 3')


def _overlap(table, name):
    two = [name, f'{name} 2']
    return overlap.error_overlap(pd.DataFrame([[100.0, 20.0], [np.nan, 100.0]], index=two, columns=two), name)


def _learning(table, name):
    common = {'seed': 0, 'state': 'finished', 'kind': 'val'}
    rows = [
        {'run': run, 'label': f'{run} {name}', 'step': e, 'epoch': float(e), 'top1_err_pct': 9.0 / e, **common}
        for run in 'ab'
        for e in (1, 2)
    ]
    return learning.learning_curves(pd.DataFrame(rows), subtitle=name)


CHARTS = {
    **{f'scatter, {column}': _scatter(column) for column in ('family', 'label', 'dataset', 'device')},
    'density': _density,
    'forest': _forest,
    'overlap': _overlap,
    'learning': _learning,
}


@pytest.mark.parametrize('kind', CHARTS)
def test_a_chart_stays_a_page_wide_and_shows_all_of_itself(make_table, kind):
    for what, name in NAMES.items():
        table = make_table(6)
        table['device'] = '1 x abacus' if kind != 'scatter, device' else name
        chart = CHARTS[kind](table, name)
        with warnings.catch_warnings():
            warnings.simplefilter('error')  # of letters that the font lacks, of axes without room
            figure = saving.draw(chart)
        assert max(figure.get_size_inches()) < 16, what
        texts = [part.get_text() for part in figure.findobj(lambda part: hasattr(part, 'get_text'))]
        assert max(map(len, texts)) < 250, what
        assert not any(ord(letter) < 32 for text in texts for letter in text), what


@pytest.mark.parametrize('inches', [0.1, 1.0, 4.0])
@pytest.mark.parametrize('name', NAMES.values())
def test_text_is_cut_to_a_width(name, inches):
    fitted = style.fit(name, inches)
    assert style.text_width([fitted]) <= inches or fitted == '…'
    assert fitted.endswith('…')
    assert style.fit('short', inches + 1) == 'short'
