"""Every file of a run, damaged in every way that a disk, an editor or another tool can: no command fails but in a line,
and the other runs of the tree are read."""

import copy
import json
import shutil
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ml_collections import ConfigDict
from run_files import PROVENANCE, eval_row, train_row, write_run

from cnn_bench import recipe, trained
from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.report.charts import saving
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs.predictions import packed
from cnn_bench.training import provenance, setup
from cnn_bench.training.session import train

RECIPE = str(Path(__file__).parents[2] / 'configs' / 'lenet5.py')
ROWS = [train_row(2), eval_row(4, 20.0), train_row(6), eval_row(8, 10.0)]
SUMMARY = {'state': 'finished', 'top1_err_pct': 10.0, 'top5_err_pct': 1.0, 'test_loss': 0.5, 'images_per_s': 9.0}
NETWORK = {'params': 5, 'macs': 7, 'family': 'lenet', 'year': 1998, 'input_shape': [28, 28, 1]}
DATA = {'name': 'd', 'version': '1', 'fingerprint': 'ab' * 32}

TEXTS = {  # what a file holds instead of its JSON, from its bytes
    'emptied': lambda text: b'',
    'cut': lambda text: text[: len(text) // 2],
    'a list': lambda text: b'[1]',
    'a number': lambda text: b'7',
    'a text': lambda text: b'"x"',
    'null': lambda text: b'null',
    'an empty object': lambda text: b'{}',
    'nested lists': lambda text: b'[' * 10_000 + b']' * 10_000,
    'nested objects': lambda text: b'{"a":' * 10_000 + b'1' + b'}' * 10_000,
    'nested in a field': lambda text: text.replace(b'{', b'{"deep": ' + b'[' * 400 + b']' * 400 + b', ', 1),
    'NUL bytes': lambda text: text[:20] + bytes(8) + text[20:],
    'not UTF-8': lambda text: text.replace(b'"', b'"\xff', 1),
    'half a character': lambda text: text.replace(b'{', b'{"a": "\\ud800", ', 1),
    'a bit flipped': lambda text: bytes([text[0] ^ 1]) + text[1:],
    'digits without end': lambda text: text.replace(b'{', b'{"a": ' + b'9' * 5000 + b', ', 1),
}
ODD = ['high', [1], {}, 10**30, float('nan'), float('inf'), True, -1]
FIELDS = {
    schema.CONFIG: ['seed', 'batch_size', 'total_epochs', 'total_steps', 'model.width'],
    schema.PROVENANCE: ['network.params', 'network.macs', 'network.year', 'num_devices', 'total_epochs'],
    schema.SUMMARY: ['top1_err_pct', 'test_loss', 'images_per_s'],
    schema.METRICS: ['step', 'epoch', 'top1_err_pct'],
}
OTHERS = [  # (file, field, value)
    *((schema.CONFIG, name, 5) for name in ('name', 'model', 'model.arch', 'dataset', 'init_from')),
    *((schema.CONFIG, name, None) for name in ('name', 'seed', 'model', 'dataset.name')),
    *((schema.PROVENANCE, name, 'x') for name in ('git', 'versions', 'data', 'network', 'started', 'model', 'init')),
    (schema.PROVENANCE, 'earlier_sessions', [7]),
    (schema.PROVENANCE, 'network.input_shape', 'wide'),
    (schema.SUMMARY, 'state', 'finishet'),
    (schema.SUMMARY, 'state', ['finished']),
    (schema.SUMMARY, 'top1_err_pct', None),
    (schema.SUMMARY, 'top1_err_pct', 100.5),
    (schema.SUMMARY, 'reason', {'a': 1}),
    (schema.METRICS, 'loss', 'low'),
    (schema.METRICS, 'kind', 3),
    (schema.METRICS, 'label', 3),
    (schema.METRICS, 'step', 1),  # goes back
]


def _with(content: dict, field: str, value: object) -> dict:
    content = copy.deepcopy(content)
    *groups, name = field.split('.')
    holder = content
    for group in groups:
        holder = holder[group]
    holder[name] = value
    return content


@cache
def _recipe() -> ConfigDict:
    return recipe.load(RECIPE)


def _good(path: Path, seed: int = 0) -> RunDirectory:
    config = {**recipe.to_dict(_recipe()), 'seed': seed}
    run = write_run(path, ROWS, SUMMARY, {**PROVENANCE, 'network': NETWORK, 'data': DATA}, **config)
    labels = np.arange(40) % 10
    log_probs = np.full((40, 10), -9.0)
    log_probs[np.arange(40), np.where(np.arange(40) < 4 + seed, (labels + 1) % 10, labels)] = -0.1
    run.write_arrays(schema.PREDICTIONS, packed(labels, log_probs))
    return run


def _damage(root: Path) -> dict[str, str]:
    """Make a run with a damaged file for every damage; name -> the file."""
    made = {}

    def new(name: str, file: str) -> Path:
        made[name] = file
        return shutil.copytree(root / 'good-0', root / name) / file

    for file in FIELDS:
        for what, change in TEXTS.items():
            path = new(f'{file} {what}', file)
            before = path.read_bytes()
            if file == schema.METRICS:  # its second line
                first, second, *rest = before.split(b'\n')
                path.write_bytes(b'\n'.join([first, change(second), *rest]))
            else:
                path.write_bytes(change(before))
    odd = [(file, field, value) for file, fields in FIELDS.items() for field in fields for value in ODD]
    for number, (file, field, value) in enumerate([*odd, *OTHERS]):
        if file == schema.METRICS and field == 'top1_err_pct' and value != value:
            continue  # NaN, which a log may hold
        path = new(f'{file} {number} {field}', file)
        if file == schema.METRICS:
            path.write_text(
                ''.join(json.dumps(row) + '\n' for row in [ROWS[0], _with(ROWS[1], field, value), *ROWS[2:]])
            )
        else:
            path.write_text(json.dumps(_with(json.loads(path.read_text()), field, value)))
    return made


def _damage_predictions(root: Path) -> list[str]:
    kept = (_good(root / 'predictions.npz whole') / schema.PREDICTIONS).read_bytes()
    contents = {'emptied': b'', 'cut': kept[: len(kept) // 2], 'flipped': kept[:60] + bytes([kept[60] ^ 1]) + kept[61:]}
    for what, content in {**contents, 'text': b'hello', 'NUL': bytes(100)}.items():
        (_good(root / f'predictions.npz {what}') / schema.PREDICTIONS).write_bytes(content)
    arrays = {'label': np.zeros(40, int), 'log_probs': np.zeros((40, 10), np.float16)}
    odd = {'words': np.full(40, 'a'), 'fewer': np.zeros(3, int), 'square': np.zeros((2, 2), int)}
    for what, labels in odd.items():
        run = _good(root / f'predictions.npz {what}')
        np.savez(run / schema.PREDICTIONS, **{**arrays, 'label': labels})
    run = _good(root / 'predictions.npz NaN')
    np.savez(run / schema.PREDICTIONS, **{**arrays, 'log_probs': np.full((40, 10), np.nan, np.float16)})
    return [f'predictions.npz {what}' for what in ('emptied', 'cut', 'flipped', 'text', 'NUL', *odd, 'NaN')]


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    """Two good runs, `good-0` and `good-1`, and one for every damage; with the names of the damaged ones."""
    root = tmp_path_factory.mktemp('damaged') / 'runs'
    for seed in (0, 1):
        _good(root / f'good-{seed}', seed)
    return SimpleNamespace(root=root, damaged=_damage(root), predictions=_damage_predictions(root))


@pytest.fixture
def undrawn(monkeypatch):
    """Charts are specified, but not drawn."""
    monkeypatch.setattr(saving, 'save', lambda chart, directory, style=None: '<svg viewBox="0 0 9 9"></svg>')


def test_the_list_names_every_damaged_run_and_file(tree, capsys):
    assert main(['runs', str(tree.root), '--json']) == 0
    out, err = capsys.readouterr()
    state = {run['run']: run['state'] for run in json.loads(out)}
    assert {run for run, is_in in state.items() if is_in == 'damaged'} == set(tree.damaged)
    assert state['good-0'] == state['good-1'] == 'finished'
    assert [run for run, file in tree.damaged.items() if f'{run}/{file} ' not in err] == []
    assert len(err.splitlines()) == len(tree.damaged)
    assert max(map(len, err.splitlines())) < 500


@pytest.mark.parametrize('to', ['csv', 'parquet'])
@pytest.mark.parametrize('rows', [[], ['--metrics']])
def test_exports_hold_the_good_runs(tree, tmp_path, to, rows, capsys):
    import pandas as pd

    out = tmp_path / f'out.{to}'
    assert main(['runs', 'export', str(tree.root), '--to', to, *rows, '--out', str(out)]) == 0
    table = {'csv': pd.read_csv, 'parquet': pd.read_parquet}[to](out)
    good = table[table.run == 'good-1']
    assert good.top1_err_pct.dropna().tolist() == ([20.0, 10.0] if rows else [10.0])
    if not rows:
        assert set(table.run[table.state == 'damaged']) == set(tree.damaged)
        reason = table.set_index('run').reason
        assert [run for run, file in tree.damaged.items() if file not in reason[run]] == []
    assert main(['runs', 'export', str(tree.root), '--to', 'logs', '--out', str(tmp_path / 'logs')]) == 0


def test_a_report_of_the_good_runs(tree, tmp_path, undrawn, capsys):
    assert main(['report', str(tree.root), '--out', str(tmp_path / 'report')]) == 0
    err = capsys.readouterr().err
    assert [name for name in tree.damaged if f'left out of the charts: {name} (damaged: ' not in err] == []
    assert [name for name in tree.predictions if f'without its predictions: {name} (' not in err] == []


def test_an_ensemble_of_the_good_runs(tree, tmp_path, capsys):
    assert main(['ensemble', str(tree.root), '--most', '2', '--json']) == 0
    out, err = capsys.readouterr()
    assert {'good-0', 'good-1'} <= {network['run'] for network in json.loads(out)['networks']}
    assert [name for name in (*tree.damaged, *tree.predictions) if f'left out: {name} (' not in err] == []


def _resume(run: RunDirectory) -> None:
    run.rewind(8)
    provenance.collect(SimpleNamespace(info=SimpleNamespace(**DATA)), run)


ALONE = {  # what is done with a run: it may raise UserError and nothing else
    'train': lambda run: train(_recipe(), run.path),
    'resume': _resume,
    'load its network': lambda run: trained.load(run.path),
    'evaluate it': lambda run: setup.restore(run),
}


@pytest.mark.parametrize('what', ALONE)
def test_alone_a_damaged_run_is_refused_in_a_line(tree, what):
    read = {'train': (schema.CONFIG, schema.SUMMARY), 'resume': (schema.METRICS, schema.PROVENANCE)}
    for name, file in tree.damaged.items():
        if file in read.get(what, (schema.CONFIG, schema.PROVENANCE)):
            with pytest.raises(UserError, match=file) as error:
                ALONE[what](RunDirectory(tree.root / name))
            assert len(str(error.value).splitlines()) == 1
