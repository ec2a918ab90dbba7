"""What a figure lacks or holds under reserve, in sentences for its caption, and the commands that would measure it."""

import shlex
from collections.abc import Iterable, Sequence

import pandas as pd

from cnn_bench.analysis.canziani.data import NO_POWER, Data
from cnn_bench.analysis.measured import FIRST_DTYPE
from cnn_bench.models import registry


def no_power(data: Data) -> str:
    """What stands in the place of a figure of power on a device without a sensor."""
    return f'{NO_POWER}: no row of {data.chosen.device or "this device"} has a power; it needs one that NVML can read'


def measure(data: Data, batches: Sequence[int]) -> str:
    """The command that would measure the networks at hand at other batches."""
    names = ' '.join(shlex.quote(name) for name in dict.fromkeys(data.networks.arch))
    sizes = set(data.networks['size'].dropna().astype(int))
    same = len(sizes) == 1 and any(registry.get(arch).size not in sizes for arch in data.networks.arch)
    size = f' --size {sizes.pop()}' if same else ''
    dtype = '' if data.chosen.dtype == FIRST_DTYPE else f' --dtype {data.chosen.dtype}'
    listed = ','.join(map(str, batches))
    return f'cnn-bench measure {names} --batch {listed}{size}{dtype} --out {shlex.quote(str(data.directory))}'


def of_rows(data: Data, batches: Iterable[int] | None = None) -> list[str]:
    """Sentences about failed and noisy rows, of some batches or of all."""
    kept = None if batches is None else list(batches)

    def of(rows: pd.DataFrame) -> pd.DataFrame:
        return rows if kept is None else rows[rows.batch.isin(kept)]

    failed, noisy = of(data.failed), of(data.drawn[data.drawn.noisy.eq(True)])
    said = []
    if len(failed):
        why = [f'{row.label} at batch {row.batch:.0f} ({_reason(row)})' for row in failed.itertuples()]
        said.append(f'Missing: {"; ".join(why)}.')
    if len(noisy):
        where = [f'{row.label} at batch {row.batch:.0f}' for row in noisy.itertuples()]
        said.append(f'Noisy, with more spread than the measurement allows: {", ".join(where)}.')
    return said


def of_accuracy(data: Data, sizes: bool = True) -> list[str]:
    """Sentences about the origin of accuracies and the networks without; `sizes`: about sizes that differ, too."""
    said = [f'Accuracy: {data.accuracy.words}.']
    if data.accuracy.missing:
        missing = '; '.join(f'{label} ({why})' for label, why in data.accuracy.missing.items())
        said.append(f'Left out: {missing}.')
    return said + (list(data.accuracy.notes) if sizes else [])


def caption(*sentences: str | Iterable[str]) -> str:
    """Sentences and lists of them as one text."""
    parts = [[one] if isinstance(one, str) else list(one) for one in sentences]
    return ' '.join(text for part in parts for text in part if text)


def _reason(row: object) -> str:
    status = str(row.status).replace('_', ' ')
    return f'{status}: {row.reason}' if isinstance(row.reason, str) and row.reason else status
