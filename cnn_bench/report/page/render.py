"""The page: one HTML file with the answer, charts, tables and where everything comes from. It loads nothing else."""

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from cnn_bench.report import explorer, tables
from cnn_bench.report.charts.saving import FORMATS
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import THEME
from cnn_bench.report.data import ReportData
from cnn_bench.report.page import answer as answers
from cnn_bench.report.page import sections, svg

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
        sentence=answers.sentence(data, answer),
        in_full=bool(answer.strip()) and not answers.is_short(answer),
        parts=sections.parts(data, answer),
        explorer=explorer.html(data),
        remarks=data.remarks,
        first=[figure(*drawn) for drawn in first if not _is_explored(drawn[0])],
        more=[figure(*drawn) for drawn in more if not _is_explored(drawn[0])],
        files=[chart.name for chart, _ in (*first, *more)],
        intervals=summary['top1_ci95_pct'].notna().any(),
        results=tables.of_summary(summary),
        recipes=sections.recipes(data),
        ensembles=sections.ensembles(data) if any(chart.name == 'ensembles' for chart, _ in first) else {},
        left_out=data.left_out,
        provenance=sections.provenance(data.standing),
        runs=sections.runs(data.table, data.names),
    )


def figure(chart: ChartSpec, drawn: str) -> dict[str, object]:
    """A chart as the macro `figure` shows it."""
    return {'spec': chart, 'svg': svg.inline(chart, drawn)}


def _is_explored(chart: ChartSpec) -> bool:
    """Whether the explorer shows what the chart does, so that it is beside the page alone, as a file."""
    return 'accuracy_vs_' in chart.name or chart.name == 'learning_curves'


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
