"""A tree of run directories as one tidy table.

A run with damaged files stays in the table: its `state` is `damaged`, its `reason` names the file, its label is the
directory's name, and it has the values that could be read. Unknown values are missing, as are those of provenance.json
where that file is lost.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.errors import UserError, printable
from cnn_bench.runs import schema, study, tuning
from cnn_bench.runs.collapse import collapsed
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.training_error import last_epoch_error
from cnn_bench.text import check_one_line

if TYPE_CHECKING:
    import pandas as pd


def find(path: str | Path) -> list[RunDirectory]:
    """The run directories at or below `path`, sorted by path. A run directory contains no other.

    Not looked into are hidden directories, such as a half-written copy of runs, and those of a tuned sweep that do not
    belong to its table (`tuning`), unless `path` is one of them.
    """
    found = []
    for directory, below, files in os.walk(path):
        aside = (tuning.TUNING, tuning.UNTUNED) if tuning.RECORD in files else ()
        below[:] = [name for name in below if not name.startswith('.') and name not in aside]
        if schema.CONFIG in files:
            found.append(Path(directory))
            below.clear()
    return [RunDirectory(run) for run in sorted(found)]


def find_some(path: str | Path) -> list[RunDirectory]:
    """`find`, which raises UserError where there is no run, and for a run whose path below `path` is not one line."""
    if not Path(path).is_dir():
        raise UserError(f'there is no directory {path}')
    runs = find(path)
    if not runs:
        raise UserError(f'{Path(path).absolute()} holds no run: no {schema.CONFIG} at or below it')
    for run in runs:
        check_one_line(f'{path} holds a run whose name', name_below(run, path))
    return runs


def load(path: str | Path) -> 'pd.DataFrame':
    """One row per run at or below `path`, with the columns of `columns.COLUMNS`.

    Where `path` holds a sweep, columns that its experiment measured for each trial follow. Values that an unfinished
    or diverged run lacks are NaN. Raises UserError where `path` holds no run.
    """
    import pandas as pd

    rows, measured = [_row(run, Path(path)) for run in find_some(path)], _measured(Path(path))
    named = dict.fromkeys(name for columns in measured.values() for name in columns if name not in COLUMNS)
    for row in rows:
        of_trial = measured.get(row['run'], {})
        row |= {name: of_trial.get(name) for name in named}
    return pd.DataFrame(rows, columns=[*COLUMNS, *named]).astype({'collapsed': 'boolean'})


def _measured(directory: Path) -> dict[str, dict]:
    """Run -> the columns that the experiment of the sweep in `directory` measured; empty where there are none."""
    try:
        made_by = study.read(directory)
    except UserError:  # the runs can still be read; reports, which need the study, raise it
        return {}
    return {f'trials/{trial}': columns for trial, columns in made_by.measured.items()} if made_by else {}


def name_below(run: RunDirectory, root: str | Path) -> str:
    """The path of a run relative to `root`, its name in tables."""
    return run.path.relative_to(Path(root).absolute()).as_posix()


def from_config(config: dict) -> dict:
    """Columns from config.json."""
    model = config['model']
    return {
        'arch': model['arch'],
        'label': printable(config['name']) or _label(model),  # earlier versions took any name
        'width': model['width'],
        'dtype': model['dtype'],
        'seed': config['seed'],
        'epochs': None if config.get('total_steps') else config['total_epochs'],
        'batch_size': config['batch_size'],
        'dataset': config['dataset']['name'],
        'recipe': recipe_hash(config),
    }


def from_provenance(provenance: dict) -> dict:
    """Columns from provenance.json."""
    shape, epochs = provenance['network'].get('input_shape'), provenance['total_epochs']
    return {
        'device': f'{provenance["num_devices"]} x {provenance["device_kind"]}',
        'versions': ', '.join(f'{name} {provenance["versions"][name]}' for name in schema.COMPUTING),
        'commit': _commit(provenance['git']),
        'data_fingerprint': provenance.get('data', {}).get('fingerprint'),
        'epochs': int(epochs) if epochs == int(epochs) else epochs,
        **provenance['network'],
        'input_shape': 'x'.join(map(str, shape)) if shape else None,
    }


def from_summary(summary: dict | None) -> dict:
    """Columns from summary.json; without one, the state `unfinished`."""
    return {'state': 'unfinished'} if summary is None else summary


def recipe_hash(config: dict) -> str:
    """Eight hex digits that are equal for configs that differ in nothing but the seed.

    `init_from` counts without the seed too, where it names a trial of the same sweep with the same seed.
    """
    start = re.sub(rf'^(\.\./.*)-s{config["seed"]}-[0-9a-f]{{8}}$', r'\1', config.get('init_from') or '')
    text = json.dumps({**config, 'seed': None, **({'init_from': start} if start else {})}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _row(run: RunDirectory, root: Path) -> dict:
    row = {'run': name_below(run, root), 'label': run.path.name, 'source': 'measured'}
    try:
        row |= from_config(run.config())
        row |= from_summary(run.read(schema.SUMMARY))
        provenance = run.read(schema.PROVENANCE)
        row |= from_provenance(provenance) if provenance is not None else {}
        rows = run.metrics()
        if not row.get('log_rows_lost'):
            row['train_err_pct'] = last_epoch_error(rows)
            row['collapsed'] = collapsed(run, rows, provenance) if row['state'] == 'finished' else None
    except UserError as error:
        row |= {'state': 'damaged', 'reason': str(error).replace(f'{run.path}{os.sep}', '')}
    return {name: row.get(name) for name in COLUMNS}


def _commit(git: dict | None) -> str | None:
    return git['commit'][:10] + '+' * git['dirty'] if git else None


def _label(model: dict) -> str:
    name = model['arch'].rpartition(':')[2]  # of a network outside the registry, without its place
    return name if model['width'] == 1 else f'{name} x{model["width"]:g}'
