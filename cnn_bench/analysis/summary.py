"""The tidy table summarised to a row per configuration: means over seeds, intervals, the Pareto front."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.analysis.published import UNSTATED
from cnn_bench.format import plain, text
from cnn_bench.runs import collapse, columns
from cnn_bench.runs.columns import COLUMNS, DEVICE_MEAN, DROPPED, JOINED, KEY, MEAN, Column

# Where two configurations have one label, the columns in which they differ are appended to it, in this order.
TELLS_APART = (
    'arch',
    'dataset',
    'width',
    'stem',
    'epochs',
    'batch_size',
    'dtype',
    'input_shape',
    'protocol',
    'source',
    'recipe',
)

# Columns that only the summary has, by the column of the tidy table that they stand behind.
# fmt: off
COMPUTED_AFTER = {
    'top1_err_pct': [
        Column('top1_ci95_pct', 'half-width of its 95 % t interval', 'number', header='± (95 %)', format=',.2f')
    ],
    'train_s': [
        Column('seeds', 'how many seeds there are; means leave out those that collapsed, unless all did', 'number',
               header='Seeds', format=',.0f'),
        Column('collapsed_seeds', 'how many of them collapsed (`runs/collapse.py`); empty where none is known to have',
               'number', header='Collapsed', format=',.0f'),
        Column('front', 'whether it is on the Pareto front of error against multiply-adds', 'flag', header='Front'),
        Column(
            'front_probability', 'how likely it is on it', 'number', header='On the front (probability)', format=',.2f'
        ),
    ],
    'source': [Column('notes', 'remarks of published rows', 'prose', header='Notes')],
}
# fmt: on


class SeedError(NamedTuple):
    """The top-1 error in per cent of a seed, the mean of its runs where there are several, and whether it collapsed."""

    seed: float
    error: float
    collapsed: bool


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with all COLUMNS in their order, any others behind them, the cheapest network first."""
    table = table.reindex(columns=[*COLUMNS, *_extra(table)])
    for column in COLUMNS.values():
        if column.numeric:
            table[column.name] = pd.to_numeric(table[column.name])
    return table.sort_values(['macs', 'label', 'seed', 'run'], kind='stable').reset_index(drop=True)


def left_out(table: pd.DataFrame) -> list[tuple[str, str]]:
    """(run, reason) of the runs that the charts leave out, in the order of the table."""
    reasons = []
    for row in tidy(table).itertuples():
        name = row.run if isinstance(row.run, str) and row.run else str(row.label)
        if row.state != 'finished':
            state = row.state if isinstance(row.state, str) else 'no state'
            reasons.append((name, f'{state}: {row.reason}' if isinstance(row.reason, str) and row.reason else state))
        elif not _drawable(row.top1_err_pct, row.macs):
            reasons.append((name, 'no error or no multiply-adds'))
    return reasons


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """A row per configuration of the finished runs, the cheapest first.

    `top1_err_pct` is the mean over the seeds that learned, or over all where all collapsed, and `top1_ci95_pct` the
    half-width of its 95 % interval (nan for one seed). `seeds` counts all, `collapsed_seeds` those that collapsed, and
    `by_seed` holds a SeedError of each; runs that repeat a seed count as one. Other columns are combined as COLUMNS
    state: a speed, for example, is nan where the runs had different devices. `front` marks the Pareto front of error
    against multiply-adds, for each group of `compared` rows its own, on which no network is whose seeds all collapsed;
    `front_probability` is the probability of being on it (nan where there is one seed each). Numeric columns that are
    not in COLUMNS are averaged too.
    """
    groups = _groups(table)
    names = list(dict.fromkeys([*tidy(table.head(0)).columns, 'top1_ci95_pct', 'top1_se_pct', 'seeds', 'front']))
    names += ['collapsed_seeds', 'by_seed']
    summary = pd.DataFrame([_configuration(group) for group in groups], columns=names)
    summary = summary.drop(columns=columns.having(over_seeds=DROPPED))
    summary['front'] = front(summary, summary.macs)
    summary['front_probability'] = front_probability(summary, summary.macs)
    summary['label'] = _distinct_labels(summary)
    return summary.sort_values(['macs', 'label'], kind='stable').reset_index(drop=True)


def names(table: pd.DataFrame) -> dict[str, str]:
    """Run -> the label of its configuration in the summary, for the runs that are in the summary."""
    groups = _groups(table)
    labels = _distinct_labels(pd.DataFrame([_configuration(group) for group in groups])) if groups else []
    return {run: label for group, label in zip(groups, labels, strict=True) for run in group.run}


def shown_columns(summary: pd.DataFrame) -> list[Column]:
    """The columns to show: those with a header and a value, long texts last; `source` and `recipe`, which is a hash of
    our own runs, only where not all is ours."""
    shown = [c for column in COLUMNS.values() for c in (column, *COMPUTED_AFTER.get(column.name, ()))]
    known = {*(column.name for column in shown), 'top1_se_pct'}
    shown += [columns.column(n) for n in summary if n not in known and pd.api.types.is_numeric_dtype(summary[n])]
    if (summary['source'] == 'measured').all():
        shown = [column for column in shown if column.name not in ('source', 'recipe')]
    with_values = [c for c in shown if c.header and c.name in summary and summary[c.name].notna().any()]
    return sorted(with_values, key=lambda column: column.kind == 'prose')


