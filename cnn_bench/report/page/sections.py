"""The parts of the page as plain texts and rows; page.html makes HTML of them."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup

from cnn_bench.report import ensemble_words, tuning_words
from cnn_bench.report import ensembles as members_of
from cnn_bench.report.data import ReportData
from cnn_bench.report.format import p_value, plain
from cnn_bench.report.summary import shown_columns, tidy
from cnn_bench.runs.columns import COLUMNS, Column
from cnn_bench.runs.study import HELD_EQUAL, Study

_PROVENANCE = ('dataset', 'input_shape', 'epochs', 'batch_size', 'dtype', 'device', 'seed', 'versions', 'commit')
_MOST_VALUES = 8
_OF_RUNS = {
    'run': 'Run',
    'seed': 'Seed',
    'state': 'State',
    'top1_err_pct': COLUMNS['top1_err_pct'].header,
    'collapsed': 'Collapsed',
    'device': 'Device',
    'dtype': 'Type',
    'dataset': 'Data',
    'data_fingerprint': 'Fingerprint of the data',
    'commit': 'Commit',
    'versions': 'Versions',
    'recipe': 'Recipe',
}
_OF_ENSEMBLES = (
    *('Members', COLUMNS['macs'].header, COLUMNS['params'].header, COLUMNS['top1_err_pct'].header),
    *(COLUMNS['top5_err_pct'].header, 'Best member (%)', 'Difference (95 % interval)', 'p', 'Disagree (%)'),
)
_MOST_PAIRS = 100  # rows of a table that is read, not searched; `cnn-bench ensemble --json` has all
_FINGERPRINT = 12  # digits that are shown


class Cell(NamedTuple):
    """A cell of a table: its text, its CSS class and the number to sort by."""

    text: str
    kind: str = 'text'
    value: object = ''


class Header(NamedTuple):
    """The header of a column of a table that a reader sorts, and the kind of its cells."""

    name: str
    unit: str = ''
    kind: str = 'text'


def markdown(text: str) -> Markup:
    """Markdown as HTML; HTML in it is shown as text and pictures are not loaded."""
    parser = MarkdownIt('commonmark', {'html': False}).enable('table').disable('image')
    return Markup(parser.render(text)) if text.strip() else Markup('')


def study(asked: Study | None) -> dict[str, str]:
    """What was held equal, the number of seeds, the baseline, and where the question comes from."""
    if asked is None:
        return {}
    entries = {
        'held equal': f'{asked.held_equal}: {HELD_EQUAL.get(asked.held_equal, "")}'.removesuffix(': '),
        'seeds': f'{asked.seeds}',
        'compared with': asked.baseline,
        'preset': asked.preset,
        'set for all': ', '.join(f'{name}={value}' for name, value in asked.changes.items()),
        'question from': asked.source,
        'experiment': asked.experiment,
    }
    return {name: value for name, value in entries.items() if value}


def results(summary: pd.DataFrame) -> dict:
    """The summary, with the numbers that its columns are sorted by."""
    shown = shown_columns(summary)
    rows = [[_result(column, row[column.name]) for column in shown] for row in summary.to_dict('records')]
    return {'columns': [_header(column) for column in shown], 'rows': rows}


def _kind(column: Column) -> str:
    return 'number' if column.numeric else 'prose' if column.kind == 'prose' else 'text'


def _header(column: Column) -> Header:
    name, _, unit = column.header.partition(' (')
    return Header(name, unit.removesuffix(')'), _kind(column))


def _result(column: Column, value: object) -> Cell:
    text = column.text(value)
    return Cell(text, _kind(column), value if text else '')


def recipes(data: ReportData) -> dict:
    """The fields in which the recipes differ, a column per configuration."""
    table = data.differing_fields
    rows = [[Cell(field), *map(Cell, values)] for field, *values in table.itertuples()]
    return {'head': ['Field', *map(str, table.columns)], 'rows': rows}


def ensembles(data: ReportData) -> dict:
    """The ensembles in sentences, the best of them and every pair; empty where there are none."""
    if data.ensembles.empty:
        return {}
    pairs = members_of.pairs(data.members)
    shown = pairs.head(_MOST_PAIRS).to_dict('records')
    which = 'Every pair' if len(pairs) <= _MOST_PAIRS else f'The best of {len(pairs):,} pairs'
    return {
        'words': ensemble_words.in_words(data.members, data.ensembles, pairs),
        'head_of_best': ['Ensemble', *_OF_ENSEMBLES, 'Chosen'],
        'best': [
            [Cell(ensemble_words.name(row)), *_ensemble(row), Cell(row['chosen'])]
            for row in data.ensembles.to_dict('records')
        ],
        'which_pairs': f'{which} ({len(shown)})',
        'head_of_pairs': [*_OF_ENSEMBLES, 'Kin'],
        'pairs': [[*_ensemble(row), Cell(row['kin'])] for row in shown],
    }


def tuning(data: ReportData) -> dict:
    """How the variants were tuned, in sentences, what was chosen, and the ranking; empty where they were not."""
    if data.tuning is None:
        return {}
    made = [(tuning_words.HEAD_OF_CHOSEN, tuning_words.chosen_rows(data.tuning), tuning_words.HINT_OF_CHOSEN)]
    if data.ranking:
        rows = tuning_words.ranking_rows(data.ranking)
        made.append((tuning_words.HEAD_OF_RANKING, rows, tuning_words.HINT_OF_RANKING))
    return {
        'words': tuning_words.sentences(data),
        'tables': [
            {'head': head, 'rows': [[*map(Cell, row)] for row in rows], 'hint': hint}
            for head, rows, hint in made
            if rows
        ],
    }


def _ensemble(row: Mapping) -> list[Cell]:
    """The cells of _OF_ENSEMBLES."""
    costs = [COLUMNS[name].text(row[name]) for name in ('macs', 'params', 'top1_err_pct', 'top5_err_pct')]
    numbers = (
        *costs,
        COLUMNS['top1_err_pct'].text(row['best_err_pct']),
        ensemble_words.difference(row),
        p_value(row['p']),
        f'{row["disagreement_pct"]:.1f}',
    )
    return [Cell('; '.join(row['members']), 'prose'), *(Cell(number, 'number') for number in numbers)]


def provenance(table: pd.DataFrame) -> dict[str, str]:
    """What the runs have in common, as far as the table tells; columns of text that are not in COLUMNS too."""
    extra = [
        name
        for name in table.columns
        if name not in COLUMNS and name != 'notes' and not pd.api.types.is_numeric_dtype(table[name])
    ]
    entries = {}
    for name in (*_PROVENANCE, *extra):
        values = list(dict.fromkeys(plain(v) for v in table[name].dropna())) if name in table else []
        if values:
            text = ', '.join(values) if len(values) <= _MOST_VALUES else f'{len(values)} different values'
            entries[str(name).replace('_', ' ')] = text
    return entries


def runs(table: pd.DataFrame, names: Mapping[str, str]) -> dict:
    """A row per run of ours: how it ended, where it was made and from what."""
    ours = tidy(table)
    ours = ours[ours.run.fillna('').ne('')]
    shown = [name for name in _OF_RUNS if ours[name].notna().any()]
    rows = []
    for row in ours.to_dict('records'):
        label = names.get(row['run'], str(row['label']))
        rows.append([Cell(label), *(Cell(_of_run(name, row[name])) for name in shown)])
    return {'columns': [Header('Network'), *(Header(_OF_RUNS[name]) for name in shown)], 'rows': rows}


def _of_run(name: str, value: object) -> str:
    if not isinstance(value, str) and pd.isna(value):
        return ''
    if name == 'seed':
        return f'{value:.0f}'
    if name == 'collapsed':
        return COLUMNS[name].text(value)
    return str(value)[:_FINGERPRINT] if name == 'data_fingerprint' else plain(value)
