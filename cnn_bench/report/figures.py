"""What a chart shows, as plain data: the one description from which the PNG, the SVG and the page are made."""

import math
from dataclasses import dataclass

import pandas as pd

from cnn_bench.report import tables

# Canziani et al. have a linear axis. Over a wider range than this the cheap networks would lie on one another.
LINEAR_UP_TO_RATIO = 40


@dataclass(frozen=True)
class Point:
    """One mark. `half_width` of the interval around y is nan where there is none; `details` are pairs of name and
    value for the page."""

    label: str
    family: str
    x: float
    y: float
    half_width: float
    params: float
    on_front: bool
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Chart:
    """A scatter chart: `name` is that of its files, `caption` says what the marks mean."""

    name: str
    title: str
    subtitle: str
    x_label: str
    y_label: str
    caption: str
    points: tuple[Point, ...]
    log_x: bool = True
    low_is_better: bool = True


def accuracy_vs_macs(summary: pd.DataFrame) -> Chart:
    """Top-1 error against multiply-adds, from a summary by `tables.summarise`."""
    points = tuple(_point(row, row['top1_err_pct']) for row in summary.to_dict('records'))
    bars = any(not math.isnan(point.half_width) for point in points)
    return Chart(
        name='accuracy_vs_macs',
        title='Error against multiply-adds',
        subtitle=_subtitle(summary),
        x_label='multiply-adds of one image, forward (MACs)',
        y_label='top-1 error (%)',
        caption=_CAPTION + (' ' + _BARS if bars else ''),
        points=points,
    )


def published_accuracy_vs_macs(summary: pd.DataFrame) -> Chart:
    """Published top-1 accuracy against our multiply-add counts, as figure 2 of Canziani et al. 2017 draws it."""
    points = tuple(_point(row, 100 - row['top1_err_pct']) for row in summary.to_dict('records'))
    wide = max(p.x for p in points) > LINEAR_UP_TO_RATIO * min(p.x for p in points)
    return Chart(
        name='published_accuracy_vs_macs',
        title='Published ImageNet accuracy against multiply-adds',
        subtitle=f'{len(points)} networks · single crop, single model · multiply-adds and parameters counted here',
        x_label='multiply-adds of one image, forward (MACs)',
        y_label='top-1 accuracy (%)',
        caption=_CAPTION + ' ' + _TWICE,
        points=points,
        log_x=wide,
        low_is_better=False,
    )


_CAPTION = (
    'The area of a mark is proportional to the parameters; colour and shape tell the family. The dashed steps are the '
    'Pareto front: no network here has both fewer multiply-adds and less error than one on it.'
)
_BARS = 'Bars are 95 % t intervals over seeds.'
_TWICE = 'Canziani et al. count a multiply and an add as two operations: their G-Ops are twice these.'


def _point(row: dict, y: float) -> Point:
    shown = {c.key: c.text(row[c.key]) for c in tables.SHOWN if c.key in row}
    error = f'{shown["top1_err_pct"]} %'
    if shown['top1_ci95_pct']:
        error += f' ± {shown["top1_ci95_pct"]}'
    details = [
        ('family', shown['family']),
        ('top-1 error', error),
        ('top-5 error', shown['top5_err_pct'] and f'{shown["top5_err_pct"]} %'),
        ('multiply-adds', human(row['macs'])),
        ('parameters', human(row['params'])),
        ('training', shown['images_per_s'] and f'{shown["images_per_s"]} images/s'),
        ('seeds', shown['seeds']),
        ('source', shown['source'] if row['source'] != 'measured' else ''),
        ('run', row['run'] if isinstance(row['run'], str) else ''),
    ]
    return Point(
        label=row['label'],
        family=row['family'] if isinstance(row['family'], str) else 'unknown',
        x=float(row['macs']),
        y=float(y),
        half_width=float(row['top1_ci95_pct']),
        params=float(row['params']),
        on_front=bool(row['front']),
        details=tuple((name, value) for name, value in details if value),
    )


def human(count: float) -> str:
    """A count with three digits and its unit: 1.81 G, 62 k."""
    for unit, size in (('G', 1e9), ('M', 1e6), ('k', 1e3)):
        if count >= 0.9995 * size:
            return f'{float(f"{count / size:.3g}"):g} {unit}'
    return f'{count:g}'


def _subtitle(summary: pd.DataFrame) -> str:
    one = len(summary) == 1
    networks = '1 network' if one else f'{len(summary)} networks'
    parts = [', '.join(sorted(set(summary.dataset.dropna()))), _several(summary.input_shape), networks]
    seeds = sorted(set(summary.seeds.dropna().astype(int)))
    if seeds == [1]:
        parts.append('one seed' if one else 'one seed each')
    elif seeds:
        span = f'{seeds[0]}' if len(seeds) == 1 else f'{seeds[0]} to {seeds[-1]}'
        parts.append(f'mean of {span} seeds')
    return ' · '.join(part for part in parts if part)


def _several(values: pd.Series) -> str:
    known = sorted(set(values.dropna()))
    return known[0].replace('x', '×') if len(known) == 1 else ''