def learned_errors(summary: pd.DataFrame) -> pd.Series:
    """The errors of a summary, nan where all seeds of a network collapsed, unless those of all networks did."""
    lost = summary.by_seed.map(lambda seeds: all(one.collapsed for one in seeds)).astype(bool)
    return summary.top1_err_pct if lost.all() else summary.top1_err_pct.mask(lost)


def front(summary: pd.DataFrame, cost: pd.Series) -> np.ndarray:
    """Bool per row: whether it is on the Pareto front of error against `cost`, of the rows it is `compared` with."""
    errors = learned_errors(summary).mask(summary.recipe.eq(UNSTATED))
    return _among_compared(summary, lambda rows: stats.pareto_front(cost[rows], errors[rows])).astype(bool)


def compared(summary: pd.DataFrame) -> pd.Series:
    """A name per row, which those share whose errors can be compared: the data set, of published results with the kind
    of their recipe, since the same network errs less by a newer one."""
    published = summary.training.notna()
    return summary.dataset.map(text) + (', ' + summary.recipe.map(text)).where(published, '')


def front_probability(summary: pd.DataFrame, cost: pd.Series) -> np.ndarray:
    """`stats.front_probability` of error against `cost` among rows `compared`; nan where no row has two seeds.

    A row with one seed is given the mean standard deviation of the others.
    """
    errors, learned = summary.top1_se_pct, learned_errors(summary)
    if not errors.notna().any():
        return np.full(len(summary), np.nan)
    averaged = summary.by_seed.map(lambda seeds: sum(not one.collapsed for one in seeds) or len(seeds))
    errors = errors.fillna(math.sqrt((errors**2 * averaged).mean()))
    return _among_compared(summary, lambda rows: stats.front_probability(cost[rows], learned[rows], errors[rows]))


def _among_compared(summary: pd.DataFrame, of_rows: Callable[[pd.Index], np.ndarray]) -> np.ndarray:
    """What `of_rows` returns for the rows `compared` with one another, in the order of the summary."""
    found = pd.Series(np.nan, summary.index, dtype=object)
    for rows in summary.groupby(compared(summary)).groups.values():
        found[rows] = of_rows(rows)
    return found.to_numpy(dtype=float)


def _extra(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if name not in COLUMNS]


def _drawable(error: float, macs: float) -> bool:
    return bool(np.isfinite(error) and np.isfinite(macs) and macs > 0)


def _groups(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The finished runs that can be drawn, by configuration."""
    table = tidy(table)
    usable = [
        state == 'finished' and _drawable(error, macs)
        for state, error, macs in zip(table.state, table.top1_err_pct, table.macs, strict=True)
    ]
    keys = columns.having(over_seeds=KEY)
    return [group for _, group in table[usable].groupby(keys, dropna=False, sort=False)]


def _configuration(group: pd.DataFrame) -> dict:
    aside = collapse.left_out_of_means(group)
    averaged = group[~aside]
    errors = averaged.groupby('seed', dropna=False).top1_err_pct.mean()
    mean, half_width = stats.mean_ci(errors)
    by_seed = _by_seed(group)
    return {name: _combined(group if name == 'run' else averaged, name) for name in group} | {
        'top1_err_pct': mean,
        'top1_ci95_pct': half_width,
        'top1_se_pct': errors.std(ddof=1) / math.sqrt(len(errors)),
        'seeds': np.nan if group.seed.isna().all() else len(by_seed),
        'collapsed_seeds': sum(one.collapsed for one in by_seed) or np.nan,
        'by_seed': by_seed,
    }


def _by_seed(group: pd.DataFrame) -> tuple[SeedError, ...]:
    """The error of each seed; one of which a run learned is that of the runs that did."""
    found = []
    for seed, runs in group.groupby('seed', dropna=False):
        learned = runs[~collapse.left_out_of_means(runs)]
        collapsed = bool(learned.collapsed.eq(True).fillna(False).all())
        found.append(SeedError(float(seed), float(learned.top1_err_pct.mean()), collapsed))
    return tuple(found)


def _combined(group: pd.DataFrame, name: str) -> object:
    """One value for all runs of a configuration."""
    values, first = group[name], group[name].iloc[0]
    if name not in COLUMNS:
        return values.mean() if pd.api.types.is_numeric_dtype(values) else first
    how = COLUMNS[name].over_seeds
    if how == DEVICE_MEAN and group.device.nunique(dropna=False) > 1:
        return np.nan
    if how in (MEAN, DEVICE_MEAN):
        return values.mean()
    return ', '.join(str(v) for v in dict.fromkeys(values.dropna()) if v != '') if how == JOINED else first


def _distinct_labels(summary: pd.DataFrame) -> list[str]:
    """The labels; where several rows have the same one, what tells them apart is appended."""
    labels = [' '.join(str(label).split()) for label in summary.label]
    for name, rows in summary.groupby(labels, sort=False):
        if len(rows) == 1:
            continue
        differing = [key for key in TELLS_APART if rows[key].nunique(dropna=False) > 1]
        for position in rows.index:
            values = [f'{key} {plain(rows.at[position, key])}' for key in differing]
            labels[position] = ' · '.join([str(name), *values])
    return labels
