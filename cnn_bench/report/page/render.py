"""The page: one HTML file with the answer, charts, tables and where everything comes from. It loads nothing else."""

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from cnn_bench.report.charts.saving import FORMATS
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import THEME
from cnn_bench.report.data import ReportData
from cnn_bench.report.page import sections, svg
from cnn_bench.report.summary import front_in_words

_THEME = {**THEME, 'page': ('#f6f8fa', '#0d1117')}  # with the colour behind the cards, light and dark
Drawn = tuple[ChartSpec, str]  # a chart and its SVG


def render(data: ReportData, first: list[Drawn], more: list[Drawn], title: str, answer: str = '') -> str:
    """The HTML of the page: `first` are the charts that answer its question, `more` those behind a fold.

    answer: Markdown; HTML in it is shown as text and pictures are not loaded.
    """
    summary = data.summary
    return fill(
        'page.html',
        title=title,
        parts=sections.parts(data, answer),
        remarks=data.remarks,
        first=[{'spec': chart, 'svg': svg.inline(chart, drawn)} for chart, drawn in first],
        more=[{'spec': chart, 'svg': svg.inline(chart, drawn)} for chart, drawn in more],
        intervals=summary['top1_ci95_pct'].notna().any(),
        results=sections.results(summary),
        front=front_in_words(summary) if (summary.source == 'measured').all() else '',
        recipes=sections.recipes(data),
        ensembles=sections.ensembles(data) if any(chart.name == 'ensembles' for chart, _ in first) else {},
        left_out=data.left_out,
        provenance=sections.provenance(data.standing),
        runs=sections.runs(data.table, data.names),
        points=[point for chart, _ in (*first, *more) for point in svg.points(chart, summary)],
    )


def fill(template: str, title: str, **content: object) -> str:
    """The HTML of a template in this directory, with style, script and what its macros need."""
    of_pages = {'autoescape': True, 'trim_blocks': True, 'lstrip_blocks': True, 'undefined': StrictUndefined}
    return (
        Environment(loader=FunctionLoader(_file), **of_pages)
        .get_template(template)
        .render(
            title=' '.join(title.split()),
            theme=_THEME,
            css=Markup(_file('page.css')),
            js=Markup(_file('page.js')),
            formats=FORMATS,
            **content,
        )
    )


def _file(name: str) -> str:
    return (resources.files('cnn_bench.report.page') / name).read_text(encoding='utf-8')
