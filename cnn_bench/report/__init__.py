"""Tables, charts and a page from the tidy table of `runs.schema`, as pure functions of that table.

tables      the table as a summary, CSV and Markdown
figures     what a chart shows, as plain data
charts      such a description drawn (marks, legend and labels beside it)
page        the HTML page
published   the figures that others published for networks of the registry

The notebooks' pictures come from here too, and need no table:

blocks        building blocks drawn from numbers that our layers computed
costs         what networks and layers cost, drawn by cost_charts
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from cnn_bench.errors import UserError
from cnn_bench.report import charts, page, tables
from cnn_bench.report.figures import Chart, accuracy_vs_macs


def write(
    table: pd.DataFrame,
    out: str | os.PathLike,
    *,
    title: str,
    answer: str = '',
    figures: Sequence[Callable[[pd.DataFrame], Chart]] = (accuracy_vs_macs,),
) -> Path:
    """Write the report of `table` into the directory `out` and return the path of its page.

    `results.csv` (a row per run), `results.md`, `<chart>.png` and `<chart>.svg` for each of `figures` (functions
    of the summary), and `index.html` with all of it. `answer` is Markdown. All files are made elsewhere first: what
    fails leaves `out` as it was. Raises UserError where no run is finished or `out` cannot be written.
    """
    out = Path(out)
    summary = tables.summarise(table)
    if summary.empty:
        raise UserError(f'report: none of {len(table)} runs is finished; there is nothing to draw')
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.report-', dir=out.parent) as scratch:
            _write_files(Path(scratch), table, summary, [figure(summary) for figure in figures], title, answer)
            out.mkdir(exist_ok=True)
            for made in sorted(Path(scratch).iterdir()):
                made.replace(out / made.name)
    except OSError as error:
        raise UserError(f'report: cannot write {out}: {error.strerror or error}') from error
    return out / 'index.html'


def _write_files(
    directory: Path, table: pd.DataFrame, summary: pd.DataFrame, described: list[Chart], title: str, answer: str
) -> None:
    drawn = [(chart, charts.save(chart, directory)) for chart in described]
    captions = [chart.caption for chart in described]
    texts = {
        'results.csv': tables.results_csv(table),
        'results.md': tables.results_markdown(table, title, answer, captions),
        'index.html': page.render(table, summary, drawn, title, answer),
    }
    for name, text in texts.items():
        (directory / name).write_text(text, encoding='utf-8')
