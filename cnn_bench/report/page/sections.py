"""The parts of the page as plain texts and rows; page.html makes HTML of them."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup

from cnn_bench.analysis import ensembles as members_of
from cnn_bench.analysis.summary import tidy
from cnn_bench.format import plain, text
from cnn_bench.report import ensemble_words, tables, tuning_words
from cnn_bench.report.data import ReportData
from cnn_bench.report.tables import Table
from cnn_bench.runs.columns import COLUMNS, Column
from cnn_bench.runs.study import HELD_EQUAL, Study

_PROVENANCE = ('dataset', 'input_shape', 'epochs', 'batch_size', 'dtype', 'device', 'seed', 'versions', 'commit')
_MOST_VALUES = 8
_OF_RUNS = {
    'label': 'Network',
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
_OF_ENSEMBLES = {'name': 'Ensemble', 'chosen': 'Chosen', 'kin': 'Kin'}
_MOST_PAIRS = 100  # rows of a table that is read, not searched; `cnn-bench ensemble --json` has all
_FINGERPRINT = 12  # digits that are shown


def markdown(text: str) -> Markup:
    """Markdown as HTML; HTML in it is shown as text and pictures are not loaded."""
    parser = MarkdownIt('commonmark', {'html': False}).enable('table').disable('image')
    return Markup(parser.render(text)) if text.strip() else Markup('')


def parts(data: ReportData, answer: str) -> list[dict]:
    """What stands for each directory by itself: question, answer, study, verdicts and tuning."""
    several = len(data.studies) > 1
    return [
        {
            'title': f'{part.prefix}{part.title}' if several and part.study else '',
            'answer': markdown(part.answer if part.study else '' if data.parts else answer),
            'study': study(part.study),
            'judgements': part.judgements,
            'tuning': tuning_words.sentences(part),
            'tables': tuning_words.tables(part),
            'name': part.name,
        }
        for part in data.sweeps
    ]


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


def recipes(data: ReportData) -> Table:
    """The fields in which the recipes differ, a column per configuration."""
    table = data.differing_fields
    return tables.of_texts(['Field', *map(str, table.columns)], table.itertuples())


def ensembles(data: ReportData) -> dict:
    """The ensembles in sentences, the best of them and every pair; empty where there are none."""
    if data.ensembles.empty:
        return {}
    pairs = members_of.pairs(data.members)
    which = 'Every pair' if len(pairs) <= _MOST_PAIRS else f'The best of {len(pairs):,} pairs'
    best, shown = (
        [{**row, 'name': ensemble_words.name(row) if 'chosen' in row else '', 'members': '; '.join(row['members'])}
         for row in found.to_dict('records')]
        for found in (data.ensembles, pairs.head(_MOST_PAIRS))
    )  # fmt: skip
    first, chosen, kin = (Column(name, '', header=header) for name, header in _OF_ENSEMBLES.items())
    return {
        'words': ensemble_words.in_words(data.members, data.ensembles, pairs),
        'best': tables.of_columns([first, *ensemble_words.SHOWN, chosen], best),
        'which_pairs': f'{which} ({len(shown)})',
        'pairs': tables.of_columns([*ensemble_words.SHOWN, kin], shown),
    }


def provenance(table: pd.DataFrame) -> dict[str, str]:
    """What the runs have in common, as far as the table tells; columns of text that are not in COLUMNS too."""
    extra = [
        name
        for name in table.columns
        if name not in COLUMNS and name != 'notes' and not pd.api.types.is_numeric_dtype(table[name])
    ]
    entries = {}
    for name in (*_PROVENANCE, *extra):
        write = COLUMNS[name].text if name == 'epochs' else plain
        values = list(dict.fromkeys(write(v) for v in table[name].dropna())) if name in table else []
        if values:
            text = ', '.join(values) if len(values) <= _MOST_VALUES else f'{len(values)} different values'
            entries[str(name).replace('_', ' ')] = text
    return entries


def runs(table: pd.DataFrame, names: Mapping[str, str]) -> Table:
    """A row per run of ours: how it ended, where it was made and from what."""
    ours = tidy(table)
    ours = ours[ours.run.fillna('').ne('')]
    labels = [names.get(run, str(label)) for run, label in zip(ours.run, ours.label, strict=True)]
    fingerprints = [text(fingerprint)[:_FINGERPRINT] for fingerprint in ours.data_fingerprint]
    ours = ours.assign(label=labels, data_fingerprint=fingerprints)
    shown = [replace(COLUMNS[name], header=header) for name, header in _OF_RUNS.items()]
    return tables.of_columns(shown, ours.to_dict('records'))
