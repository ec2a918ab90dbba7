"""The tidy table, a row per run, as a summary with a row per configuration, as CSV and as Markdown."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.runs.schema import COLUMNS, INTEGERS

# Runs that agree in all of these are one configuration; they may still differ in seed, device and day.
CONFIGURATION = (
    *('label', 'arch', 'family', 'source', 'dataset', 'input_shape'),
    *('width', 'stem', 'epochs', 'batch_size', 'dtype', 'recipe'),
)
# Where two configurations have one label, what they differ in is appended to it, in this order.
TELLS_APART = ('arch', 'dataset', 'width', 'stem', 'epochs', 'batch_size', 'dtype', 'input_shape', 'source', 'recipe')

_MEANS = ('top1_err_pct', 'top5_err_pct', 'test_loss', 'train_err_pct', 'epochs')
_DEVICE_MEANS = ('images_per_s', 'train_s')
_NUMBERS = (*INTEGERS, *_MEANS, *_DEVICE_MEANS, 'width')


@dataclass(frozen=True)
class Column:
    """How one column of the summary is shown: its header with the unit, its values as text, '' where unknown."""

    key: str
    header: str
    show: Callable[[object], str] = str
    kind: Literal['number', 'text', 'prose'] = 'number'

    def text(self, value: object) -> str:
        missing = value is None or (isinstance(value, float) and math.isnan(value))
        return '' if missing else self.show(value)


def _number(digits: int, unit: float = 1) -> Callable[[float], str]:
    return lambda value: f'{value / unit:,.{digits}f}'


SHOWN = (
    Column('label', 'Network', kind='text'),
    Column('family', 'Family', kind='text'),
    Column('year', 'Year', '{:.0f}'.format),
    Column('params', 'Parameters (M)', _number(3, 1e6)),
    Column('macs', 'MACs (M)', _number(2, 1e6)),
    Column('top1_err_pct', 'Top-1 error (%)', _number(2)),
    Column('top1_ci95_pct', '± (95 %)', _number(2)),
    Column('top5_err_pct', 'Top-5 error (%)', _number(2)),
    Column('train_err_pct', 'Training error (%)', _number(2)),
    Column('images_per_s', 'Images/s (training)', _number(0)),
    Column('train_s', 'Seconds (training)', _number(0)),
    Column('seeds', 'Seeds', _number(0)),
    Column('front', 'Front', lambda on: 'yes' if on else '', kind='text'),
    Column('front_probability', 'On the front (probability)', _number(2)),
    Column('source', 'Source', kind='prose'),
    Column('notes', 'Notes', kind='prose'),
)


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with all columns of the schema in its order, any others behind, the cheapest network first."""
    extra = [name for name in table.columns if name not in COLUMNS]
    table = table.reindex(columns=[*COLUMNS, *extra])
    for name in _NUMBERS:
        table[name] = pd.to_numeric(table[name])
    return table.sort_values(['macs', 'label', 'seed', 'run'], kind='stable').reset_index(drop=True)


