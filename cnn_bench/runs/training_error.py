"""The training error of a run, and its training loss, from its logging windows."""

from collections.abc import Iterable, Sequence

import numpy as np

ROUNDING = 1e-3  # epochs in metrics.jsonl are rounded to four digits


def windows(rows: Iterable[dict], metric: str = 'top1_err_pct') -> list[tuple[float, float, float]]:
    """(from, to, `metric`) of each logging window of the rows of a metrics.jsonl, from and to in epochs.

    Rows without the metric are left out, but still end their window.
    """
    train = [row for row in rows if row['kind'] == 'train']
    starts = [0.0, *(row['epoch'] for row in train)]
    return [
        (start, row['epoch'], row[metric])
        for start, row in zip(starts, train, strict=False)
        if row.get(metric) is not None
    ]


def last_epoch_error(rows: Iterable[dict], metric: str = 'top1_err_pct') -> float | None:
    """Mean top-1 error over the last logged epoch, each window weighted by its overlap; None where there is none.

    For a run of less than one epoch, the mean over all of it. `metric` may be another one of the rows.
    """
    logged = windows(rows, metric)
    if not logged:
        return None
    begins = max(0.0, logged[-1][1] - 1)
    return mean_error([(max(start, begins), to, error) for start, to, error in logged])


def mean_error(logged: Sequence[tuple[float, float, float]]) -> float:
    """The mean over windows, weighted by their lengths in epochs; the last one's where all are too short to tell."""
    shares = [max(0.0, to - start) for start, to, _ in logged]
    if sum(shares) < ROUNDING:
        return float(logged[-1][2])
    return float(np.average([error for *_, error in logged], weights=shares))
