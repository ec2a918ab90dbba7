"""The parts of the page that are text and tables, as HTML; empty where there is nothing to say."""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd
from markdown_it import MarkdownIt

from cnn_bench.report import ensemble_chart, ensemble_words, recipes, tables
from cnn_bench.report import ensembles as of_members
from cnn_bench.report.ablation import Finding, compared
from cnn_bench.report.material import Material
from cnn_bench.runs.schema import COLUMNS
from cnn_bench.runs.study import HELD_EQUAL, Study

_PROVENANCE = ('dataset', 'input_shape', 'epochs', 'batch_size', 'dtype', 'device', 'seed', 'versions', 'commit')
_MOST_VALUES = 8
_OF_RUNS = {
    'run': 'Run',
    'seed': 'Seed',
    'state': 'State',
    'top1_err_pct': 'Top-1 error (%)',
    'device': 'Device',
    'dtype': 'Type',
    'dataset': 'Data',
    'data_fingerprint': 'Fingerprint of the data',
    'commit': 'Commit',
    'versions': 'Versions',
    'recipe': 'Recipe',
}
_OF_ENSEMBLES = (
    *('Members', 'MACs (M)', 'Parameters (M)', 'Top-1 error (%)', 'Top-5 error (%)', 'Best member (%)'),
    *('Gain (95 % interval)', 'p', 'Disagree (%)'),
)
_ENSEMBLES_ARE = (
    'Probabilities of the members averaged; multiply-adds and parameters are sums. Gain: points less top-1 error than '
    'the best member, with the bootstrap interval over the test images and McNemar’s p, each for itself; they say '
    'nothing of other seeds, and do not allow for the choice of members, which was made on the same images. Disagree: '
    'images on which two members’ first predictions differ, mean over the pairs.'
)
_MOST_PAIRS = 100  # rows of a table that is read, not searched; `cnn-bench ensemble --json` has all
_FINGERPRINT = 12  # digits of it that are shown


def markdown(text: str) -> str:
    """Markdown as a block; HTML in it is shown as text and pictures are not loaded."""
    if not text.strip():
        return ''
    parser = MarkdownIt('commonmark', {'html': False}).enable('table').disable('image')
    return f'<div class="answer">\n{parser.render(text)}</div>'


def paragraph(text: str) -> str:
    """A text of our own below a table."""
    return f'<p class="hint">{escape(text)}</p>' if text else ''


def fold(title: str, content: str) -> str:
    """`content` behind a closed fold."""
    return f'<details>\n<summary>{escape(title)}</summary>\n{content}</details>' if content else ''


def asked(study: Study | None) -> str:
    """What is held equal, with how many seeds, against what, and where the question comes from."""
    if study is None:
        return ''
    entries = {
        'held equal': f'{study.held_equal}: {HELD_EQUAL.get(study.held_equal, "")}'.removesuffix(': '),
        'seeds': f'{study.seeds}',
        'compared with': study.baseline,
        'preset': study.preset,
        'set for all': ', '.join(f'{name}={value}' for name, value in study.changes.items()),
        'question from': study.source,
        'experiment': study.experiment,
    }
    return _list({name: value for name, value in entries.items() if value})


def claims(findings: Sequence[Finding]) -> str:
    """The hypotheses with their sources and verdicts."""
    if not findings:
        return ''
    rows = [
        [_cell(found.hypothesis.text, 'claim'), _verdict(found), _cell(found.hypothesis.source, 'prose')]
        for found in findings
    ]
    table = _table(['Claim', 'Verdict of these runs', 'Source'], rows)
    return f'<section id="claims">\n<h2>Claims</h2>\n<div class="wide">\n{table}\n</div>\n</section>'


def _verdict(found: Finding) -> str:
    rest = found.line.removeprefix(found.state)
    return f'<td class="verdict"><b class="{found.state}">{found.state}</b>{escape(rest)}</td>'


def results(summary: pd.DataFrame) -> str:
    """The summary as a table that can be sorted."""
    columns = tables.shown_columns(summary)
    head = ''.join(_header(column) for column in columns)
    rows = []
    for i, row in enumerate(summary.to_dict('records')):
        cells = ''.join(_value(column, row[column.key]) for column in columns)
        rows.append(f'<tr id="row-{i}">{cells}</tr>\n')
    return f'<table class="sortable">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{"".join(rows)}</tbody>\n</table>'


def _header(column: tables.Column) -> str:
    name, _, unit = column.header.partition(' (')
    unit = f'<small>{escape(unit.removesuffix(")"))}</small>' if unit else ''
    return (
        f'<th scope="col" class="{column.kind}"><button type="button"><span>{escape(name)}</span>{unit}</button></th>'
    )


def _value(column: tables.Column, value: object) -> str:
    text = escape(column.text(value))
    if column.key == 'label':
        return f'<th scope="row">{text}</th>'
    if column.kind == 'number':
        return f'<td class="number" data-value="{value if text else ""}">{text}</td>'
    return f'<td class="{column.kind}">{text}</td>'