def left_out(table: pd.DataFrame) -> list[tuple[str, str]]:
    """(run, why) of the runs that the charts leave out, in the order of the table."""
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

    `top1_err_pct` is the mean over `seeds`, `top1_ci95_pct` the half-width of its 95 % interval (nan for one seed);
    runs that repeat a seed count as one. Speed is the mean over the runs, nan where they ran on different devices.
    `front` marks the Pareto front of error against multiply-adds, `front_probability` says how surely a row is on it
    (nan where there is one seed each), `run` lists the run directories. Columns beyond the schema that hold numbers
    are means as well.
    """
    groups = _groups(table)
    columns = list(dict.fromkeys([*tidy(table.head(0)).columns, 'top1_ci95_pct', 'top1_se_pct', 'seeds', 'front']))
    summary = pd.DataFrame([_configuration(group) for group in groups], columns=columns)
    summary = summary.drop(columns=['seed', 'state'])
    summary['front'] = stats.pareto_front(summary.macs, summary.top1_err_pct)
    summary['front_probability'] = front_probability(summary, summary.macs)
    summary['label'] = _distinct_labels(summary)
    return summary.sort_values(['macs', 'label'], kind='stable').reset_index(drop=True)


def names(table: pd.DataFrame) -> dict[str, str]:
    """Run -> the label that the summary gives its configuration, of the runs that are in the summary."""
    groups = _groups(table)
    labels = _distinct_labels(pd.DataFrame([_configuration(group) for group in groups])) if groups else []
    return {run: label for group, label in zip(groups, labels, strict=True) for run in group.run}


def front_probability(summary: pd.DataFrame, cost: pd.Series) -> np.ndarray:
    """`stats.front_probability` of error against `cost`; nan where no row has two seeds.

    A row with one seed is given the standard deviation that the others have on average.
    """
    errors = summary.top1_se_pct
    if not errors.notna().any():
        return np.full(len(summary), np.nan)
    pooled = math.sqrt((errors**2 * summary.seeds).mean())
    return stats.front_probability(cost, summary.top1_err_pct, errors.fillna(pooled))


def results_csv(table: pd.DataFrame) -> str:
    """One row per run, finished or not, with all columns of the schema."""
    return whole(table).to_csv(index=False, lineterminator='\n')


def whole(table: pd.DataFrame) -> pd.DataFrame:
    """`tidy`, with counts as integers also where some are missing."""
    return tidy(table).astype(dict.fromkeys(INTEGERS, 'Int64'))


def shown_columns(summary: pd.DataFrame) -> list[Column]:
    """The columns worth showing: those with a value, and `source` only where something was not measured here."""
    known = {*COLUMNS, *(column.key for column in SHOWN), 'top1_se_pct'}
    extra = [name for name in summary if name not in known and pd.api.types.is_numeric_dtype(summary[name])]
    measured = [Column(name, name.replace('_', ' '), '{:.4g}'.format) for name in extra]
    shown = [c for c in (*SHOWN[:-2], *measured, *SHOWN[-2:]) if c.key in summary and summary[c.key].notna().any()]
    all_ours = (summary['source'] == 'measured').all()
    return [column for column in shown if not (all_ours and column.key == 'source')]


def markdown_table(summary: pd.DataFrame) -> str:
    """The summary as a Markdown table, numbers to the right."""
    columns = shown_columns(summary)
    lines = [[column.header for column in columns], ['---:' if c.kind == 'number' else ':---' for c in columns]]
    for row in summary.to_dict('records'):
        lines.append([_cell(column.text(row[column.key])) for column in columns])
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def results_markdown(table: pd.DataFrame, title: str, answer: str, notes: list[str]) -> str:
    """The title, the answer, the summary, the notes and what was left out, as a Markdown document."""
    out = io.StringIO()
    out.write(f'# {" ".join(title.split())}\n\n')
    if answer:
        out.write(f'{answer.strip()}\n\n')
    out.write(markdown_table(summarise(table)))
    for note in notes:
        out.write(f'\n{note}\n')
    missing = left_out(table)
    if missing:
        out.write('\nLeft out:\n\n')
        out.writelines(f'- {_cell(name)}: {_cell(why)}\n' for name, why in missing)
    return out.getvalue()


def _drawable(error: float, macs: float) -> bool:
    return bool(np.isfinite(error) and np.isfinite(macs) and macs > 0)


def _groups(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The finished runs that can be drawn, by configuration."""
    table = tidy(table)
    usable = [
        state == 'finished' and _drawable(error, macs)
        for state, error, macs in zip(table.state, table.top1_err_pct, table.macs, strict=True)
    ]
    return [group for _, group in table[usable].groupby(list(CONFIGURATION), dropna=False, sort=False)]


def _configuration(group: pd.DataFrame) -> dict:
    by_seed = group.groupby('seed', dropna=False).top1_err_pct.mean()
    mean, half_width = stats.mean_ci(by_seed)
    extra = [n for n in group if n not in COLUMNS and pd.api.types.is_numeric_dtype(group[n])]
    row = group.iloc[0].to_dict() | {name: group[name].mean() for name in (*_MEANS, *extra)}
    row['top1_se_pct'] = by_seed.std(ddof=1) / math.sqrt(len(by_seed))
    one_device = group.device.nunique(dropna=False) == 1
    row |= {name: group[name].mean() if one_device else np.nan for name in _DEVICE_MEANS}
    row |= {'top1_err_pct': mean, 'top1_ci95_pct': half_width, 'seeds': len(by_seed)}
    row['device'] = _joined(group.device)
    row['run'] = _joined(group.run)
    if group.seed.isna().all():
        row['seeds'] = np.nan
    return row


def _joined(values: pd.Series) -> str:
    return ', '.join(str(value) for value in dict.fromkeys(values.dropna()) if value != '')


def _distinct_labels(summary: pd.DataFrame) -> list[str]:
    """The labels, with what tells them apart appended where several rows have the same one."""
    labels = [' '.join(str(label).split()) for label in summary.label]
    for name, rows in summary.groupby(labels, sort=False):
        if len(rows) == 1:
            continue
        differing = [key for key in TELLS_APART if rows[key].nunique(dropna=False) > 1]
        for position in rows.index:
            values = [f'{key} {_plain(rows.at[position, key])}' for key in differing]
            labels[position] = ' · '.join([str(name), *values])
    return labels


def _plain(value: object) -> str:
    return f'{value:g}' if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    return ' '.join(text.split()).replace('\\', '\\\\').replace('|', '\\|').replace('<', '&lt;')
