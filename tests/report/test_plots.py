import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cnn_bench.analysis import other_recipes
from cnn_bench.analysis.summary import summarise
from cnn_bench.errors import UserError
from cnn_bench.report import plots
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
    with pytest.raises(UserError, match='different devices'):
        plots.accuracy_vs(table.assign(images_per_s=np.nan), 'throughput')
    with pytest.raises(UserError, match='in common with nobody'):
        plots.differences(table, 'nobody')
    with pytest.raises(UserError, match='none of 6 runs is finished'):
        plots.accuracy_density(table.assign(state='unfinished'))
    with pytest.raises(UserError, match='evaluated at two epochs'):
        plots.learning_curves(pd.DataFrame(columns=['run', 'label', 'seed', 'state', 'kind', 'epoch', 'top1_err_pct']))


def test_how_surely_a_network_is_on_the_front(table):
    sure = summarise(table.assign(top1_err_pct=table.seed + table.label.map(len)))
    assert sure.front_probability.between(0, 1).all()
    assert summarise(table[table.seed == 0]).front_probability.isna().all()


def test_recipes_differ_in_fields():
    configs = {
        'a': {'name': 'a', 'seed': 0, 'model': {'arch': 'x', 'width': 1.0}, 'same': [1]},
        'b': {'name': 'b', 'seed': 1, 'model': {'arch': 'x', 'depth': None}, 'same': [1]},
    }
    found = other_recipes.differing_fields(configs)
    assert found.T.to_dict() == {
        'model.width': {'a': '1.0', 'b': '—'},
        'model.depth': {'a': '—', 'b': 'null'},
    }
    assert other_recipes.differing_fields({'a': configs['a']}).empty
