"""Learning curves: what runs logged during training, as one long table."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.runs import export
from cnn_bench.runs.load import load

if TYPE_CHECKING:
    import pandas as pd

RUN_COLUMNS = ('run', 'label', 'seed', 'state')


def curves(path: str | Path, table: 'pd.DataFrame | None' = None) -> 'pd.DataFrame':
    """Every row of metrics.jsonl of the readable runs at or below `path`, in the order in which they were written.

    Columns: run, label, seed and state as in `load`, then kind ('train', 'val' or 'test'), step, epoch, and the other
    keys of the rows: loss, top1_err_pct, learning_rate ... A row of kind 'train' holds means over the steps since the
    previous one. The last column is `collapsed`, of the run. Runs with a damaged file are left out. `table` is that of
    `load(path)`, where it was read already. Raises UserError where `path` holds no run.
    """
    rows, _ = export.metrics(path)
    table = (load(path) if table is None else table).query('state != "damaged"')
    return table[list(RUN_COLUMNS)].merge(rows, on='run').merge(table[['run', 'collapsed']], on='run')
