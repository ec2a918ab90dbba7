"""What a scatter chart shows, as plain data: the one description from which its files and the page are made."""

import math
from dataclasses import dataclass

import pandas as pd

from cnn_bench import stats
from cnn_bench.report import tables
from cnn_bench.report.hover import Hover

# Canziani et al. have a linear axis. Over a wider range than this the cheap networks would lie on one another.
LINEAR_UP_TO_RATIO = 40


@dataclass(frozen=True)
class Point:
    """One mark. `half_width` of the interval around y is nan where there is none; `details` are pairs of name and
    value for the page, which tells the name also of a mark that is not `named`: has no label beside it."""

    label: str
    family: str
    x: float
    y: float
    half_width: float
    params: float
    on_front: bool
    details: tuple[tuple[str, str], ...]
    named: bool = True


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
    left_is_better: bool = True
    kinds: str = 'Family'  # what colour and shape tell, above their legend

    @property
    def hovers(self) -> tuple[Hover, ...]:
        """What the page says of each mark."""
        return tuple(
            Hover(f'point-{i}', f'label-{i}' if p.named else '', p.label, p.details) for i, p in enumerate(self.points)
        )

    @property
    def described(self) -> str:
        """What a reader hears who can't see the chart."""
        return f'{self.title}: {self.y_label} against {self.x_label}'


@dataclass(frozen=True)
class Cost:
    """A column of the summary that accuracy may be set against, and how its chart calls it."""

    column: str
    name: str
    label: str
    short: str  # in 'no network here has both ... and less error'
    more_is_better: bool = False
    on_device: bool = False  # what another device would give otherwise


COSTS = {
    'accuracy_vs_macs': Cost('macs', 'multiply-adds', 'multiply-adds of one image, forward (MACs)', 'fewer'),
    'accuracy_vs_params': Cost('params', 'parameters', 'trainable parameters', 'fewer'),
    'accuracy_vs_activation_memory': Cost(
        'activation_bytes', 'activation memory', 'outputs of all layers of one image, forward (bytes)', 'less'
    ),
    'accuracy_vs_training_time': Cost(
        'train_s', 'training time', 'seconds of training, compilation left out', 'less', on_device=True
    ),
    'accuracy_vs_throughput': Cost(
        'images_per_s', 'training throughput', 'training images per second', 'more', more_is_better=True, on_device=True
    ),
}


def accuracy_vs_macs(summary: pd.DataFrame) -> Chart:
    """Top-1 error against multiply-adds, from a summary by `tables.summarise`."""
    return accuracy_vs_cost(summary, 'accuracy_vs_macs')


def accuracy_vs_cost(summary: pd.DataFrame, name: str) -> Chart | None:
    """Top-1 error against the cost that the chart `name` of COSTS is about.

    None where no row has that cost, or where it was measured on different devices.
    """
    cost = COSTS[name]
    rows = summary[summary[cost.column].gt(0)].reset_index(drop=True)
    devices = list(dict.fromkeys(rows.device.dropna())) if cost.on_device else []
    if rows.empty or len(devices) > 1:
        return None
    effort = -rows[cost.column] if cost.more_is_better else rows[cost.column]
    front = stats.pareto_front(effort, rows.top1_err_pct)
    probability = tables.front_probability(rows, effort)
    points = tuple(
        _point(row | {'front': on, 'front_probability': p}, row['top1_err_pct'], cost)
        for row, on, p in zip(rows.to_dict('records'), front, probability, strict=True)
    )
    bars = any(not math.isnan(point.half_width) for point in points)
    return Chart(
        name=name,
        title=f'Error against {cost.name}',
        subtitle=subtitle(rows),
        x_label=f'{cost.label}, on {devices[0]}' if devices else cost.label,
        y_label='top-1 error (%)',
        caption=' '.join([_CAPTION.format(both=f'{cost.short} {cost.name}'), *([_BARS] if bars else [])]),
        points=points,
        left_is_better=not cost.more_is_better,
    )


def published_accuracy_vs_macs(summary: pd.DataFrame) -> Chart:
    """Published top-1 accuracy against our multiply-add counts, as figure 2 of Canziani et al. 2017 draws it."""
    cost = COSTS['accuracy_vs_macs']
    points = tuple(_point(row, 100 - row['top1_err_pct'], cost) for row in summary.to_dict('records'))
    wide = max(p.x for p in points) > LINEAR_UP_TO_RATIO * min(p.x for p in points)
    return Chart(
        name='published_accuracy_vs_macs',
        title='Published ImageNet accuracy against multiply-adds',
        subtitle=f'{len(points)} networks · single crop, single model · multiply-adds and parameters counted here',
        x_label=cost.label,
        y_label='top-1 accuracy (%)',
        caption=_CAPTION.format(both='fewer multiply-adds') + ' ' + _TWICE,
        points=points,
        log_x=wide,
        low_is_better=False,
    )


_CAPTION = (
    'The area of a mark is proportional to the parameters; colour and shape tell the family. The dashed steps are the '
    'Pareto front: no network here has both {both} and less error than one on it.'
)
_BARS = 'Bars are 95 % t intervals over seeds.'
_TWICE = 'Canziani et al. count a multiply and an add as two operations: their G-Ops are twice these.'


def _point(row: dict, y: float, cost: Cost) -> Point:
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
        ('activations', human(row['activation_bytes'], 'B') if row['activation_bytes'] > 0 else ''),
        ('training error', shown['train_err_pct'] and f'{shown["train_err_pct"]} %'),
        (
            'training',
            ', '.join(
                part
                for part in (
                    shown['images_per_s'] and f'{shown["images_per_s"]} images/s',
                    shown['train_s'] and f'{shown["train_s"]} s',
                )
                if part
            ),
        ),
        ('seeds', shown['seeds']),
        ('on the front', f'probability {shown["front_probability"]}' if shown.get('front_probability') else ''),
        ('device', text(row['device'])),
        ('commit', text(row['commit'])),
        ('data', f'{text(row["data_fingerprint"])[:12]}'),
        ('source', shown['source'] if row['source'] != 'measured' else ''),
        ('run', text(row['run'])),
    ]
    return Point(
        label=row['label'],
        family=text(row['family']) or 'unknown',
        x=float(row[cost.column]),
        y=float(y),
        half_width=float(row['top1_ci95_pct']),
        params=float(row['params']),
        on_front=bool(row['front']),
        details=tuple((name, value) for name, value in details if value),
    )


def human(count: float, unit: str = '') -> str:
    """A count with three digits and its unit: 1.81 G, 62 k."""
    for prefix, size in (('G', 1e9), ('M', 1e6), ('k', 1e3)):
        if count >= 0.9995 * size:
            return f'{float(f"{count / size:.3g}"):g} {prefix}{unit}'
    return f'{count:.4g} {unit}'.strip()


def text(value: object) -> str:
    """`value` where it is a text, else nothing."""
    return value if isinstance(value, str) else ''


def subtitle(summary: pd.DataFrame) -> str:
    """Data, input size, how many networks and seeds: what stands below a chart's title."""
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
