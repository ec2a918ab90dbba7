"""Figures 2 and 6 to 9: one number of each network against another."""

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.analysis.canziani.claims import estimate
from cnn_bench.analysis.canziani.data import BATCHES, Data
from cnn_bench.report.canziani import notes
from cnn_bench.report.canziani.by_batch import MEMORY
from cnn_bench.report.canziani.by_network import NO_ACCURACY
from cnn_bench.report.charts.absent import Absent
from cnn_bench.report.charts.blobs import Blob, Blobs, Panel
from cnn_bench.report.charts.spec import ChartSpec

GOPS = 'operations of one image (G-Ops)'
OPERATIONS = 'A multiply and an add count as two operations, as in the paper.'
AREA = 'The area of a mark is proportional to the parameters, but for hollow ones, too small to show it.'
BARS = 'Horizontal lines are the intervals of the medians; a triangle at the edge: it ends beyond the axis.'


def accuracy_against_operations(data: Data) -> ChartSpec:
    """Figure 2: top-1 accuracy against the operations of an image."""
    titles = {'name': 'figure02_accuracy_vs_operations', 'title': 'Figure 2. Top-1 accuracy against operations'}
    caption = notes.caption(OPERATIONS, AREA, notes.of_accuracy(data))
    rows = data.networks[data.networks.accuracy.notna()]
    panel = Panel('', GOPS, 'top-1 accuracy (%)', _blobs(rows, 'gops', 'accuracy'), from_zero=False)
    subtitle = f'{len(rows)} networks · {data.accuracy.words}'
    return _chart(titles, subtitle, caption, [panel], NO_ACCURACY)


def memory_against_parameters(data: Data) -> ChartSpec:
    """Figure 6: memory at batch 1 against the bytes of the parameters, with the line through the points."""
    titles = {'name': 'figure06_memory_vs_parameters', 'title': 'Figure 6. Memory against parameters at batch 1'}
    rows = data.at(1).dropna(subset=['params_mib', 'memory_mib'])
    found = stats.fit_line(rows.params_mib, rows.memory_mib)
    title = f'floor {estimate(found.intercept, " MiB")}, slope {estimate(found.slope)}'
    panel = _with_line(
        Panel(title, 'parameters (MiB)', 'planned memory (MiB)', _blobs(rows, 'params_mib', 'memory_mib', area=''))
    )
    caption = notes.caption(MEMORY, _INTERVALS, notes.of_rows(data, [1]))
    return _chart(titles, _subtitle(data), caption, [panel], _not_measured(data, 1), areas='')


def operations_against_time(data: Data) -> ChartSpec:
    """Figure 7: operations against time per image at batch 1 and 16, with R2 of the line."""
    titles = {'name': 'figure07_operations_vs_time', 'title': 'Figure 7. Operations against time per image'}
    panels = [_time_panel(data, batch) for batch in BATCHES]
    caption = notes.caption(OPERATIONS, AREA, BARS, _INTERVALS, notes.of_rows(data, BATCHES))
    return _chart(titles, _subtitle(data), caption, panels, _not_measured(data, *BATCHES))


def operations_against_power(data: Data) -> ChartSpec:
    """Figure 8: operations against net power at batch 1 and 16."""
    titles = {'name': 'figure08_operations_vs_power', 'title': 'Figure 8. Operations against net power'}
    if not data.has_power:
        why = notes.no_power(data)
        return Absent(subtitle=data.chosen.how, caption=f'Not drawn: {why}.', why=why, **titles)
    panels = []
    for batch in BATCHES:
        rows = data.at(batch).dropna(subset=['power_w', 'gops'])
        why = '' if len(rows) else _not_measured(data, batch)
        panels.append(Panel(f'batch {batch}', 'net power (W)', GOPS, _blobs(rows, 'power_w', 'gops'), why=why))
    caption = notes.caption(OPERATIONS, AREA, notes.of_rows(data, BATCHES))
    return _chart(titles, _subtitle(data), caption, panels, _not_measured(data, *BATCHES))


