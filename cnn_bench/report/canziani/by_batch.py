"""Figures 3, 4 and 5: time per image, net power and memory by batch size."""

import pandas as pd

from cnn_bench.analysis.canziani.data import Data
from cnn_bench.analysis.lineage import LINEAGES, of_family
from cnn_bench.report.canziani import notes
from cnn_bench.report.charts.absent import Absent
from cnn_bench.report.charts.lines import Curve, Line, Lines
from cnn_bench.report.charts.spec import ChartSpec

_OTHER_BATCHES = (1, 2, 4, 8, 16, 32, 64)  # the paper's
_ROOM = 1.15  # of the greatest value, shown above it on a linear axis


def time(data: Data) -> ChartSpec:
    """Figure 3: milliseconds per image, on a log axis."""
    return _lines(
        data,
        'image_ms',
        {'name': 'figure03_time_by_batch', 'title': 'Figure 3. Time per image by batch size'},
        y_label='time per image (ms)',
        caption='Median time of a call on a batch, divided by its images; bands are the intervals of the median.',
    )


def power(data: Data) -> ChartSpec:
    """Figure 4: net power in watts; a panel that says so where no row has one."""
    titles = {'name': 'figure04_power_by_batch', 'title': 'Figure 4. Net power by batch size'}
    if not data.has_power:
        why = notes.no_power(data)
        return Absent(subtitle=data.chosen.how, caption=f'Not drawn: {why}.', why=why, **titles)
    caption = 'Mean power while the network runs, with that of the idle device taken off.'
    return _lines(data, 'power_w', titles, y_label='net power (W)', caption=caption, log_y=False)


def memory(data: Data) -> ChartSpec:
    """Figure 5: MiB that the compiled program plans, on a log axis."""
    return _lines(
        data,
        'memory_mib',
        {'name': 'figure05_memory_by_batch', 'title': 'Figure 5. Memory by batch size'},
        y_label='planned memory (MiB)',
        caption=MEMORY,
    )


MEMORY = (
    'Memory is what the compiled program plans: parameters and images, outputs and temporaries, in MiB. '
    'The paper has the peak that its device had in use, in which that of the libraries counts too.'
)


def _lines(
    data: Data, column: str, titles: dict[str, str], *, y_label: str, caption: str, log_y: bool = True
) -> ChartSpec:
    rows = data.drawn[data.drawn[column].notna()]
    batches = sorted(set(rows.batch.astype(int)))
    caption = notes.caption(caption, notes.of_rows(data))
    if len(batches) < 2:
        asked = notes.measure(data, _OTHER_BATCHES)
        found = f'rows of batch {batches[0]} alone' if batches else 'no row has it'
        why = f'it takes several batch sizes, and there are {found}: {asked}' if batches else f'{found}: {asked}'
        caption = notes.caption(f'Not drawn: {why}.', notes.of_rows(data))
        return Absent(subtitle=data.chosen.how, caption=caption, why=why, **titles)
    lines = [_line(group.sort_values('batch'), column) for _, group in rows.groupby('label', sort=False)]
    return Lines(
        subtitle=f'{len(lines)} networks · {data.chosen.how}',
        caption=caption,
        x_label='images in a batch',
        y_label=y_label,
        lines=tuple(sorted(lines, key=_order)),
        panels={'': ''},
        log=(True, log_y),
        y_limits=None if log_y else (0.0, _ROOM * rows[column].max()),
        **titles,
    )


def _order(line: Line) -> tuple:
    lineage = of_family(line.family)
    return LINEAGES.index(lineage) if lineage in LINEAGES else len(LINEAGES), lineage, line.label


def _line(rows: pd.DataFrame, column: str) -> Line:
    ends = [name for name in (f'{column}_low', f'{column}_high') if name in rows]
    curve = Curve(*(tuple(rows[name].astype(float)) for name in ('batch', column, *ends)))
    return Line(rows.label.iloc[0], {'': curve}, rows.family.iloc[0])
