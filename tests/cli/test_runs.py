"""`cnn-bench runs` and `cnn-bench runs export`, from the command line's side."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from run_files import eval_row, train_row, write_run

from cnn_bench.cli import main
from cnn_bench.runs import schema


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Two runs and a damaged one below `runs`, which lies in the current directory."""
    monkeypatch.chdir(tmp_path)
    write_run('runs/net-10', [train_row(2), eval_row(4, 10.0)], {'state': 'finished', 'top1_err_pct': 11.0}, seed=3)
    write_run('runs/net-9', [train_row(2), eval_row(4, 8.5), eval_row(6, 9.0)], provenance=None, name='[b]mine[/b]')
    (write_run('runs/worn') / schema.SUMMARY).write_text('{"state"')
    return tmp_path


def _files(path):
    return {str(p.relative_to(path)) for p in path.rglob('*')}


def test_the_list(tree, capsys, monkeypatch):
    monkeypatch.setattr('sys.stdout.isatty', lambda: True)
    monkeypatch.setenv('COLUMNS', '300')
    assert main(['runs', 'runs']) == 0
    printed = capsys.readouterr()
    out = re.sub(r'\x1b\[[0-9;]*m', '', printed.out)
    lines = [re.split(' {2,}', line.strip()) for line in out.splitlines() if '─' not in line and line.strip()]
    assert [line[:10] for line in lines] == [
        [
            'run',
            'network',
            'state',
            'best val (%)',
            'last val (%)',
            'test (%)',
            'step',
            'of steps',
            'seed',
            'started (UTC)',
        ],
        ['net-9', '[b]mine[/b]', 'unfinished', *'8.50 9.00 – 6 – 0 –'.split()],
        ['net-10', 'resnet20 x0.5', 'finished', *'10.00 10.00 11.00 4 8 3'.split(), '2026-02-03 02:05'],
        ['worn', 'resnet20 x0.5', 'damaged', *'– – – – 8 0'.split(), '2026-02-03 02:05'],
    ]
    assert printed.err.startswith('cnn-bench: damaged: ')
    assert printed.err.count('\n') == 1
    assert 'worn/summary.json cannot be read' in printed.err


def test_as_json_and_sorted(tree, capsys):
    assert main(['runs', '--json', 'runs', '--sort', 'error']) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run['run'] for run in listed] == ['net-9', 'net-10', 'worn']
    assert listed[1]['best_val_top1_err_pct'] == 10.0
    assert listed[1]['total_steps'] == 8
    assert main(['runs', '--json', 'runs', '--sort=started']) == 0
    assert [run['run'] for run in json.loads(capsys.readouterr().out)] == ['net-10', 'worn', 'net-9']


@pytest.mark.parametrize(
    'words',
    [
        ['export', 'runs', '--to', 'csv', '--metrics', '--out', 'all.csv'],
        ['export', '--to', 'csv', '--metrics', 'runs', '--out', 'all.csv'],
        ['--metrics', '--to=csv', '--out=all.csv', 'export', 'runs'],
    ],
)
def test_exporting_rows_of_metrics_in_any_order_of_words(tree, capsys, words):
    assert main(['runs', *words]) == 0
    assert capsys.readouterr().out == 'all.csv\n'
    table = pd.read_csv('all.csv')
    assert table.run.tolist() == ['net-10'] * 2 + ['net-9'] * 3
    assert table.top1_err_pct.dropna().tolist() == [10.0, 8.5, 9.0]


@pytest.mark.parametrize('to', ['csv', 'parquet'])
def test_exporting_the_tidy_table_beside_the_runs(tree, capsys, to):
    before = _files(tree)
    assert main(['runs', 'export', 'runs', '--to', to]) == 0
    assert capsys.readouterr().out == f'runs/runs.{to}\n'
    assert _files(tree) - before == {f'runs/runs.{to}'}
    table = (pd.read_csv if to == 'csv' else pd.read_parquet)(f'runs/runs.{to}')
    assert table.state.tolist() == ['finished', 'unfinished', 'damaged']


def test_metrics_that_cannot_be_read_are_left_out_in_one_line(tree, capsys):
    (tree / 'runs' / 'net-9' / schema.METRICS).write_text('nothing\n')
    assert main(['runs', 'export', 'runs', '--to', 'csv', '--metrics']) == 0
    printed = capsys.readouterr()
    assert printed.err.count('\n') == 1
    assert 'line 1 of' in printed.err
    assert pd.read_csv('runs/metrics.csv').run.unique().tolist() == ['net-10']


def test_a_directory_that_is_called_export(tree, capsys):
    (tree / 'runs').rename(tree / 'export')
    assert main(['runs', './export', '--json']) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert main(['runs', 'export', 'export', '--to', 'csv']) == 0


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([], 'required: DIR'),
        (['nowhere'], 'there is no directory nowhere'),
        (['runs/net-10/config.json'], 'there is no directory'),
        (['empty'], 'holds no run'),
        (['runs', 'empty'], 'one directory at a time, not runs and empty'),
        (['runs', '--jsn'], "unknown argument of runs '--jsn'; did you mean --json"),
        (['runs', '--to', 'csv'], '--to is not for listing runs'),
        (['runs', '--sort', 'size'], 'invalid choice'),
        (['export'], 'give a directory of runs'),
        (['export', 'runs'], 'give the format'),
        (['export', 'runs', '--to', 'xls'], 'invalid choice'),
        (['export', 'runs', '--to', 'csv', '--json'], '--json is not for runs export'),
        (['export', 'runs', 'empty', '--to', 'csv'], 'one directory at a time'),
        (['export', 'nowhere', '--to', 'csv'], 'there is no directory nowhere'),
        (['export', 'empty', '--to', 'csv'], 'holds no run'),
        (['export', 'runs', '--to', 'csv', '--out', 'a.parquet'], 'ends in .parquet, but --to is csv'),
        (['export', 'runs', '--to', 'csv', '--out', 'empty'], '--out empty is a directory'),
        (['export', 'runs', '--to', 'csv', '--out', ''], 'is a directory'),
        (['export', 'runs', '--to', 'csv', '--out', 'no/a.csv'], 'there is no directory no'),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tree, capsys, words, said):
    (tree / 'empty').mkdir()
    before = _files(tree)
    assert main(['runs', *words]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith('cnn-bench: error: ')
    assert printed.err.count('\n') == 1
    assert printed.out == ''
    assert _files(tree) == before


def test_listing_imports_neither_jax_nor_pandas(tree):
    code = (
        'import sys\n'
        'from cnn_bench.cli import main\n'
        "main(['runs', 'runs'])\n"
        'print(sorted({"jax", "flax", "pandas", "tensorboardX", "wandb"} & set(sys.modules)), file=sys.stderr)'
    )
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert ran.stderr.splitlines()[-1] == '[]'
