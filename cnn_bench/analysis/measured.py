"""Measured rows for reports: what is taken of a directory that `cnn-bench measure` wrote, joined to runs or networks.

Of all its rows the reports take those of our own framework at inference, on one device; of several data types float32
where it is there, of several numbers of threads the largest. What is taken is said in `Chosen.how`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cnn_bench import measure
from cnn_bench.errors import UserError, unknown

OURS, INFERENCE, OK = 'cnn_bench', 'inference', 'ok'
FIRST_DTYPE = 'float32'
NETWORK = ['arch', 'width', 'size']  # one network is one of these
# Column of the tidy table -> that of the measured rows it is taken from.
JOINED = {
    'measured_latency_ms': 'latency_ms_p50',
    'measured_images_per_s': 'images_per_s',
    'measured_memory_bytes': 'memory_planned_bytes',
    'measured_energy_j': 'energy_per_image_j',
}


@dataclass(frozen=True)
class Chosen:
    """The rows taken of a directory: at most one of each network and batch, `ok` those with numbers, `failed` others.

    Both have a column `label`, the name of the network. `how` says what they have in common, in words.
    """

    ok: pd.DataFrame
    failed: pd.DataFrame
    device: str
    dtype: str
    threads: float
    how: str


def read(directory: Path) -> pd.DataFrame:
    """The rows of a directory that `cnn-bench measure` wrote. Raises UserError where it has none."""
    table = measure.load(directory)
    if table.empty:
        raise UserError(f'{directory} has no measured rows; `cnn-bench measure NAME --out {directory}` makes them')
    return table


def choose(rows: pd.DataFrame, directory: Path, device: str | None = None) -> Chosen:
    """The rows that reports take, see above. `device` is a device's name, needed where there are rows of several.

    Raises UserError where no row is of our framework at inference, or the device is not one of theirs.
    """
    ours = rows[rows.framework.eq(OURS) & rows['mode'].eq(INFERENCE)]
    if ours.empty:
        raise UserError(f'{directory} holds no row of framework {OURS} at inference; `cnn-bench measure` makes them')
    device = _device(ours, directory, device)
    ours = ours[ours.device.isna() | ours.device.eq(device)]
    dtypes = list(dict.fromkeys(ours.dtype.dropna()))
    dtype = FIRST_DTYPE if FIRST_DTYPE in dtypes else dtypes[0]
    ours = ours[ours.dtype.eq(dtype)]
    threads = ours.threads.max()
    ours = ours[ours.threads.isna() | ours.threads.eq(threads)].copy()
    ours['width'] = ours.width.fillna(1.0)
    ours = ours.drop_duplicates([*NETWORK, 'batch'], keep='last').reset_index(drop=True)
    ours['label'] = _labels(ours)
    of_cpu = ours.platform.eq('cpu').any() and np.isfinite(threads)
    on = [dtype, device, f'{threads:.0f} thread{"s" if threads > 1 else ""}' if of_cpu else '']
    good = ours.status.eq(OK)
    return Chosen(ours[good], ours[~good], device, dtype, threads, ', '.join(filter(None, on)))


def join(table: pd.DataFrame, chosen: Chosen, batch: int | None = None) -> pd.DataFrame:
    """A tidy table with the columns of JOINED and `measured_on`, from the rows of one batch: the smallest measured.

    A row of the table gets what was measured of its arch, width and input size; nan where nothing was. Raises UserError
    where nothing was measured at that batch, or nothing of any row of the table.
    """
    batches = sorted(set(chosen.ok.batch.dropna().astype(int)))
    if not batches:
        raise UserError('--measured: no row there has the status ok')
    batch = batches[0] if batch is None else batch
    if batch not in batches:
        raise UserError(f'--batch {batch}: nothing was measured there at that batch; at {", ".join(map(str, batches))}')
    there = chosen.ok[chosen.ok.batch.eq(batch)].set_index(NETWORK)
    width = table['width'] if 'width' in table else pd.Series(np.nan, table.index)
    keys = list(zip(table.arch, width.astype(float).fillna(1.0), _size(table.input_shape), strict=True))
    found = [there.loc[key] if key in there.index else None for key in keys]
    if not any(row is not None for row in found):
        raise UserError('--measured: no network there has the arch, width and input size of a network of this report')
    joined = {name: [np.nan if row is None else row[of] for row in found] for name, of in JOINED.items()}
    on = [None if row is None else f'batch {batch}, {chosen.how}' for row in found]
    return table.assign(**joined, measured_on=on)


def not_joined(table: pd.DataFrame) -> list[str]:
    """Labels of a table by `join` of which nothing was measured."""
    return list(dict.fromkeys(table.label[table.measured_on.isna()]))


def _device(rows: pd.DataFrame, directory: Path, asked: str | None) -> str:
    devices = sorted(set(rows.device.dropna()))
    if asked is not None:
        if asked not in devices:
            raise unknown('device', asked, devices)
        return asked
    if len(devices) > 1:
        raise UserError(f'{directory} holds rows of several devices; choose one with --device: {", ".join(devices)}')
    return devices[0] if devices else ''


def _labels(rows: pd.DataFrame) -> list[str]:
    """The arch; with its width where that is not 1, and its size where it was measured at several."""
    several = rows.groupby(['arch', 'width'])['size'].transform('nunique') > 1
    parts = zip(rows.arch, rows.width, rows['size'], several, strict=True)
    return [
        f'{arch}{"" if width == 1 else f" x{width:g}"}{f" @{size:.0f}" if tell else ""}'
        for arch, width, size, tell in parts
    ]


def _size(shapes: pd.Series) -> list[float]:
    """The sides of input shapes as tables write them, '224x224x3'; nan where unknown."""
    return [float(shape.partition('x')[0]) if isinstance(shape, str) else np.nan for shape in shapes]
