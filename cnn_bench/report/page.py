"""The page: one HTML file with the charts, a sortable table and the provenance, which needs no network."""

import json
import re
from html import escape
from importlib import resources
from string import Template

import pandas as pd
from markdown_it import MarkdownIt

from cnn_bench.report import tables
from cnn_bench.report.figures import Chart
from cnn_bench.report.marks import THEME
from cnn_bench.runs.schema import COLUMNS

_PAGE = ('#f6f8fa', '#0d1117')  # behind the cards, light and dark
_PROVENANCE = ('dataset', 'input_shape', 'epochs', 'batch_size', 'dtype', 'device', 'seed', 'versions', 'commit')
_MOST_VALUES = 8


def render(
    table: pd.DataFrame, summary: pd.DataFrame, charts: list[tuple[Chart, str]], title: str, answer: str = ''
) -> str:
    """The HTML of the page.

    table: a row per run. summary: `tables.summarise(table)`, in whose order the points of the charts are. charts:
    each with its SVG. answer: Markdown; HTML in it is shown as text and pictures are not loaded.
    """
    points = [entry for chart, _ in charts for entry in _points(chart)]
    intervals = summary['top1_ci95_pct'].notna().any()
    return Template(_file('page.html')).substitute(
        title=escape(' '.join(title.split())),
        theme=_theme(),
        css=_file('page.css'),
        js=_file('page.js'),
        answer=_markdown(answer),
        figures=''.join(_figure(chart, svg) for chart, svg in charts),
        over_seeds=', errors with their 95 % t interval over seeds' if intervals else '',
        table=_table(summary),
        left_out=_left_out(tables.left_out(table)),
        provenance=_provenance(table),
        points=json.dumps(points, ensure_ascii=False).replace('<', '\\u003c').replace('&', '\\u0026'),
    )


def _file(name: str) -> str:
    return (resources.files('cnn_bench.report') / name).read_text(encoding='utf-8')


def _markdown(text: str) -> str:
    if not text.strip():
        return ''
    parser = MarkdownIt('commonmark', {'html': False}).enable('table').disable('image')
    return f'<div class="answer">\n{parser.render(text)}</div>'


def _theme() -> str:
    """The roles of `marks.THEME` as CSS variables, for light and dark."""
    light, dark = (
        ' '.join(f'--{role}: {pair[i]};' for role, pair in (THEME | {'page': _PAGE}).items()) for i in (0, 1)
    )
    return f':root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}'


def _figure(chart: Chart, svg: str) -> str:
    return (
        f'<figure>\n<div class="wide chart">\n{_inline(chart, svg)}</div>\n'
        f'<figcaption>{escape(chart.caption)} '
        f'<a href="{chart.name}.png">PNG</a> <a href="{chart.name}.svg">SVG</a></figcaption>\n</figure>\n'
    )


def _inline(chart: Chart, svg: str) -> str:
    """The SVG as part of the page: ids of its own, colours as CSS variables, sized by the page, no metadata."""
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>\s*|<!--.*?-->\s*', '', svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{chart.name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf'\1{chart.name}-', svg)
    svg = re.sub(r'#[0-9a-f]{6}\b', lambda match: _VARIABLES.get(match[0], match[0]), svg)
    box = re.search(r'viewBox="[^"]*"', svg)[0]
    label = escape(f'{chart.title}: {chart.y_label} against {chart.x_label}')
    head = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {box} role="group" aria-label="{label}">'
    return re.sub(r'<svg[^>]*>', head, svg, count=1)


_VARIABLES = {light: f'var(--{role})' for role, (light, _) in THEME.items()}


def _points(chart: Chart) -> list[dict]:
    return [
        {
            'mark': f'{chart.name}-point-{i}',
            'text': f'{chart.name}-label-{i}',
            'row': f'row-{i}',
            'label': point.label,
            'details': point.details,
        }
        for i, point in enumerate(chart.points)
    ]


def _table(summary: pd.DataFrame) -> str:
    columns = tables.shown_columns(summary)
    head = ''.join(_header(column) for column in columns)
    rows = []
    for i, row in enumerate(summary.to_dict('records')):
        cells = ''.join(_cell(column, row[column.key]) for column in columns)
        rows.append(f'<tr id="row-{i}">{cells}</tr>\n')
    return f'<table class="sortable">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{"".join(rows)}</tbody>\n</table>'


def _header(column: tables.Column) -> str:
    name, _, unit = column.header.partition(' (')
    unit = f'<small>{escape(unit.removesuffix(")"))}</small>' if unit else ''
    return (
        f'<th scope="col" class="{column.kind}"><button type="button"><span>{escape(name)}</span>{unit}</button></th>'
    )


def _cell(column: tables.Column, value: object) -> str:
    text = escape(column.text(value))
    if column.key == 'label':
        return f'<th scope="row">{text}</th>'
    if column.kind == 'number':
        return f'<td class="number" data-value="{value if text else ""}">{text}</td>'
    return f'<td class="{column.kind}">{text}</td>'


def _left_out(runs: list[tuple[str, str]]) -> str:
    if not runs:
        return ''
    items = ''.join(f'<li><code>{escape(name)}</code>: {escape(why)}</li>\n' for name, why in runs)
    return f'<section id="left-out">\n<h2>Left out of the charts</h2>\n<ul>\n{items}</ul>\n</section>'


def _provenance(table: pd.DataFrame) -> str:
    """What the runs have in common, as far as the table tells; columns beyond the schema are listed too."""
    shown = {column.key for column in tables.SHOWN}
    extra = [name for name in table.columns if name not in COLUMNS and name not in shown]
    entries = []
    for name in (*_PROVENANCE, *extra):
        values = list(dict.fromkeys(_text(v) for v in table[name].dropna())) if name in table else []
        if values:
            text = ', '.join(values) if len(values) <= _MOST_VALUES else f'{len(values)} different values'
            entries.append(f'<dt>{escape(str(name).replace("_", " "))}</dt><dd>{escape(text)}</dd>\n')
    if not entries:
        return ''
    return f'<section>\n<h2>Provenance</h2>\n<dl class="provenance">\n{"".join(entries)}</dl>\n</section>'


def _text(value: object) -> str:
    return f'{value:g}' if isinstance(value, float) else str(value)
