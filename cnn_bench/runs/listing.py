"""The state of the runs below a directory: how each ended or how far it is, and its errors."""

import datetime
import math
import re
from dataclasses import dataclass
from pathlib import Path

from cnn_bench.errors import UserError
from cnn_bench.files import LOCK, is_locked
from cnn_bench.runs import schema
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.load import find_some, from_config, from_provenance, from_summary, name_below

UNDER_WAY = ('running', 'stopped')  # states of runs without a summary, where it is known whether one trains them


@dataclass(frozen=True)
class Listed:
    """One run; None stands for what is unknown."""

    run: str  # its directory, relative to the one that was listed
    label: str  # its name in charts; the directory's name where its config cannot be read
    state: str  # finished, one of schema.FAILED, running, stopped, unfinished (trained elsewhere) or damaged
    best_val_top1_err_pct: float | None = None  # over all validations, of the weights themselves, not of their average
    last_val_top1_err_pct: float | None = None  # of the last validation
    top1_err_pct: float | None = None  # on the test images
    step: int | None = None  # the last that was logged or saved
    total_steps: int | None = None  # in all, by the recipe
    seed: int | None = None
    device: str | None = None  # of the last session
    started: str | None = None  # start of the first session, ISO 8601, UTC
    problem: str | None = None  # why it is damaged or failed


def survey(path: str | Path) -> list[Listed]:
    """The runs at or below `path`, in natural order of their paths.

    Raises UserError where `path` holds no run; a damaged run is listed as damaged.
    """
    return sorted((_listed(run, path) for run in find_some(path)), key=lambda listed: natural(listed.run))


def natural(name: str) -> list:
    """Sort key of the natural order: `net-2` before `net-10`."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else part) for part in re.split(r'(\d+)', name) if part
    ]


def _listed(run: RunDirectory, root: str | Path) -> Listed:
    name, known = name_below(run, root), {'label': run.path.name, 'state': 'damaged'}
    try:
        config = from_config(run.config())
        known |= {'label': config['label'], 'seed': config['seed']}
        provenance = run.read(schema.PROVENANCE)
        if provenance is not None:
            known |= _of_session(provenance)
        rows = run.metrics()
        known |= _last_step(rows, run.saved_steps())
        summary = from_summary(run.read(schema.SUMMARY))
        known |= _validation_errors(rows)
        known |= {
            'state': summary['state'],
            'problem': summary.get('reason'),
            'top1_err_pct': summary.get('top1_err_pct'),
        }
    except UserError as error:
        return Listed(name, **{**known, 'problem': str(error)})
    if known['state'] == 'unfinished':
        known['state'] = _unfinished(run)
    return Listed(name, **known)


def _of_session(provenance: dict) -> dict:
    first = [*provenance['earlier_sessions'], provenance][0]
    started = datetime.datetime.fromisoformat(first['started'])
    return {
        'device': from_provenance(provenance)['device'],
        'started': started.astimezone(datetime.UTC).isoformat(timespec='seconds'),
        'total_steps': provenance.get('total_steps'),
    }


def _last_step(rows: list[dict], saved: list[int]) -> dict:
    steps = [*(row['step'] for row in rows[-1:]), *saved[-1:]]
    return {'step': max(steps)} if steps else {}


def _validation_errors(rows: list[dict]) -> dict:
    errors = [row.get('top1_err_pct') for row in rows if row['kind'] == schema.VALIDATION]
    known = [error for error in errors if error is not None and math.isfinite(error)]
    return {'best_val_top1_err_pct': min(known), 'last_val_top1_err_pct': known[-1]} if known else {}


def _unfinished(run: RunDirectory) -> str:
    """The state of a run that has no summary; `unfinished` where its lock was left on another disk."""
    if not (run / LOCK).exists():
        return 'unfinished'
    return {True: 'running', False: 'stopped', None: 'unfinished'}[is_locked(run.path)]
