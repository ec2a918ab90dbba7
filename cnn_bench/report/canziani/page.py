"""The page of the ten figures: the claims, the figures in their order, and the rows that they are drawn from."""

import json

import pandas as pd

from cnn_bench.analysis.canziani.claims import FAILS, HOLDS, NOT_HERE, SOURCE, UNDECIDED, Claim
from cnn_bench.analysis.canziani.data import Data
from cnn_bench.format import percent
from cnn_bench.report import tables
from cnn_bench.report.page import render as pages
from cnn_bench.report.page.render import Drawn
from cnn_bench.runs.columns import COLUMNS, Column
from cnn_bench.runtime.memory import MIB

TITLE = 'The ten figures of Canziani, Paszke and Culurciello 2017, from what was measured here'
# Verdict -> how the style sheet calls what looks like it.
_LOOKS = {HOLDS: 'supported', FAILS: 'contradicted', UNDECIDED: 'undecided', NOT_HERE: 'undecided'}
# How rows are shown.
_COLUMNS = (
    Column('arch', '', header='Network'),
    Column('framework', '', header='Framework'),
    Column('batch', '', 'count', header='Batch', format='.0f'),
    Column('dtype', '', header='Type'),
    Column('mode', '', header='Mode'),
    Column('size', '', 'count', header='Size (pixels)', format='.0f'),
    Column('width', '', 'number', header='Width', format='g'),
    Column('status', '', header='Status'),
    Column('latency_ms_p50', '', 'number', header='Latency (ms, median)', format=',.3f'),
    Column('latency_ms_low', '', 'number', header='from (ms)', format=',.3f'),
    Column('latency_ms_high', '', 'number', header='to (ms)', format=',.3f'),
    Column('latency_ms_p90', '', 'number', header='Latency (ms, 90 %)', format=',.3f'),
    Column('images_per_s', '', 'number', header='Images/s', format=',.1f'),
    Column('memory_planned_bytes', '', 'count', header='Planned memory (MiB)', format=',.1f', scale=MIB),
    COLUMNS['params'],
    COLUMNS['macs'],
    Column('power_w', '', 'number', header='Net power (W)', format=',.1f'),
    Column('spread_pct', '', 'number', header='Spread (%)', format='.1f'),
    Column('spread_of_rounds_pct', '', 'number', header='Spread of rounds (%)', format='.1f'),
    Column('noisy', '', 'flag', header='Noisy'),
    Column('reason', '', header='Reason'),
)


def render(data: Data, judged: list[Claim], drawn: list[Drawn]) -> str:
    """The HTML of the page, which loads nothing else."""
    ordered = data.rows.sort_values(['arch', 'framework', 'batch'], kind='stable')
    return pages.fill(
        'figures.html',
        title=TITLE,
        source=SOURCE,
        claims=[{'look': _LOOKS[claim.verdict], 'claim': claim} for claim in judged],
        figures=[pages.figure(*one) for one in drawn],
        provenance=_provenance(data),
        accuracies={name: f'{percent(of)}, {data.accuracy.origin[name]}' for name, of in data.accuracy.top1.items()},
        rows=tables.of_columns(_COLUMNS, ordered.to_dict('records')),
    )


def _provenance(data: Data) -> dict[str, str]:
    rows = pd.concat([data.chosen.ok, data.chosen.failed])
    entries = {
        'device': data.chosen.device,
        'threads': _several(rows.threads.dropna().map('{:.0f}'.format)),
        'type': data.chosen.dtype,
        'batches': _several(rows.batch.dropna().sort_values().map('{:.0f}'.format)),
        'input size': _several(rows['size'].dropna().sort_values().map('{:.0f}'.format)),
        'versions': _several(rows.versions.dropna().map(_versions)),
        'commit': _several(rows.commit.dropna()),
        'measured': _span(rows.measured_at.dropna()),
        'repeats': _several(rows.repeats.dropna().map('{:.0f}'.format)),
        'accuracy': data.accuracy.words,
    }
    return {name: value for name, value in entries.items() if value}


def _versions(found: object) -> str:
    if isinstance(found, dict):
        return ', '.join(f'{name} {version}' for name, version in found.items() if version)
    return json.dumps(found)


def _several(values: pd.Series) -> str:
    return '; '.join(dict.fromkeys(map(str, values)))


def _span(times: pd.Series) -> str:
    ordered = sorted(map(str, times))
    return ' to '.join(dict.fromkeys((ordered[0], ordered[-1]))) if ordered else ''
