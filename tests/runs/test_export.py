"""Files of runs, read back."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from run_files import eval_row, train_row, write_run

from cnn_bench.errors import UserError
from cnn_bench.runs import export, schema
from cnn_bench.runs.columns import COLUMNS

READ = {'csv': pd.read_csv, 'parquet': pd.read_parquet}


@pytest.fixture
def tree(tmp_path):
    """A finished run, one that has only begun, and one with damaged metrics."""
    rows = [train_row(2, 0.125), eval_row(4, 12.0)]
    write_run(tmp_path / 'tree' / 'done', rows, {'state': 'finished', 'top1_err_pct': 12.0}, seed=7)
    write_run(tmp_path / 'tree' / 'new', provenance=None)
    (write_run(tmp_path / 'tree' / 'worn') / schema.METRICS).write_text('{}\n')
    return tmp_path / 'tree'


@pytest.mark.parametrize('to', export.FORMATS)
def test_the_tidy_table(tree, tmp_path, to):
    out = tmp_path / f'table.{to}'
    export.write(export.tidy(tree), out, to)
    table = READ[to](out)
    assert list(table.columns) == list(COLUMNS)
    assert list(table.run) == ['done', 'new', 'worn']
    assert table.top1_err_pct.dropna().tolist() == [12.0]
    assert table.params[0] == 5
    assert pd.isna(table.params[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, 'tree']


@pytest.mark.parametrize('name', ['[1]', 'a*b?', '{x,y}', 'back\\slash'])
def test_directories_whose_names_mean_something_in_patterns(tree, tmp_path, name):
    odd = tree.rename(tmp_path / name)
    (odd / 'sweep.json').write_text('{}')
    assert export.logs(odd, tmp_path / 'logs' / name) == 3
    assert (tmp_path / 'logs' / name / 'sweep.json').is_file()
    for to in export.FORMATS:
        export.write(export.tidy(tmp_path / 'logs' / name), odd / f'{name}.{to}', to)
        assert list(READ[to](odd / f'{name}.{to}').run) == ['done', 'new', 'worn']


def test_counts_stay_integers_where_some_are_missing(tree, tmp_path):
    export.write(export.tidy(tree), tmp_path / 't.csv', 'csv')
    text = pd.read_csv(tmp_path / 't.csv', dtype=str)
    assert text.params.fillna('').tolist() == ['5', '', '5']
    export.write(export.tidy(tree), tmp_path / 't.parquet', 'parquet')
    assert str(pd.read_parquet(tmp_path / 't.parquet').params.dtype) == 'Int64'


@pytest.mark.parametrize('to', export.FORMATS)
def test_all_rows_of_metrics(tree, tmp_path, to):
    table, damaged = export.metrics(tree)
    assert list(damaged) == ['worn']
    export.write(table, tmp_path / 'm', to)
    read = READ[to](tmp_path / 'm')
    assert list(read.columns) == ['run', 'kind', 'step', 'epoch', 'loss', 'top1_err_pct', 'images']
    expected = [['done', 'train', 2, 0.5, 0.125, None, None], ['done', 'val', 4, 1.0, 0.25, 12.0, 40]]
    assert read.astype(object).where(read.notna(), None).to_numpy().tolist() == expected
    assert np.issubdtype(table.loss.dtype, np.floating)
    assert str(table.images.dtype) == 'Int64'


def test_no_rows_at_all(tmp_path):
    write_run(tmp_path / 'run')
    table, _ = export.metrics(tmp_path)
    export.write(table, tmp_path / 'm.csv', 'csv')
    assert (tmp_path / 'm.csv').read_text() == 'run,kind,step,epoch\n'


def test_what_fails_leaves_the_old_file(tmp_path):
    out = tmp_path / 'old.parquet'
    out.write_text('old')
    with pytest.raises(UserError, match=r'cannot write .* as parquet'):
        export.write(pd.DataFrame({'a': [1, 'b', [2]]}), out, 'parquet')
    assert out.read_text() == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['old.parquet']


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    with pytest.raises(UserError, match='--to parquet needs pyarrow'):
        export.check(tmp_path / 'a.parquet', 'parquet')
    export.check(tmp_path / 'a.csv', 'csv')


def test_logs_read_as_the_original(tree, tmp_path):
    (tree / 'sweep.json').write_text('{}')
    (tree / 'done' / schema.CHECKPOINTS).mkdir()
    (tree / 'done' / schema.PREDICTIONS).write_bytes(b'kept')
    assert export.logs(tree, tmp_path / 'far' / 'copy') == 3
    pd.testing.assert_frame_equal(export.tidy(tmp_path / 'far' / 'copy'), export.tidy(tree), check_flags=False)
    assert (tmp_path / 'far' / 'copy' / 'sweep.json').is_file()
    kept = {path.name for path in (tmp_path / 'far' / 'copy' / 'done').iterdir()}
    assert kept == {schema.CONFIG, schema.PROVENANCE, schema.METRICS, schema.SUMMARY}
    assert sorted(path.name for path in (tmp_path / 'far').iterdir()) == ['copy']
    export.logs(tree, tmp_path / 'with', predictions=True)
    assert (tmp_path / 'with' / 'done' / schema.PREDICTIONS).read_bytes() == b'kept'


def test_logs_do_not_say_where_a_machine_keeps_its_files(tmp_path):
    command = ['/home/me/lab/cnn_bench/__main__.py', '--config=/home/me/r.py', '--workdir', 'runs/x', '/data', '2 / 3']
    write_run(tmp_path / 'runs' / 'x', provenance={'command': command, 'init': {'path': '/home/me/lab/runs/a'}})
    (tmp_path / 'runs' / 'sweep.json').write_text('{"experiment": "/home/me/lab/experiments/x.py"}')
    export.logs(tmp_path / 'runs', tmp_path / 'out')
    assert json.loads((tmp_path / 'out' / 'sweep.json').read_text()) == {'experiment': 'experiments/x.py'}
    kept = json.loads((tmp_path / 'out' / 'x' / schema.PROVENANCE).read_text())
    shorter = ['cnn_bench/__main__.py', '--config=me/r.py', '--workdir', 'runs/x', 'data', '2 / 3']
    assert kept == {'command': shorter, 'init': {'path': 'runs/a'}}
    export.logs(tmp_path / 'runs' / 'x', tmp_path / 'one')
    assert json.loads((tmp_path / 'one' / schema.PROVENANCE).read_text()) == kept


def test_logs_go_to_a_new_directory_elsewhere(tree, tmp_path):
    (tmp_path / 'there').mkdir()
    with pytest.raises(UserError, match='exists; logs go to a new'):
        export.logs(tree, tmp_path / 'there')
    with pytest.raises(UserError, match='lies in'):
        export.logs(tree, tree / 'logs')
    assert not (tree / 'logs').exists()
