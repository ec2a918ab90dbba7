"""How runs came along: what they logged while they trained, as long tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.runs import export
from cnn_bench.runs.load import load

if TYPE_CHECKING:
    import pandas as pd

OF_THE_RUN = ('run', 'label', 'seed', 'state')


def curves(path: str | Path) -> 'pd.DataFrame':
    """Every row of metrics.jsonl of the readable runs at or below `path`, in the order in which they were written.

    Columns: run, label, seed and state as in `load`, then kind ('train' or 'eval'), step, epoch, and whatever the rows
    name: loss, top1_err_pct, learning_rate ... A row of kind 'train' holds means over the steps since the one before
    it. Runs of which a file is damaged are left out. Raises UserError where `path` holds no run.
    """
    rows, _ = export.metrics(path)
    of_runs = load(path)[list(OF_THE_RUN)].query('state != "damaged"')
    return of_runs.merge(rows, on='run')
