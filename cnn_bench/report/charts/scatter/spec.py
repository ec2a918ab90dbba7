"""The scatter chart of accuracy against a cost as plain data."""

import math
from dataclasses import dataclass

import pandas as pd

from cnn_bench.analysis import published
from cnn_bench.analysis.summary import SeedError, front
from cnn_bench.format import text
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.runs import collapse
from cnn_bench.runs.charts import costs
from cnn_bench.runs.columns import COLUMNS, DEVICE_MEAN, Column

# Canziani et al. have a linear axis. Over a wider range than this, cheap networks would lie on one another.
LINEAR_UP_TO_RATIO = 40


@dataclass(frozen=True)
class Point:
    """One mark. `half_width` of the interval around y is nan where there is none; a mark that is not `named` has no
    label beside it. `seeds` are those of which y is the mean, and those that collapsed."""

    label: str
    family: str
    x: float
    y: float
    half_width: float
    params: float
    on_front: bool
    named: bool = True
    seeds: tuple[SeedError, ...] = ()
    dataset: str = ''

    @property
    def collapsed(self) -> int:
        """How many seeds collapsed."""
        return sum(seed.collapsed for seed in self.seeds)

    @property
    def learned(self) -> int:
        """How many seeds did not."""
        return len(self.seeds) - self.collapsed

    @property
    def name(self) -> str:
        """The label, and how many seeds collapsed."""
        note = collapse.in_words(self.collapsed, len(self.seeds))
        return f'{self.label} ({note})' if note else self.label


@dataclass(frozen=True, kw_only=True)
class Scatter(ChartSpec):
    """A scatter chart. Colour and shape of a mark show its `family`; `kinds` is the title of their legend."""

    x_label: str
    y_label: str
    points: tuple[Point, ...]
    log_x: bool = True
    low_is_better: bool = True
    left_is_better: bool = True
    kinds: str = 'Lineage'

    @property
    def alt_text(self) -> str:
        return f'{self.title}: {self.y_label} against {self.x_label}'


def accuracy_vs_macs(summary: pd.DataFrame) -> Scatter:
    """Top-1 error against multiply-adds, from a summary by `summarise`."""
    return accuracy_vs_cost(summary, 'accuracy_vs_macs')


def accuracy_vs_cost(summary: pd.DataFrame, name: str) -> Scatter | None:
    """Top-1 error against the cost of the chart `name`, a key of `costs()`.

    None where no row has that cost, or where it was measured on different devices.
    """
    cost = costs()[name]
    rows = summary[summary[cost.name].gt(0)].reset_index(drop=True)
    devices = list(dict.fromkeys(rows.device.dropna())) if cost.over_seeds == DEVICE_MEAN else []
    told = list(dict.fromkeys(rows[cost.told_by].dropna())) if cost.told_by else []
    if rows.empty or len(devices) > 1:
        return None
    more_is_better = cost.better == 'more'
    effort = -rows[cost.name] if more_is_better else rows[cost.name]
    points = tuple(
        _point(row | {'front': on}, row['top1_err_pct'], cost)
        for row, on in zip(rows.to_dict('records'), front(rows, effort), strict=True)
    )
    return Scatter(
        name=name,
        title=f'Error against {cost.words}',
        subtitle=subtitle(rows),
        x_label=', '.join([cost.axis_label, *told, *(f'on {device}' for device in devices)]),
        y_label=COLUMNS['top1_err_pct'].axis_label,
        caption=' '.join([_CAPTION.format(both=f'{cost.better} {cost.words}'), *_of_seeds(points)]),
        points=points,
        left_is_better=not more_is_better,
    )


def published_accuracy_vs_macs(summary: pd.DataFrame) -> Scatter:
    """Published top-1 accuracy against our multiply-add counts, as in figure 2 of Canziani et al. 2017."""
    cost = COLUMNS['macs']
    points = tuple(_point(row | {'by_seed': ()}, 100 - row['top1_err_pct'], cost) for row in summary.to_dict('records'))
    single = summary.protocol.map(published.is_single_crop).all()
    protocol = 'single crop, single model' if single else 'single model, protocols as named'
    wide = max(p.x for p in points) > LINEAR_UP_TO_RATIO * min(p.x for p in points)
    return Scatter(
        name='published_accuracy_vs_macs',
        title='Published ImageNet accuracy against multiply-adds',
        subtitle=f'{len(points)} networks · {protocol} · multiply-adds and parameters counted here',
        x_label=cost.axis_label,
        y_label='top-1 accuracy (%)',
        caption=_CAPTION.format(both='fewer multiply-adds') + ' ' + _TWICE,
        points=points,
        log_x=wide,
        low_is_better=False,
    )


_CAPTION = (
    'The area of a mark is proportional to the parameters, but for hollow ones, which are too small to show it; colour '
    'tells the lineage, shape the family. The dashed steps are the '
    'Pareto front: no network here has both {both} and less error than one on it.'
)
_BARS = (
    'Small dots are single seeds, marks their means, bars 95 % t intervals; an arrow with a number stands for what is '
    'beyond the axis.'
)
_COLLAPSED = (
    'A seed collapsed if its training error stayed at chance; means and intervals leave such seeds out, unless all '
    'collapsed.'
)
_TWICE = 'Canziani et al. count a multiply and an add as two operations: their G-Ops are twice these.'


def _of_seeds(points: tuple[Point, ...]) -> list[str]:
    bars = any(not math.isnan(point.half_width) for point in points)
    return [*([_BARS] if bars else []), *([_COLLAPSED] if any(point.collapsed for point in points) else [])]


def _point(row: dict, y: float, cost: Column) -> Point:
    return Point(
        label=row['label'],
        family=text(row['family']) or 'unknown',
        x=float(row[cost.name]),
        y=float(y),
        half_width=float(row['top1_ci95_pct']),
        params=float(row['params']),
        on_front=bool(row['front']),
        dataset=text(row['dataset']),
        seeds=row['by_seed'],
    )


def subtitle(summary: pd.DataFrame) -> str:
    """Data, input size, and how many networks and seeds, for the line below a chart's title."""
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
    known_values = sorted(set(values.dropna()))
    return known_values[0].replace('x', '×') if len(known_values) == 1 else ''
