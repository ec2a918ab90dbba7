"""The page: one HTML file with the answer, charts, tables and where everything comes from. It needs no network."""

import json
from html import escape
from importlib import resources
from string import Template

from cnn_bench.report import front, inline, sections
from cnn_bench.report.marks import THEME
from cnn_bench.report.material import Material
from cnn_bench.report.saving import Described

_PAGE = ('#f6f8fa', '#0d1117')  # behind the cards, light and dark
Drawn = tuple[Described, str]  # a chart and its SVG


def render(material: Material, first: list[Drawn], more: list[Drawn], title: str, answer: str = '') -> str:
    """The HTML of the page: `first` are the charts that answer its question, `more` those behind a fold.

    answer: Markdown; HTML in it is shown as text and pictures are not loaded.
    """
    summary = material.summary
    points = [entry for chart, _ in (*first, *more) for entry in inline.points(chart, summary)]
    intervals = summary['top1_ci95_pct'].notna().any()
    return Template(_file('page.html')).substitute(
        title=escape(' '.join(title.split())),
        theme=_theme(),
        css=_file('page.css'),
        js=_file('page.js'),
        answer=sections.markdown(answer),
        asked=sections.asked(material.study),
        claims=sections.claims(material.findings),
        figures=''.join(inline.figure(chart, svg) for chart, svg in first),
        more=sections.fold('More charts', ''.join(inline.figure(chart, svg) for chart, svg in more)),
        over_seeds=', errors with their 95 % t interval over seeds' if intervals else '',
        table=sections.results(summary),
        front=sections.paragraph(front.in_words(summary)) if (summary.source == 'measured').all() else '',
        configs=sections.configs(material.configs, material.names),
        ensembles=sections.ensembles(material) if any(chart.name == 'ensembles' for chart, _ in first) else '',
        left_out=sections.left_out(material.table),
        provenance=sections.provenance(material.table),
        runs=sections.runs(material.table, material.names),
        points=json.dumps(points, ensure_ascii=False).replace('<', '\\u003c').replace('&', '\\u0026'),
    )


def _file(name: str) -> str:
    return (resources.files('cnn_bench.report') / name).read_text(encoding='utf-8')


def _theme() -> str:
    """The roles of `marks.THEME` as CSS variables, for light and dark."""
    light, dark = (
        ' '.join(f'--{role}: {pair[i]};' for role, pair in (THEME | {'page': _PAGE}).items()) for i in (0, 1)
    )
    return f':root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}'
