"""The page of the ten figures: the claims, the figures in their order, and the rows that they are drawn from."""

import json

import pandas as pd

from cnn_bench.report.canziani.claims import FAILS, HOLDS, NOT_HERE, SOURCE, UNDECIDED, Claim
from cnn_bench.report.canziani.data import Data
from cnn_bench.report.page import render as pages
from cnn_bench.report.page.render import Drawn
from cnn_bench.report.page.sections import Cell, Header

TITLE = 'The ten figures of Canziani, Paszke and Culurciello 2017, from what was measured here'
# Verdict -> how the style sheet calls what looks like it.
_LOOKS = {HOLDS: 'supported', FAILS: 'contradicted', UNDECIDED: 'undecided', NOT_HERE: 'undecided'}
_MEGA, _GIGA = 1e6, 1e9
# Column of the rows -> header, unit, what the value is divided by, format; text where there is no format.
_COLUMNS = {
    'arch': ('Network', '', 1, ''),
    'framework': ('Framework', '', 1, ''),
    'batch': ('Batch', '', 1, '.0f'),
    'dtype': ('Type', '', 1, ''),
    'mode': ('Mode', '', 1, ''),
    'size': ('Size', 'pixels', 1, '.0f'),
    'width': ('Width', '', 1, 'g'),
    'status': ('Status', '', 1, ''),
    'latency_ms_p50': ('Latency', 'ms, median', 1, ',.3f'),
    'latency_ms_low': ('from', 'ms', 1, ',.3f'),
    'latency_ms_high': ('to', 'ms', 1, ',.3f'),
    'latency_ms_p90': ('Latency', 'ms, 90 %', 1, ',.3f'),
    'images_per_s': ('Images/s', '', 1, ',.1f'),
    'memory_planned_bytes': ('Planned memory', 'MB', _MEGA, ',.1f'),
    'params': ('Parameters', 'M', _MEGA, ',.3f'),
    'macs': ('MACs', 'G', _GIGA, ',.3f'),
    'power_w': ('Net power', 'W', 1, ',.1f'),
    'spread_pct': ('Spread', '%', 1, '.1f'),
    'spread_of_rounds_pct': ('Spread of rounds', '%', 1, '.1f'),
    'noisy': ('Noisy', '', 1, ''),
    'reason': ('Reason', '', 1, ''),
}


def render(data: Data, judged: list[Claim], drawn: list[Drawn]) -> str:
    """The HTML of the page, which loads nothing else."""
    return pages.fill(
        'figures.html',
        title=TITLE,
        source=SOURCE,
        claims=[{'look': _LOOKS[claim.verdict], 'claim': claim} for claim in judged],
        figures=[pages.figure(*one) for one in drawn],
        provenance=_provenance(data),
        rows=_rows(data),
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


def _rows(data: Data) -> dict:
    shown = [name for name in _COLUMNS if data.rows[name].notna().any()]
    columns = [Header(*_COLUMNS[name][:2], 'number' if _COLUMNS[name][3] else 'text') for name in shown]
    ordered = data.rows.sort_values(['arch', 'framework', 'batch'], kind='stable').to_dict('records')
    return {'columns': columns, 'rows': [[_cell(name, row[name]) for name in shown] for row in ordered]}


def _cell(name: str, value: object) -> Cell:
    _, _, scale, form = _COLUMNS[name]
    if value is None or value != value:  # nan
        return Cell('', 'number' if form else 'text', '')
    if form:
        return Cell(f'{value / scale:{form}}', 'number', value)
    return Cell(('yes' if value else '') if isinstance(value, bool) else str(value), 'text')


def _versions(found: object) -> str:
    if isinstance(found, dict):
        return ', '.join(f'{name} {version}' for name, version in found.items() if version)
    return json.dumps(found)


def _several(values: pd.Series) -> str:
    return '; '.join(dict.fromkeys(map(str, values)))


def _span(times: pd.Series) -> str:
    ordered = sorted(map(str, times))
    return ' to '.join(dict.fromkeys((ordered[0], ordered[-1]))) if ordered else ''
