"""Runs for other tools and places: as a table of runs, as a table of all metrics, or as logs without weights."""

import importlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.errors import UserError
from cnn_bench.files import new_directory, write_atomically
from cnn_bench.runs import columns, schema, spreadsheet, tuning
from cnn_bench.runs.load import find, find_some, load, name_below

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ('parquet', 'csv')
LOGS = (schema.CONFIG, schema.PROVENANCE, schema.METRICS, schema.SUMMARY)
PREDICTIONS = (schema.PREDICTIONS, schema.VALIDATION_PREDICTIONS)
FIRST = ('run', 'kind', 'step', 'epoch')
_ABSOLUTE = re.compile(
    r'("(?:--[\w.-]+=)?)/(?:[^"/]+/)*?([^"/]+(?:/[^"/]+)?")'
)  # as a JSON string, or as the value of an option


def tidy(path: str | Path) -> 'pd.DataFrame':
    """The table of `runs.load`, with counts as integers even where some are missing."""
    return load(path).astype(dict.fromkeys(columns.having(kind='count'), 'Int64'))


def metrics(path: str | Path) -> tuple['pd.DataFrame', dict[str, str]]:
    """All rows of metrics.jsonl below `path` as a long table: run, kind, step, epoch, then all other keys of any row.

    Also returns run -> reason for the runs that are left out because the file is damaged. Raises UserError where
    `path` holds no run.
    """
    import pandas as pd

    rows, damaged = [], {}
    for run in find_some(path):
        name = name_below(run, path)
        try:
            rows += [{'run': name, **row} for row in run.metrics()]
        except UserError as error:
            damaged[name] = str(error)
    names = list(dict.fromkeys([*FIRST, *(name for row in rows for name in row)]))
    whole = [name for name in names if rows and all(type(row.get(name, 0)) is int for row in rows)]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(whole, 'Int64')), damaged


def check(out: Path, to: str) -> None:
    """Raise UserError where `out` cannot be a file of the format `to`."""
    if to == 'parquet':
        try:
            importlib.import_module('pyarrow')
        except ImportError as error:
            raise UserError('--to parquet needs pyarrow: pip install pyarrow') from error
    others = [f'.{other}' for other in FORMATS if other != to]
    if out.suffix in others:
        raise UserError(f'--out {out} ends in {out.suffix}, but --to is {to}')
    if out.is_dir():
        raise UserError(f'--out {out} is a directory')
    if not out.parent.is_dir():
        raise UserError(f'--out {out}: there is no directory {out.parent}')


def write(table: 'pd.DataFrame', out: Path, to: str) -> None:
    """Write `table` to the file `out`, whole or not at all. Raises UserError where the format cannot hold it."""
    check(out, to)
    try:
        if to == 'csv':
            write_atomically(out, lambda file: file.write(spreadsheet.csv(table).encode()))
        else:
            write_atomically(out, lambda file: table.to_parquet(file, engine='pyarrow', index=False))
    except (TypeError, ValueError) as error:  # a column that holds both numbers and words
        raise UserError(f'cannot write {out} as {to}: {" ".join(str(error).split())}') from error


def logs(path: str | Path, out: Path, predictions: bool = False) -> int:
    """Copy the logs of the runs below `path` to the new directory `out`; return the number of runs.

    Copied are the config, provenance, metrics and summary of each run, its predictions where asked for, and the files
    that a sweep keeps beside its trials, but no weights; of a tuned sweep, the runs of the recipe as it is too, but not
    those of tuning. `runs.load` and reports read the copy like the original.
    Absolute paths in a provenance or a sweep's files are cut to their last two parts, so that the copy does not
    reveal where a machine keeps its files. Raises UserError where `path` holds no run or `out` is there already.
    """
    root, found = Path(path).absolute(), find_some(path)
    found += find(root / tuning.UNTUNED) if (root / tuning.RECORD).exists() else []
    if out.exists():
        raise UserError(f'--out {out} exists; logs go to a new directory')
    if root in (out.absolute(), *out.absolute().parents):
        raise UserError(f'--out {out} lies inside {path}; the copy needs another place')
    with new_directory(out.absolute()) as made:
        for beside in root.glob('*.json'):
            _copy(beside, made / beside.name)
            _shorten_paths(made / beside.name)
        for run in found:
            for name in (*LOGS, *PREDICTIONS) if predictions else LOGS:
                _copy(run / name, made / name_below(run, root) / name)
            _shorten_paths(made / name_below(run, root) / schema.PROVENANCE)
    return len(found)


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _shorten_paths(file: Path) -> None:
    if file.is_file():
        text = file.read_bytes().decode('utf-8', 'surrogateescape')  # a damaged file is copied as it is
        file.write_bytes(_ABSOLUTE.sub(r'\1\2', text).encode('utf-8', 'surrogateescape'))
