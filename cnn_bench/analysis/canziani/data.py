"""What the figures draw: measured networks by batch, and how accurate each is."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from cnn_bench.analysis import measured
from cnn_bench.analysis.canziani import accuracy
from cnn_bench.analysis.canziani.accuracy import PUBLISHED, Accuracy
from cnn_bench.analysis.lineage import OTHER
from cnn_bench.analysis.measured import Chosen
from cnn_bench.models import registry
from cnn_bench.runtime.memory import MIB

NO_POWER = 'no power sensor on this device'
BATCHES = (1, 16)  # of the paper's figures 7 and 9
OPERATIONS_A_MAC = 2  # as the paper counts: a multiply and an add are two operations


@dataclass(frozen=True)
class Data:
    """All rows of the directory, those that are drawn, and the accuracy of their networks.

    `drawn` has a row per network and batch with the columns of the rows and: label, family, gops (10^9 operations of
    an image), params_mib, memory_mib, image_ms and its interval image_ms_low, image_ms_high (the latency
    of a call divided by its images), accuracy (top-1, per cent), density (accuracy per million parameters).
    """

    directory: Path
    rows: pd.DataFrame
    chosen: Chosen
    accuracy: Accuracy

    @cached_property
    def drawn(self) -> pd.DataFrame:
        """The rows with the status ok; see above."""
        return self._with_units(self.chosen.ok)

    @cached_property
    def networks(self) -> pd.DataFrame:
        """A row per network, of its smallest batch; also of those of which no row is ok, as far as they are counted."""
        every = pd.concat([self.chosen.ok, self.chosen.failed]).sort_values('batch', kind='stable')
        return self._with_units(every[every.params.gt(0)].drop_duplicates('label'))

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of other status."""
        return self.chosen.failed

    @property
    def has_power(self) -> bool:
        """Whether any row has a power."""
        return self.drawn.power_w.notna().any()

    def at(self, batch: int) -> pd.DataFrame:
        """The drawn rows of one batch."""
        return self.drawn[self.drawn.batch.eq(batch)].reset_index(drop=True)

    def _with_units(self, rows: pd.DataFrame) -> pd.DataFrame:
        top1 = rows.label.map(dict(self.accuracy.top1)).astype(float)
        per_image = {f'image_ms{end}': rows[f'latency_ms_{of}'] / rows.batch for end, of in _LATENCIES.items()}
        return rows.assign(
            family=rows.arch.map({name: arch.family for name, arch in registry.ARCHS.items()}).fillna(OTHER),
            gops=OPERATIONS_A_MAC * rows.macs / 1e9,
            params_mib=rows.params_bytes / MIB,
            memory_mib=rows.memory_planned_bytes / MIB,
            accuracy=top1,
            density=top1 / (rows.params / 1e6),
            **per_image,
        ).reset_index(drop=True)


_LATENCIES = {'': 'p50', '_low': 'low', '_high': 'high'}


def read(directory: str | Path, source: str = PUBLISHED, device: str | None = None) -> Data:
    """The rows that `cnn-bench measure` wrote into `directory`, with accuracies from `source` (`accuracy.of`).

    Raises UserError where the directory has no rows, or of several devices and `device` chooses none.
    """
    directory = Path(directory)
    rows = measured.read(directory)
    chosen = measured.choose(rows, directory, device)
    networks = pd.concat([chosen.ok, chosen.failed]).drop_duplicates('label')
    return Data(directory, rows, chosen, accuracy.of(networks, source))
