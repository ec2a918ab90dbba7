"""Training, validation and test errors by epoch, over the seeds of each network."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cnn_bench.runs import collapse, schema
from cnn_bench.runs.training_error import mean_error, windows

EVALUATED = (schema.VALIDATION, schema.TEST)
RUNNING = 'running'  # the state of a run that is still training, as reports know it
_ALMOST = 1e-3  # epochs are logged with four digits


def means(curves: pd.DataFrame, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Errors over seeds of the finished runs of a table by `runs.curves`: label, kind, epoch, mean, low, high, seeds.

    Validation and test errors are at the epochs of their evaluations. Training errors are means over each epoch,
    weighted by the steps of the logging windows, and are at its end. Seeds that collapsed are left out, unless all
    seeds of a label did. Only epochs that all others reached are kept, so that a mean does not jump where a run was
    shorter. names: run -> label, where it differs from the table's.
    """
    found = errors(curves, names)
    return over_seeds(found[~collapse.left_out_of_means(found)], ['label'])


def errors(curves: pd.DataFrame, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A row per finished run, kind and epoch: label, seed, state, collapsed, kind, epoch, error.

    A run that is still training has a label of its own, so that the means of others reach as far as they are.
    """
    found = []
    for run, rows in curves[curves.state.isin(['finished', RUNNING])].groupby('run', sort=False):
        of_run = {'label': (names or {}).get(run, rows.label.iloc[0]), 'seed': rows.seed.iloc[0], 'state': 'finished'}
        if rows.state.iloc[0] == RUNNING:
            of_run |= {'label': f'{of_run["label"]}, seed {of_run["seed"]} ({RUNNING})', 'state': RUNNING}
        of_run['collapsed'] = 'collapsed' in rows and bool(rows.collapsed.eq(True).fillna(False).all())
        points = [(schema.TRAIN, *point) for point in _per_epoch(rows)]
        points += [(kind, *point) for kind in EVALUATED for point in _evaluations(rows, kind)]
        found += [{**of_run, 'kind': kind, 'epoch': epoch, 'error': error} for kind, epoch, error in points]
    return pd.DataFrame(found, columns=['label', 'seed', 'state', 'collapsed', 'kind', 'epoch', 'error'])


def over_seeds(errors: pd.DataFrame, of: list[str]) -> pd.DataFrame:
    """The rows of `errors` by the columns `of`, kind and epoch: mean, low, high and how many seeds.

    Only epochs that as many seeds have as any are kept.
    """
    by = [*of, 'kind', 'epoch']
    logged = errors.groupby([*dict.fromkeys([*by, 'seed'])], as_index=False).error.mean()
    made = logged.groupby(by).error.agg(mean='mean', low='min', high='max', seeds='size').reset_index()
    return made[made.seeds == made.groupby([*of, 'kind']).seeds.transform('max')].reset_index(drop=True)


def _evaluations(rows: pd.DataFrame, kind: str) -> list[tuple[float, float]]:
    made = rows[(rows.kind == kind) & rows.top1_err_pct.notna()] if 'top1_err_pct' in rows else rows.head(0)
    return [(row.epoch, row.top1_err_pct) for row in made.itertuples()]


def _per_epoch(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """(end, mean training error) of each epoch; a window counts for the epoch in which it ends."""
    columns = [name for name in ('kind', 'epoch', 'top1_err_pct') if name in rows]
    logged = windows(rows[columns].astype(object).where(rows[columns].notna(), None).to_dict('records'))
    epochs: dict[int, list[tuple[float, float, float]]] = {}
    for window in logged:
        epochs.setdefault(int(np.ceil(window[1] - _ALMOST)), []).append(window)
    return [(parts[-1][1], mean_error(parts)) for parts in epochs.values()]
