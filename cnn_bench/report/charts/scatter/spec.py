"""The scatter chart of accuracy against a cost as plain data."""

import math
from dataclasses import dataclass, replace

import pandas as pd

from cnn_bench.analysis import published
from cnn_bench.analysis.summary import SeedError, compared, front
from cnn_bench.format import text
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.runs import collapse
from cnn_bench.runs.charts import costs
from cnn_bench.runs.columns import COLUMNS, DEVICE_MEAN, Column

# Canziani et al. have a linear axis. Over a wider range than this, cheap networks would lie on one another.
LINEAR_UP_TO_RATIO = 40
OWN = 'own runs'  # in the place of a recipe, beside published results


@dataclass(frozen=True)
class Point:
    """One mark. `half_width` of the interval around y is nan where there is none; a mark that is not `named` has no
    label beside it. `seeds` are those of which y is the mean, and those that collapsed. Points `among` others of that
    name share a front. Published ones have the kind of their `recipe`, the `network` that marks are joined of, and
    `short`, what is beside the mark instead of the label."""

    label: str
    family: str
    x: float
    y: float
    half_width: float
    params: float
    on_front: bool
    named: bool = True
    seeds: tuple[SeedError, ...] = ()
    among: str = ''
    recipe: str = ''
    network: str = ''
    short: str = ''

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
        """What is beside the mark: the label, and how many seeds collapsed."""
        note = collapse.in_words(self.collapsed, len(self.seeds))
        label = self.short or self.label
        return f'{label} ({note})' if note else label


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
    points = _points(rows.assign(front=front(rows, effort)), rows.top1_err_pct, cost)
    return Scatter(
        name=name,
        title=f'Error against {cost.words}',
        subtitle=subtitle(rows),
        x_label=', '.join([cost.axis_label, *told, *(f'on {device}' for device in devices)]),
        y_label=COLUMNS['top1_err_pct'].axis_label,
        caption=' '.join([_caption(points, f'{cost.better} {cost.words}'), *_of_seeds(points)]),
        points=points,
        left_is_better=not more_is_better,
    )


def published_accuracy_vs_macs(summary: pd.DataFrame) -> Scatter:
    """Published top-1 accuracy against our multiply-add counts, as in figure 2 of Canziani et al. 2017."""
    cost = COLUMNS['macs']
    points = _points(summary.assign(by_seed=[()] * len(summary)), 100 - summary.top1_err_pct, cost)
    single = summary.protocol.map(published.is_single_crop).all()
    protocol = 'single crop, single model' if single else 'single model, protocols as named'
    wide = max(p.x for p in points) > LINEAR_UP_TO_RATIO * min(p.x for p in points)
    return Scatter(
        name='published_accuracy_vs_macs',
        title='Published ImageNet accuracy against multiply-adds',
        subtitle=f'{summary.arch.nunique()} networks, {len(points)} trainings · {protocol} · multiply-adds and '
        'parameters counted here',
        x_label=cost.axis_label,
        y_label='top-1 accuracy (%)',
        caption=f'{_caption(points, "fewer multiply-adds")} {_TWICE}',
        points=points,
        log_x=wide,
        low_is_better=False,
    )


_AREAS = (
    'The area of a mark is proportional to the parameters, but for hollow ones, which are too small to show it; colour '
    'tells the lineage,'
)
_CAPTION = (
    _AREAS + ' shape the family. The dashed steps are the '
    'Pareto front: no network here has both {both} and less error than one on it.'
)
_RECIPES = (
    'shape how the network was trained. Lines join the marks of one network, trained in several ways; its name is '
    'beside the best of those that saw no more than ImageNet-1k. Dashed steps are Pareto fronts, one for each kind of '
    'recipe, as the recipe of a year is not compared with that of another: no network trained alike has both {both} '
    'and less error than one on it.'
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


def _caption(points: tuple[Point, ...], both: str) -> str:
    told = f'{_AREAS} {_RECIPES}' if any(point.recipe for point in points) else _CAPTION
    return told.format(both=both)


def _of_seeds(points: tuple[Point, ...]) -> list[str]:
    bars = any(not math.isnan(point.half_width) for point in points)
    return [*([_BARS] if bars else []), *([_COLLAPSED] if any(point.collapsed for point in points) else [])]


def _points(rows: pd.DataFrame, heights: pd.Series, cost: Column) -> tuple[Point, ...]:
    """The points of rows of a summary, at their cost and these heights.

    Published marks of one network, trained in several ways, are joined, and the best without more data has its name.
    Each kind of recipe has a front of its own, but for results of more data.
    """
    theirs = rows.training.notna()
    best = rows[theirs].assign(apart=rows.recipe.eq(published.MORE_DATA)).sort_values(['apart', 'top1_err_pct'])
    named, beside = set(best.index[~best.arch.duplicated()]), ' (published)' * bool((~theirs).any())
    points = []
    for i, row, y, among in zip(rows.index, rows.to_dict('records'), heights, compared(rows), strict=True):
        point = _point(row | {'among': among}, y, cost)
        if theirs[i]:
            own_front = point.on_front and row['recipe'] != published.MORE_DATA
            look = {'recipe': row['recipe'], 'network': row['arch'], 'short': row['arch'] + beside}
            point = replace(point, named=i in named, on_front=own_front, **look)
        elif theirs.any():
            point = replace(point, recipe=OWN)
        points.append(point)
    return tuple(points)


def _point(row: dict, y: float, cost: Column) -> Point:
    return Point(
        label=row['label'],
        family=text(row['family']) or 'unknown',
        x=float(row[cost.name]),
        y=float(y),
        half_width=float(row['top1_ci95_pct']),
        params=float(row['params']),
        on_front=bool(row['front']),
        among=row['among'],
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
