"""Runs that collapsed: their training error stayed at chance, so that they learned nothing.

A finished run of an epoch or more is `collapsed` if its training error in the last epoch (`train_err_pct`) is not below
chance by more than a margin. Chance is the error of naming the largest class every time: 100 - 100 / K per cent with K
equally large classes. The margin is 2 points, or a fifth of the accuracy or of the error of chance where that is less:
88 % of error for 10 classes, 98.8 for 100, 48 for 2.

K is `num_classes` of the network in provenance.json, else that of the predictions. Where the labels of the test images
are clearly unbalanced, their largest class counts. Runs of earlier versions may have neither; then K is the number with
which both fit the last epoch: the loss ln K of equal probabilities, and the error of chance. Otherwise it is unknown
whether the run collapsed.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from cnn_bench.runs import schema
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.training_error import ROUNDING, last_epoch_error

if TYPE_CHECKING:
    import pandas as pd

MARGIN, FRACTION = 2.0, 0.2  # points; of the accuracy or the error of chance
_LOSS = 0.02  # nats around ln K
_STANDARD_ERRORS = 4  # above 1 / K, so that the largest class of a small balanced sample does not count as larger


def collapsed(run: RunDirectory, rows: list[dict], provenance: dict | None) -> bool | None:
    """Whether a finished run with these `rows` of metrics.jsonl collapsed; None where it is unknown."""
    error = last_epoch_error(rows)
    if error is None or rows[-1]['epoch'] < 1 - ROUNDING:
        return None
    chance = _chance(run, provenance or {})
    if chance is None:
        return _guesses(error, last_epoch_error(rows, metric='loss')) or None
    return at_chance(error, chance)


def at_chance(error: float, chance: float) -> bool:
    """Whether an error is not below that of chance, both in per cent, by more than the margin."""
    return error >= chance - min(MARGIN, FRACTION * chance, FRACTION * (100 - chance))


def chance_error(classes: int, labels: np.ndarray | None = None) -> float:
    """The error in per cent of naming one of `classes` every time: the largest, where `labels` (n,) are unbalanced."""
    share = 1 / classes
    if labels is not None and labels.size:
        largest = np.bincount(labels).max() / labels.size
        if largest > share + _STANDARD_ERRORS * math.sqrt(share * (1 - share) / labels.size):
            share = largest
    return 100 * (1 - float(share))


def left_out_of_means(table: 'pd.DataFrame') -> 'pd.Series':
    """Bool per row of a tidy table: a collapsed run of a label (and recipe) of which another run learned.

    The mean of a collapsed run and others tells of neither: tables, charts and answers average the seeds that learned,
    and say how many collapsed. Where all did, all are averaged.
    """
    if 'collapsed' not in table:
        return table['label'].map(lambda _: False).astype(bool)
    failed = table['collapsed'].eq(True).fillna(False).astype(bool)
    others = table['state'].eq('finished') & ~failed
    keys = [table[name] for name in ('label', 'recipe') if name in table]
    return failed & others.groupby(keys, dropna=False).transform('any')


def in_words(count: int, seeds: int) -> str:
    """'1 of 3 collapsed', 'collapsed' of a single seed; '' where none did."""
    return '' if not count else 'collapsed' if count == seeds == 1 else f'{count} of {seeds} collapsed'


def sentence(table: 'pd.DataFrame') -> str:
    """Of which labels of a tidy table how many seeds collapsed; '' where none did."""
    failed = table[table['collapsed'].eq(True).fillna(False).astype(bool)]
    said = [
        f'{label} ({runs.seed.nunique()} of {table[table.label == label].seed.nunique()})'
        for label, runs in failed.groupby('label', sort=False)
    ]
    means = 'means leave such seeds out, unless all of a network did'
    return f'Collapsed, with a training error that stayed at chance: {", ".join(said)}; {means}.' if said else ''


def _chance(run: RunDirectory, provenance: dict) -> float | None:
    classes = ((provenance.get('model') or {}).get('fields') or {}).get('num_classes')
    labels, predicted = _predicted(run)
    classes = classes if isinstance(classes, int) else predicted
    return chance_error(classes, labels) if classes and classes > 1 else None


def _predicted(run: RunDirectory) -> tuple[np.ndarray | None, int | None]:
    """The labels of the test images and the number of classes that predictions.npz shows, where it can be read."""
    try:
        with np.load(run / schema.PREDICTIONS, allow_pickle=False) as kept:
            labels = kept['label'].astype(np.int64)
            return labels, kept['log_probs'].shape[1] if 'log_probs' in kept else None
    except Exception:  # missing or damaged, of which `predictions` tells; zipfile, zlib and numpy raise a dozen kinds
        return None, None


def _guesses(error: float, loss: float | None) -> bool:
    """Whether loss and error are those of equal probabilities for some number of classes."""
    if loss is None or not math.log(2) - _LOSS < loss < math.log(1e5):
        return False
    classes = round(math.exp(loss))
    return abs(loss - math.log(classes)) < _LOSS and abs(error - chance_error(classes)) < MARGIN
