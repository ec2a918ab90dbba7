import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cnn_bench.errors import UserError
from cnn_bench.report import data, plots
from cnn_bench.report.summary import front_in_words, summarise
from cnn_bench.runs.predictions import Predictions


@pytest.fixture
def table(make_table):
    return make_table(3, 2)


def test_data_frames_in_figures_out(table):
    kept = {run: Predictions(np.zeros(20, int), np.arange(20) % 3) for run in table.run}
    for made in (
        plots.accuracy_vs(table, 'params'),
        plots.accuracy_density(table),
        plots.differences(table, table.label[0]),
        plots.error_overlap(table, kept),
    ):
        assert isinstance(made, Figure)


def test_what_cannot_be_drawn_is_one_line(table):
    with pytest.raises(UserError, match='lack throughput on one device'):
        plots.accuracy_vs(table.assign(images_per_s=np.nan), 'throughput')
    with pytest.raises(UserError, match='in common with nobody'):
        plots.differences(table, 'nobody')
    with pytest.raises(UserError, match='none of 6 runs is finished'):
        plots.accuracy_density(table.assign(state='unfinished'))
    with pytest.raises(UserError, match='evaluations'):
        plots.learning_curves(pd.DataFrame(columns=['run', 'label', 'seed', 'state', 'kind', 'epoch', 'top1_err_pct']))


def test_the_front_in_words(table):
    table['macs'] = table.label.map(dict(zip(table.label.unique(), [1e6, 1e7, 1e8], strict=True)))
    table['top1_err_pct'] = table.label.map(dict(zip(table.label.unique(), [20.0, 10.0, 15.0], strict=True)))
    said = front_in_words(summarise(table[table.seed == 0]))
    first, second, _ = table.label.unique()
    # 10 points below the greatest error over one factor of ten; the cheapest is at that error, the dearest at that cost
    assert f': {first}, {second}. Its hypervolume' in said
    assert 'is 10.00 percentage points × decades (one seed each' in said
    assert '100 M multiply-adds and 20.00 % error' in said
    assert front_in_words(summarise(table.head(1))) == ''


def test_how_surely_a_network_is_on_the_front(table):
    sure = summarise(table.assign(top1_err_pct=table.seed + table.label.map(len)))
    assert sure.front_probability.between(0, 1).all()
    assert summarise(table[table.seed == 0]).front_probability.isna().all()


def test_recipes_differ_in_fields():
    configs = {
        'a': {'name': 'a', 'seed': 0, 'model': {'arch': 'x', 'width': 1.0}, 'same': [1]},
        'b': {'name': 'b', 'seed': 1, 'model': {'arch': 'x', 'depth': None}, 'same': [1]},
    }
    found = data.differing_fields(configs)
    assert found.T.to_dict() == {
        'model.width': {'a': '1.0', 'b': '—'},
        'model.depth': {'a': '—', 'b': 'null'},
    }
    assert data.differing_fields({'a': configs['a']}).empty
