"""The state of the runs below a directory: how each ended or how far it is, and its errors."""

import datetime
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path

from cnn_bench.errors import UserError
from cnn_bench.runs import schema
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.load import find_some, from_config, from_provenance, from_summary, name_below

RUNNING_S = 60  # a run whose metrics.jsonl changed within that time is running


@dataclass(frozen=True)
class Listed:
    """One run; None stands for what is unknown."""

    run: str  # its directory, relative to the one that was listed
    label: str  # its name in charts; the directory's name where its config cannot be read
    state: str  # finished, one of schema.FAILED, running, unfinished or damaged
    best_top1_err_pct: float | None = None  # over all evaluations, of the weights themselves, not of their average
    last_top1_err_pct: float | None = None  # of the last evaluation
    step: int | None = None  # the last that was logged
    total_steps: int | None = None  # in all, by the recipe
    seed: int | None = None
    device: str | None = None  # of the last session
    started: str | None = None  # start of the first session, ISO 8601, UTC
    problem: str | None = None  # why it is damaged or failed


def survey(path: str | Path, now: float | None = None) -> list[Listed]:
    """The runs at or below `path`, in natural order of their paths. `now` is in seconds since the epoch.

    Raises UserError where `path` holds no run; a damaged run is listed as damaged.
    """
    now = time.time() if now is None else now
    return sorted((_listed(run, path, now) for run in find_some(path)), key=lambda listed: natural(listed.run))


def natural(name: str) -> list:
    """Sort key of the natural order: `net-2` before `net-10`."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else part) for part in re.split(r'(\d+)', name) if part
    ]


def _listed(run: RunDirectory, root: str | Path, now: float) -> Listed:
    name, known = name_below(run, root), {'label': run.path.name, 'state': 'damaged'}
    try:
        config = from_config(run.config())
        known |= {'label': config['label'], 'seed': config['seed']}
        provenance = run.read(schema.PROVENANCE)
        if provenance is not None:
            known |= _of_session(provenance)
        rows = run.metrics()
        known |= _last_step(rows)
        summary = from_summary(run.read(schema.SUMMARY))
        known |= _errors([*_evaluations(rows), summary.get('top1_err_pct')])
        known |= {'state': summary['state'], 'problem': summary.get('reason')}
    except UserError as error:
        return Listed(name, **{**known, 'problem': str(error)})
    if known['state'] == 'unfinished' and _is_growing(run, now):
        known['state'] = 'running'
    return Listed(name, **known)


def _of_session(provenance: dict) -> dict:
    first = [*provenance['earlier_sessions'], provenance][0]
    started = datetime.datetime.fromisoformat(first['started'])
    return {
        'device': from_provenance(provenance)['device'],
        'started': started.astimezone(datetime.UTC).isoformat(timespec='seconds'),
        'total_steps': provenance.get('total_steps'),
    }


def _last_step(rows: list[dict]) -> dict:
    return {'step': rows[-1]['step']} if rows else {}


def _evaluations(rows: list[dict]) -> list[float]:
    return [row.get('top1_err_pct') for row in rows if row['kind'] == 'eval']


def _errors(errors: list[float | None]) -> dict:
    known = [error for error in errors if error is not None and math.isfinite(error)]
    return {'best_top1_err_pct': min(known), 'last_top1_err_pct': known[-1]} if known else {}


def _is_growing(run: RunDirectory, now: float) -> bool:
    try:
        return now - (run / schema.METRICS).stat().st_mtime < RUNNING_S
    except OSError:
        return False
