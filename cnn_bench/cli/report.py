"""Write tables, charts and an HTML page about the runs below a directory, published results, or what was measured.

  cnn-bench report runs/depth
  cnn-bench report runs/depth --measured measured/laptop
  cnn-bench report --published
  cnn-bench report --figures canziani measured/laptop

The page works offline. For a sweep it begins with the answer to its question and the tests of its hypotheses. Of a
tuned sweep it tells what was chosen for each network, warns where that is at the edge of what was tried, draws the
expected best of n trials (expected_best.png), and says whether tuning changed the ranking. Runs whose training error
stayed at chance are marked as collapsed: means leave them out, charts show them as arrows with a number. Of a sweep
that has runs of several recipes only the newest complete one is shown; the others are listed by what differs.

--measured adds charts of error against the latency, images per second and memory that `cnn-bench measure` found.
--style paper draws charts one or two columns wide and without titles, --style slides at half the size of a slide.
--figures canziani draws the ten figures of Canziani, Paszke and Culurciello 2017 (arXiv 1605.07678) from such a
directory, and judges the paper's findings by its rows.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.cli import output
from cnn_bench.cli.arguments import whole
from cnn_bench.errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from cnn_bench.report.charts.style import Style

FIGURES = ('canziani',)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench report`."""
    parser.add_argument(
        'dir', nargs='?', metavar='DIR', help='a sweep, a run, or any directory of runs; with --figures, measured rows'
    )
    parser.add_argument(
        '--published',
        action='store_true',
        help='chart published ImageNet errors against costs counted here; needs no runs',
    )
    parser.add_argument(
        '--figures', metavar='NAME', help=f'draw the figures of a paper from measured rows: {", ".join(FIGURES)}'
    )
    parser.add_argument(
        '--accuracy',
        metavar='SOURCE',
        help='with --figures: `published` (default), or a directory of runs whose top-1 accuracy is drawn',
    )
    parser.add_argument(
        '--measured',
        metavar='DIR',
        help='a directory that `cnn-bench measure` wrote: error against measured speed, too',
    )
    parser.add_argument(
        '--batch', type=whole(1), metavar='B', help='with --measured: the batch (default: the smallest measured)'
    )
    parser.add_argument('--device', metavar='NAME', help='of measured rows of several devices, those of this one')
    parser.add_argument('--style', metavar='NAME', help='charts for a `paper` or for `slides`')
    parser.add_argument('--columns', type=whole(1, 2), metavar='N', help='with --style paper: 1 (3.3 in) or 2 (6.9 in)')
    parser.add_argument(
        '--out', metavar='DIR', help='directory to write (default: DIR/report, or runs/published/report)'
    )


def run(args: argparse.Namespace) -> int:
    """Write the report, and print the verdicts and the path of the page."""
    _check(args)
    if args.figures is not None:
        page = _figures(args)
    else:
        page = _published(args) if args.published else _of_runs(Path(args.dir), args)
    output.print_line(page)
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.figures is not None and args.figures not in FIGURES:
        raise unknown('figures', args.figures, FIGURES)
    if args.figures is not None and args.dir is None:
        raise UserError(f'report: --figures {args.figures} needs the directory that `cnn-bench measure` wrote')
    if args.figures is not None and (args.published or args.measured is not None):
        raise UserError('report: --figures goes with neither --published nor --measured')
    if args.published == (args.dir is not None):
        raise UserError('report: give a directory of runs, or --published')
    if args.accuracy is not None and args.figures is None:
        raise UserError('report: --accuracy goes with --figures')
    if args.batch is not None and args.measured is None:
        raise UserError('report: --batch goes with --measured')
    if args.device is not None and args.measured is None and args.figures is None:
        raise UserError('report: --device goes with --measured or --figures')


def _style(args: argparse.Namespace) -> 'Style':
    from cnn_bench.report.charts.style import named

    return named(args.style, args.columns)


def _figures(args: argparse.Namespace) -> Path:
    from cnn_bench.report.canziani import claims, data, write

    read = data.read(args.dir, data.PUBLISHED if args.accuracy is None else args.accuracy, args.device)
    judged = claims.judge(read)
    page = write.write(read, judged, Path(args.out or Path(args.dir, 'report')), _style(args))
    for claim in judged:
        output.print_line(claim.line)
    return page


def _published(args: argparse.Namespace) -> Path:
    from cnn_bench.report import published
    from cnn_bench.report.charts.scatter.spec import published_accuracy_vs_macs
    from cnn_bench.report.measured import charts
    from cnn_bench.report.write import write_table

    return write_table(
        _with_measured(published.table(), args),
        args.out or Path('runs', 'published', 'report'),
        title=published.TITLE,
        answer=published.ANSWER,
        charts=[published_accuracy_vs_macs, *(charts() if args.measured else ())],
        style=_style(args),
    )


def _of_runs(directory: Path, args: argparse.Namespace) -> Path:
    import dataclasses

    from cnn_bench.report import data, tuning_words, verdicts
    from cnn_bench.report.write import write_runs

    found = data.read(directory)
    found = dataclasses.replace(found, table=_with_measured(found.table, args))
    for name, why in found.left_out:
        output.print_line(f'cnn-bench: left out of the charts: {name} ({why})', sys.stderr)
    for name, why in found.damaged_predictions.items():
        output.print_line(f'cnn-bench: without its predictions: {name} ({why})', sys.stderr)
    page = write_runs(found, args.out or directory / 'report', _style(args))
    for line in (*verdicts.lines(found.judgements), *tuning_words.sentences(found)):
        output.print_line(line)
    return page


def _with_measured(table: 'pd.DataFrame', args: argparse.Namespace) -> 'pd.DataFrame':
    """The table, with the columns of --measured where it is given."""
    if args.measured is None:
        return table
    from cnn_bench.report import measured

    directory = Path(args.measured)
    joined = measured.join(table, measured.choose(measured.read(directory), directory, args.device), args.batch)
    if without := measured.not_joined(joined):
        output.print_line(f'cnn-bench: not measured in {directory}: {", ".join(without)}', sys.stderr)
    return joined