def accuracy_against_speed(data: Data) -> ChartSpec:
    """Figure 9: top-1 accuracy against images per second at batch 1 and 16; areas show operations."""
    titles = {
        'name': 'figure09_accuracy_vs_images_per_s',
        'title': 'Figure 9. Top-1 accuracy against speed',
    }
    panels = []
    for batch in BATCHES:
        rows = data.at(batch).dropna(subset=['images_per_s'])
        why = '' if len(rows) else _not_measured(data, batch)
        rows = rows[rows.accuracy.notna()]
        blobs = _blobs(
            rows, 'images_per_s', 'accuracy', area='macs', interval=('images_per_s_low', 'images_per_s_high')
        )
        panels.append(
            Panel(f'batch {batch}', 'images per second', 'top-1 accuracy (%)', blobs, log_x=True, from_zero=False,
                  why=why or ('' if blobs else NO_ACCURACY))
        )  # fmt: skip
    caption = notes.caption(
        AREA.replace('parameters', 'multiply-adds'), BARS, notes.of_accuracy(data),
        notes.of_rows(data, BATCHES),
    )  # fmt: skip
    areas = 'Multiply-adds'
    return _chart(titles, _subtitle(data), caption, panels, _not_measured(data, *BATCHES), areas=areas)


_INTERVALS = 'Intervals are 95 % bootstrap intervals over networks.'


def _time_panel(data: Data, batch: int) -> Panel:
    rows = data.at(batch).dropna(subset=['image_ms', 'gops'])
    if rows.empty:
        return Panel(f'batch {batch}', 'time per image (ms)', GOPS, why=_not_measured(data, batch))
    found = stats.fit_line(rows.gops, rows.image_ms)
    title = f'batch {batch}: R² {estimate(found.r2)}' if np.isfinite(found.r2.value) else f'batch {batch}'
    blobs = _blobs(rows, 'image_ms', 'gops', interval=('image_ms_low', 'image_ms_high'))
    # Time is predicted from operations, and drawn across as in the paper.
    return _with_line(Panel(title, 'time per image (ms)', GOPS, blobs), swapped=True)


def _with_line(panel: Panel, swapped: bool = False) -> Panel:
    """The panel with the least-squares line of y on x, or `swapped` of x on y, from its first point to its last."""
    x, y = ([getattr(blob, of) for blob in panel.blobs] for of in ('yx' if swapped else 'xy'))
    found = stats.fit_line(x, y)
    if not np.isfinite(found.slope.value):
        return panel
    ends = [(at, found.intercept.value + found.slope.value * at) for at in (min(x), max(x))]
    return Panel(**{**vars(panel), 'fit': tuple((b, a) if swapped else (a, b) for a, b in ends)})


def _chart(
    titles: dict[str, str], subtitle: str, caption: str, panels: list[Panel], lacking: str, areas: str = 'Parameters'
) -> ChartSpec:
    reasons = list(dict.fromkeys(panel.why for panel in panels))
    if not any(panel.blobs for panel in panels):
        why = reasons[0] if len(reasons) == 1 and reasons[0] else lacking
        return Absent(subtitle=subtitle, caption=notes.caption(f'Not drawn: {why}.', caption), why=why, **titles)
    caption = notes.caption(caption, [f'Not drawn: {why}.' for why in reasons if why])
    return Blobs(subtitle=subtitle, caption=caption, panels=tuple(panels), areas=areas, **titles)


def _blobs(
    rows: pd.DataFrame, x: str, y: str, area: str = 'params', interval: tuple[str, str] | None = None
) -> tuple[Blob, ...]:
    low, high = (rows[end] if interval and end in rows else [np.nan] * len(rows) for end in interval or ('', ''))
    return tuple(
        Blob(row['label'], row['family'], row[x], row[y], row[area] if area else np.nan, float(a), float(b))
        for row, a, b in zip(rows.to_dict('records'), low, high, strict=True)
    )


def _subtitle(data: Data) -> str:
    return data.chosen.how


def _not_measured(data: Data, *batches: int) -> str:
    named = ' and '.join(map(str, batches))
    return f'no row at batch {named}: {notes.measure(data, batches)}'
