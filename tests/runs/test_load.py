"""A tree of runs as one table, also where some of them are damaged."""

import pandas as pd
import pytest
from run_files import PROVENANCE, write_run

from cnn_bench import runs
from cnn_bench.analysis import summary
from cnn_bench.errors import UserError
from cnn_bench.runs import schema
from cnn_bench.runs.columns import COLUMNS


def test_one_row_per_run(tmp_path):
    write_run(tmp_path / 'b' / 'one', summary={'state': 'finished', 'top1_err_pct': 12.5}, seed=4)
    write_run(tmp_path / 'a', name='my net')
    table = runs.load(tmp_path)
    assert list(table.columns) == list(COLUMNS)
    assert list(table.run) == ['a', 'b/one']
    assert list(table.label) == ['my net', 'resnet20 x0.5']
    assert list(table.state) == ['unfinished', 'finished']
    row = table.iloc[1]
    assert (row.params, row.macs, row.input_shape, row.top1_err_pct, row.seed) == (5, 7, '28x28x1', 12.5, 4)
    assert (row.epochs, row.device, row.commit) == (2, '2 x abacus', '0123456789+')
    assert row.versions == 'jax 1, jaxlib 2, flax 3, optax 4, numpy 5'


def test_epochs_of_a_recipe_that_counts_steps(tmp_path):
    write_run(tmp_path, provenance={**PROVENANCE, 'total_epochs': 90.5}, total_steps=362)
    assert runs.load(tmp_path).epochs.item() == 90.5


def test_names_that_are_not_one_line(tmp_path):
    write_run(tmp_path / 'run', name='two\nlines')  # earlier versions trained it
    assert runs.load(tmp_path).label.item() == r'two\nlines'
    write_run(tmp_path / 'run', name='\udce9cole')
    assert runs.load(tmp_path).state.item() == 'damaged'
    (tmp_path / 'run').rename(tmp_path / '\udcff')
    with pytest.raises(UserError, match=r"a run whose name '\\udcff' is not one line"):
        runs.load(tmp_path)


def test_what_lies_inside_a_run_is_no_run(tmp_path):
    run = write_run(tmp_path / 'run')
    write_run(run / 'wandb' / 'copy')
    assert [found.path for found in runs.find(tmp_path)] == [tmp_path / 'run']


@pytest.mark.parametrize('name', [schema.CONFIG, schema.PROVENANCE, schema.SUMMARY])
@pytest.mark.parametrize(
    'content', ['{"state": "fin', '[1]', pytest.param('[' * 10_000 + ']' * 10_000, id='deep'), '{"a": 1}', '\xff', '']
)
def test_a_damaged_run_stays_in_the_table_as_that(tmp_path, name, content):
    write_run(tmp_path / 'good', summary={'state': 'finished', 'top1_err_pct': 12.5})
    bad = write_run(tmp_path / 'bad', summary={'state': 'finished', 'top1_err_pct': 1.5}, seed=3)
    (bad / name).write_text(content, encoding='latin-1')
    table = runs.load(tmp_path).set_index('run')
    assert dict(table.state) == {'bad': 'damaged', 'good': 'finished'}
    assert table.label['bad'] == ('bad' if name == schema.CONFIG else 'resnet20 x0.5')
    assert (table.seed['bad'] == 3) == (name != schema.CONFIG)  # what can be read is there
    [(run, why)] = summary.left_out(table.reset_index())
    assert run == 'bad'
    assert why.startswith(f'damaged: {name} cannot be read: ')


def test_without_provenance_the_rest_is_there(tmp_path):
    write_run(tmp_path, summary={'state': 'finished', 'top1_err_pct': 12.5}, provenance=None)
    row = runs.load(tmp_path).iloc[0]
    assert (row.state, row.top1_err_pct, row.epochs) == ('finished', 12.5, 2)
    assert pd.isna([row.params, row.device, row.versions, row.commit]).all()


@pytest.mark.parametrize(('below', 'said'), [('', 'holds no run'), ('none', 'there is no directory')])
def test_nothing_to_load(tmp_path, below, said):
    with pytest.raises(UserError, match=said):
        runs.load(tmp_path / below)


def test_seeds_that_start_from_their_own_pretraining_are_repeats(tmp_path):
    starts = {
        'a': (0, '../pretrained-s0-0a1b2c3d'),
        'b': (1, '../pretrained-s1-4d5e6f70'),
        'another': (1, '../longer-s1-4d5e6f70'),
        'a fixed one': (1, '../pretrained-s0-0a1b2c3d'),
        'elsewhere': (1, 'runs/pretrained-s1-4d5e6f70'),
    }
    for name, (seed, start) in starts.items():
        write_run(tmp_path / name, seed=seed, init_from=start)
    recipe = runs.load(tmp_path).set_index('run').recipe
    assert recipe['a'] == recipe['b']
    assert recipe.nunique() == 4
