"""Writes a report: tables, charts and the page into one directory, all or nothing."""

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cnn_bench.files import cannot_write, scratch_directory
from cnn_bench.format import printable
from cnn_bench.report import tables, tuning_words
from cnn_bench.report.charts import catalogue, saving
from cnn_bench.report.charts.scatter.spec import accuracy_vs_macs
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import PAGE, Style, without_letters
from cnn_bench.report.data import NothingYet, ReportData
from cnn_bench.report.page import render
from cnn_bench.runs import export


def write_table(
    table: pd.DataFrame,
    out: str | os.PathLike,
    *,
    title: str,
    answer: str = '',
    charts: Sequence[Callable[[pd.DataFrame], ChartSpec | None]] = (accuracy_vs_macs,),
    style: Style = PAGE,
) -> Path:
    """Write the report of a tidy table alone into the directory `out` and return the path of its page.

    `charts` make its charts from the summary, or None where it lacks their data; `answer` is Markdown. Files
    as in `write_runs`.
    """
    data = ReportData(table)
    _refuse_empty(data)
    made = [made for chart in charts if (made := chart(data.summary)) is not None]
    return _write(data, made, [], Path(out), title, answer, style)


def write_runs(data: ReportData, out: str | os.PathLike, style: Style = PAGE) -> Path:
    """Write the report of a directory of runs into the directory `out` and return the path of its page.

    `results.csv` and `.parquet` (a row per run), `results.md` and `.tex` (the summary), `<chart>.png`, `.svg` and
    `.pdf` of every chart that the data allow, and `index.html` with all of it; charts of an earlier report are removed.
    All files are made elsewhere first, so that a failure leaves `out` as it was. Raises UserError where no run is
    finished or `out` cannot be written.
    """
    _refuse_empty(data)
    return _write(data, *catalogue.choose(data), Path(out), data.title, data.answer, style)


def _refuse_empty(data: ReportData) -> None:
    if data.summary.empty:
        raise NothingYet(f'report: none of {len(data.table)} runs is finished; there is nothing to draw')


def write_whole(out: Path, fill: Callable[[Path], object], remove: Callable[[], object] = lambda: None) -> None:
    """Let `fill` make files in an empty directory, then move them into `out`, and call `remove`.

    A failure of `fill` leaves `out` as it was. Raises UserError where `out` cannot be written.
    """
    try:
        with scratch_directory(out.absolute()) as scratch:
            fill(scratch)
            out.mkdir(exist_ok=True)
            for made in sorted(scratch.iterdir()):
                made.replace(out / made.name)
            remove()
    except OSError as error:
        raise cannot_write(out, error) from error


def _write(
    data: ReportData, first: list[ChartSpec], more: list[ChartSpec], out: Path, title: str, answer: str, style: Style
) -> Path:
    if missing := without_letters(data.summary.label):
        note = f'No font on this machine has all letters of: {", ".join(missing)}.'
        first, more = ([replace(one, caption=f'{one.caption} {note}') for one in charts] for charts in (first, more))
    write_whole(
        out,
        lambda scratch: _write_files(scratch, data, first, more, title, answer, style),
        lambda: _remove_charts(out, {chart.name for chart in (*first, *more)}),
    )
    return out / 'index.html'


def _remove_charts(out: Path, drawn: set[str]) -> None:
    """Remove the charts of an earlier report that this one lacks."""
    for name, to in itertools.product(catalogue.charts().keys() - drawn, saving.FORMATS):
        (out / f'{name}.{to}').unlink(missing_ok=True)


def _write_files(
    directory: Path,
    data: ReportData,
    first: list[ChartSpec],
    more: list[ChartSpec],
    title: str,
    answer: str,
    style: Style,
) -> None:
    saved = saving.save_all([*first, *more], directory, style)
    drawn = saved[: len(first)], saved[len(first) :]
    notes = [*data.remarks, *(chart.caption for chart in first), *data.verdict_lines]
    tuned = ''.join(tuning_words.markdown(part) for part in data.sweeps)
    texts = {
        'results.csv': tables.csv(data.table),
        'results.md': tables.markdown(data.summary, data.left_out, title, answer, notes, tuned),
        'results.tex': tables.latex_table(tables.of_summary(data.summary)),
        'index.html': render.render(data, *drawn, title, answer),
    }
    for name, text in texts.items():
        (directory / name).write_text(printable(text), encoding='utf-8')
    export.write(tables.whole(data.table), directory / 'results.parquet', 'parquet')