def configs(configurations: Mapping[str, dict], names: Mapping[str, str]) -> str:
    """The fields in which the variants' recipes differ, a column per variant; `names` of the runs that are shown."""
    table = recipes.differences({names[run]: config for run, config in configurations.items() if run in names})
    if table.empty:
        return ''
    rows = [[_cell(field, 'field'), *(_cell(value) for value in row)] for field, *row in table.itertuples()]
    made = f'<div class="wide">\n{_table(["Field", *map(str, table.columns)], rows)}\n</div>\n'
    return fold('What differs between the recipes', made)


def ensembles(material: Material) -> str:
    """What the networks err together: in sentences, the ensembles of `ensembles.best`, and every pair behind a fold."""
    if material.ensembles.empty:
        return ''
    pairs = of_members.pairs(material.members)
    words = ensemble_words.in_words(material.members, material.ensembles, pairs)
    chosen = [
        [_cell(ensemble_chart.name(row), 'field'), *_ensemble(row), _cell(row['chosen'])]
        for row in material.ensembles.to_dict('records')
    ]
    which = 'Every pair' if len(pairs) <= _MOST_PAIRS else f'The best of {len(pairs):,} pairs'
    two = [[*_ensemble(row), _cell(row['kin'])] for row in pairs.head(_MOST_PAIRS).to_dict('records')]
    best = _table(['Ensemble', *_OF_ENSEMBLES, 'Chosen'], chosen)
    every = _table([*_OF_ENSEMBLES, 'Kin'], two)
    return (
        f'<section id="ensembles">\n<h2>Ensembles</h2>\n<div class="answer"><p>{escape(words)}</p></div>\n'
        f'<div class="wide">\n{best}\n</div>\n{paragraph(_ENSEMBLES_ARE)}\n'
        + fold(f'{which} ({len(two)})', f'<div class="wide">\n{every}\n</div>\n')
        + '</section>'
    )


def _ensemble(row: Mapping) -> list[str]:
    """The cells of _OF_ENSEMBLES."""
    numbers = (
        f'{row["macs"] / 1e6:,.2f}',
        f'{row["params"] / 1e6:,.3f}',
        f'{row["top1_err_pct"]:.2f}',
        f'{row["top5_err_pct"]:.2f}',
        f'{row["best_err_pct"]:.2f}',
        ensemble_chart.gain(row),
        compared(row['p']).removeprefix('= '),
        f'{row["disagreement_pct"]:.1f}',
    )
    return [_cell('; '.join(row['members']), 'claim'), *(_cell(number, 'number') for number in numbers)]


def left_out(table: pd.DataFrame) -> str:
    """The runs that have failed or are not finished, with the reasons."""
    reasons = tables.left_out(table)
    if not reasons:
        return ''
    items = ''.join(f'<li><code>{escape(name)}</code>: {escape(why)}</li>\n' for name, why in reasons)
    return f'<section id="left-out">\n<h2>Left out of the charts</h2>\n<ul>\n{items}</ul>\n</section>'


def provenance(table: pd.DataFrame) -> str:
    """What the runs have in common, as far as the table tells; texts beyond the schema are listed too."""
    numbers = {name for name in table if pd.api.types.is_numeric_dtype(table[name])}
    shown = {column.key for column in tables.SHOWN} | numbers
    extra = [name for name in table.columns if name not in COLUMNS and name not in shown]
    entries = {}
    for name in (*_PROVENANCE, *extra):
        values = list(dict.fromkeys(_text(v) for v in table[name].dropna())) if name in table else []
        if values:
            text = ', '.join(values) if len(values) <= _MOST_VALUES else f'{len(values)} different values'
            entries[str(name).replace('_', ' ')] = text
    if not entries:
        return ''
    return f'<section>\n<h2>Provenance</h2>\n{_list(entries)}\n</section>'


def runs(table: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Where each run was made and of what, a row per run; empty where the rows are no runs of ours."""
    ours = tables.tidy(table)
    ours = ours[ours.run.fillna('').ne('')]
    columns = [name for name in _OF_RUNS if ours[name].notna().any()]
    if ours.empty:
        return ''
    rows = []
    for row in ours.to_dict('records'):
        known = [f'{row["seed"]:.0f}' if name == 'seed' and pd.notna(row[name]) else row[name] for name in columns]
        cells = [_shown(name, value) for name, value in zip(columns, known, strict=True)]
        rows.append([_cell(names.get(row['run'], str(row['label'])), 'field'), *(_cell(text) for text in cells)])
    made = _table(['Network', *(_OF_RUNS[name] for name in columns)], rows)
    return fold(f'All {len(ours)} runs' if len(ours) > 1 else 'The run', f'<div class="wide">\n{made}\n</div>\n')


def _shown(name: str, value: object) -> str:
    if not isinstance(value, str) and pd.isna(value):
        return ''
    return str(value)[:_FINGERPRINT] if name == 'data_fingerprint' else _text(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = ''.join(f'<th scope="col" class="plain">{escape(name)}</th>' for name in head)
    body = ''.join(f'<tr>{"".join(cells)}</tr>\n' for cells in rows)
    return f'<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>'


def _cell(text: str, kind: str = 'text') -> str:
    return f'<td class="{kind}">{escape(text)}</td>'


def _list(entries: Mapping[str, str]) -> str:
    items = ''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n' for name, value in entries.items())
    return f'<dl class="provenance">\n{items}</dl>'


def _text(value: object) -> str:
    return f'{value:g}' if isinstance(value, float) else str(value)
