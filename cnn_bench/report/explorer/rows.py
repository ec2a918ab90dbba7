"""What the explorer draws as plain rows: networks, seeds, learning curves, and what axes and colours may show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cnn_bench.analysis import by_epoch, published
from cnn_bench.analysis.lineage import LINEAGES, OTHER, lineage
from cnn_bench.analysis.summary import compared, tidy
from cnn_bench.format import text
from cnn_bench.report.charts.style import COLOURS, HUES, THEME
from cnn_bench.report.explorer import details
from cnn_bench.runs.columns import COLUMNS, DEVICE_MEAN

OWN = 'own'
# Of published rows: the kind of recipe -> its name here, and the shape of its marks.
RECIPES = {
    published.SIMPLE: ('simple recipe', 'circle'),
    published.REGULARISED: ('regularised recipe', 'square'),
    published.MODERN: ('modern recipe', 'triangle-up'),
    published.MORE_DATA: (published.MORE_DATA, 'diamond'),
    published.UNSTATED: ('recipe unstated', 'cross'),
}
MARKS = {OWN: 'circle', **dict(RECIPES.values())}  # origin of a row -> shape
NOT_AT_FIRST = published.MORE_DATA  # the origin of rows that are shown when asked for
FIRST_COST, FIRST_ERROR = 'macs', 'top1_err_pct'  # that an axis shows before another is chosen
ERRORS = tuple(name for name, column in COLUMNS.items() if name.endswith('_err_pct') and column.words)
_OF_TEST = ('top1_err_pct', 'top5_err_pct')  # those of which the accuracy can be drawn too
COLOURED_BY = {'lineage': 'lineage', 'family': 'family', 'year': 'year', 'recipe': 'recipe'}
_ROLES = {light: role for role, (light, _) in THEME.items()}
_SHAPES = ('circle', 'square', 'triangle-up', 'diamond', 'triangle-down', 'cross', 'triangle-right', 'triangle-left')
# Of years, in their order: a part of cividis (Nuñez et al. 2018) that is seen on white and on black.
_YEARS = ('#2e4c8c', '#4a5f94', '#6b7184', '#87837b', '#a49770', '#c4ac60', '#dcc04a')
_MOST_EPOCHS = 120  # of a curve


@dataclass(frozen=True)
class Axis:
    """What an axis may show: the field of a row, its name in the menu and its title; `sign` is -1 where more is
    better."""

    field: str
    name: str
    title: str
    sign: int = 1


def costs(summary: pd.DataFrame) -> list[Axis]:
    """The costs that the networks of a summary have; those of a device only where all have the same."""
    found = []
    for column in COLUMNS.values():
        rows = summary[summary[column.name].gt(0)] if column.cost else summary.head(0)
        told = [*rows.device.dropna().unique()] if column.over_seeds == DEVICE_MEAN else []
        if column.told_by:
            told = [*rows[column.told_by].dropna().unique()]
        if len(rows) and len(told) < 2:
            title = ', '.join([column.axis_label, *told])
            found.append(Axis(column.name, column.words, title, -1 if column.better == 'more' else 1))
    return found


def errors(summary: pd.DataFrame) -> list[Axis]:
    """The errors that the networks of a summary have, and the accuracies of those on the test images."""
    there = [COLUMNS[name] for name in ERRORS if summary[name].notna().any()]
    accuracies = [column for column in there if column.name in _OF_TEST]
    return [
        *(Axis(column.name, column.words, column.axis_label) for column in there),
        *(Axis(_accuracy(c.name), said := c.words.replace('error', 'accuracy'), f'{said} (%)', -1) for c in accuracies),
    ]


def networks(summary: pd.DataFrame) -> list[dict]:
    """A row per network, those of most parameters first; details are pairs of name and value for the tooltip."""
    made = []
    for row, among in zip(summary.to_dict('records'), compared(summary), strict=True):
        of_published = not text(row['run'])
        made.append(
            {
                'kind': 'mean',
                'label': row['label'],
                'collapsed': bool(row['by_seed']) and all(seed.collapsed for seed in row['by_seed']),
                'origin': RECIPES[row['recipe']][0] if of_published else OWN,
                'mark': RECIPES[row['recipe']][1] if of_published else '',
                'dataset': text(row['dataset']),
                'among': among,
                'ranked': not (of_published and row['recipe'] == published.UNSTATED),
                'lineage': lineage(text(row['arch']), text(row['family'])),
                'family': text(row['family']) or 'unknown',
                'year': f'{row["year"]:.0f}' if row['year'] > 0 else 'unknown',
                'recipe': text(row['recipe']) or 'unknown',
                'details': details.of_network(row),
                **{column.name: _number(row[column.name]) for column in COLUMNS.values() if column.cost},
                **_errors(row),
            }
        )
    return sorted(made, key=lambda row: -(row['params'] or 0))


def seeds(table: pd.DataFrame, names: Mapping[str, str], networks: Sequence[dict]) -> list[dict]:
    """A row per finished run of the networks that have several, at the cost of its network."""
    of = {row['label']: row for row in networks}
    runs = tidy(table)
    runs = runs[runs.run.isin(names)]
    labels = runs.run.map(names)
    several = labels.groupby(labels).transform('size') > 1
    made = []
    for row, label, failed in zip(
        runs[several].to_dict('records'), labels[several], _collapsed(runs)[several].tolist(), strict=True
    ):
        error = COLUMNS[FIRST_ERROR]
        said = (error.words, f'{error.text(row[FIRST_ERROR])} {error.unit}')
        told = [
            ('seed', f'{row["seed"]:.0f}'),
            said,
            *([('collapsed', 'yes')] if failed else []),
            ('run', row['run']),
        ]
        own = {'kind': 'seed', 'collapsed': failed, 'details': told}
        made.append({**of[label], **own, **_errors(row)})
    return made


def curves(found: pd.DataFrame | None, networks: Sequence[dict], names: Mapping[str, str]) -> list[dict]:
    """A row per finished run and kind of curve: error in per cent at epoch, thinned out, and what its network is."""
    if found is None or found.empty:
        return []
    of = {row['label']: row for row in networks}
    finished = found[found.run.isin(names)]
    seeds = finished.groupby('run').seed.first()
    failed = set(finished.run[_collapsed(finished)])
    made = []
    for (run, kind), rows in by_epoch.means(finished, {run: run for run in names}).groupby(['label', 'kind']):
        if len(rows) < 2:
            continue
        kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_EPOCHS)).astype(int))
        network = of[names[run]]
        made.append(
            {
                **{name: network[name] for name in ('label', 'origin', *COLOURED_BY)},
                **{'run': run, 'curve': kind, 'seed': f'{seeds[run]:.0f}', 'collapsed': run in failed},
                **{
                    'epochs': rows.epoch.iloc[kept].round(4).tolist(),
                    'errors': rows['mean'].iloc[kept].round(3).tolist(),
                },
            }
        )
    return made


def colours(networks: Sequence[dict], by: str) -> dict[str, list[str]]:
    """The groups of networks by a key of COLOURED_BY, with their colours (roles of THEME, or hex) and shapes."""
    groups = {row[by] for row in networks}
    if by == 'lineage':
        ordered = [*(name for name in LINEAGES if name in groups), *sorted(groups - set(LINEAGES))]
        looks = [_ROLES[HUES.get(name, HUES[OTHER])] for name in ordered]
        return {'groups': ordered, 'colours': looks, 'shapes': ['circle'] * len(ordered)}
    ordered = sorted(groups)
    if by == 'year':
        places = np.linspace(0, len(_YEARS) - 1, len(ordered)).round().astype(int)
        return {'groups': ordered, 'colours': [_YEARS[i] for i in places], 'shapes': ['circle'] * len(ordered)}
    several = len(ordered) > len(COLOURS)
    return {
        'groups': ordered,
        'colours': [_ROLES[COLOURS[i % len(COLOURS)]] for i in range(len(ordered))],
        'shapes': [_SHAPES[i % len(_SHAPES)] if several else 'circle' for i in range(len(ordered))],
    }


def _collapsed(table: pd.DataFrame) -> pd.Series:
    return table.collapsed.eq(True).fillna(False).astype(bool)


def _errors(row: Mapping) -> dict[str, float | None]:
    values = {name: _number(row[name]) for name in ERRORS}
    return values | {_accuracy(n): None if values[n] is None else round(100 - values[n], 9) for n in _OF_TEST}


def _accuracy(error: str) -> str:
    return error.replace('_err_', '_acc_')


def _number(value: float) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
