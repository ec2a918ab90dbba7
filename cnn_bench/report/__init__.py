"""Tables, charts, verdicts and a page from the tidy table of `runs.schema`, as pure functions of what was read.

material    what a report is made of, read from a directory
tables      the table as a summary, CSV and Markdown; latex the same for papers
ablation    what the runs say of claims, and of variants beside a baseline
catalogue   the charts by their names; each is described as plain data:
            figures, learning, density, forest, overlap, ensemble_chart
ensembles   what networks err together, their probabilities averaged; ensemble_words says it in sentences
saving      such a description drawn, as PNG, SVG and PDF
page        the HTML page, of inline charts and sections
plots       the charts for notebooks: DataFrames in, a Figure out
published   the figures that others published for networks of the registry
"""

import itertools
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from cnn_bench.errors import UserError
from cnn_bench.report import catalogue, latex, page, saving, tables
from cnn_bench.report import material as materials
from cnn_bench.report.figures import accuracy_vs_macs
from cnn_bench.report.material import Material
from cnn_bench.report.saving import Described
from cnn_bench.runs import export

DEFAULT_TITLE = 'Error against cost'


def write(
    table: pd.DataFrame,
    out: str | os.PathLike,
    *,
    title: str,
    answer: str = '',
    figures: Sequence[Callable[[pd.DataFrame], Described]] = (accuracy_vs_macs,),
) -> Path:
    """Write the report of `table` alone into the directory `out` and return the path of its page.

    `figures` are functions of the summary that describe its charts; `answer` is Markdown. Files as in `write_runs`.
    """
    material = Material(table)
    _refuse_empty(material)
    return _write(material, [figure(material.summary) for figure in figures], [], Path(out), title, answer)


def write_runs(material: Material, out: str | os.PathLike) -> Path:
    """Write the report of runs, with all that their directory tells, into the directory `out`; return its page.

    `results.csv` and `.parquet` (a row per run), `results.md` and `.tex` (the summary), `<chart>.png`, `.svg` and
    `.pdf` of every chart that the data allow, and `index.html` with all of it; charts of an earlier report are removed.
    All files are made elsewhere first: what fails leaves `out` as it was. Raises UserError where no run is finished or
    `out` cannot be written.
    """
    _refuse_empty(material)
    study = material.study
    title, answer = (study.question or DEFAULT_TITLE, study.answer or '') if study else (DEFAULT_TITLE, '')
    return _write(material, *catalogue.choose(material), Path(out), title, answer)


def verdict_lines(directory: str | os.PathLike) -> list[str]:
    """A line per claim of the sweep in `directory`: what is claimed, and the verdict of its runs."""
    return lines_of(materials.read(directory))


def lines_of(material: Material) -> list[str]:
    """`verdict_lines` of material that has been read."""
    return [f'{found.claim.text} -- {found.line}' for found in material.findings]


def _refuse_empty(material: Material) -> None:
    if material.summary.empty:
        raise UserError(f'report: none of {len(material.table)} runs is finished; there is nothing to draw')


def _write(
    material: Material, first: list[Described], more: list[Described], out: Path, title: str, answer: str
) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.report-', dir=out.parent) as scratch:
            _write_files(Path(scratch), material, first, more, title, answer)
            out.mkdir(exist_ok=True)
            for made in sorted(Path(scratch).iterdir()):
                made.replace(out / made.name)
            _remove_charts(out, {chart.name for chart in (*first, *more)})
    except OSError as error:
        raise UserError(f'report: cannot write {out}: {error.strerror or error}') from error
    return out / 'index.html'


def _remove_charts(out: Path, drawn: set[str]) -> None:
    """Those of an earlier report in `out` that this one has none of."""
    for name, to in itertools.product(catalogue.CHARTS.keys() - drawn, saving.FORMATS):
        (out / f'{name}.{to}').unlink(missing_ok=True)


def _write_files(
    directory: Path, material: Material, first: list[Described], more: list[Described], title: str, answer: str
) -> None:
    drawn = [[(chart, saving.save(chart, directory)) for chart in charts] for charts in (first, more)]
    notes = [chart.caption for chart in first] + lines_of(material)
    texts = {
        'results.csv': tables.results_csv(material.table),
        'results.md': tables.results_markdown(material.table, title, answer, notes),
        'results.tex': latex.table(material.summary),
        'index.html': page.render(material, *drawn, title, answer),
    }
    for name, text in texts.items():
        (directory / name).write_text(text, encoding='utf-8')
    export.write(tables.whole(material.table), directory / 'results.parquet', 'parquet')
