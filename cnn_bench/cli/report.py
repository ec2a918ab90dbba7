"""Write tables, charts and an HTML page about runs below directories, published results, or what was measured.

  cnn-bench report runs/depth
  cnn-bench report runs/depth runs/width
  cnn-bench report --watch runs/depth
  cnn-bench report runs/depth --measured measured/laptop
  cnn-bench report --published
  cnn-bench report --published runs/imagenet
  cnn-bench report --figures canziani measured/laptop

The page works offline. For a sweep it begins with the answer to its question and the tests of its hypotheses. Of a
tuned sweep it tells what was chosen for each network, warns where that is at the edge of what was tried, draws the
expected best of n trials (expected_best.png), and says whether tuning changed the ranking. Runs whose training error
stayed at chance are marked as collapsed: means leave them out, charts show them as arrows with a number. Of a sweep
that has runs of several recipes only the newest complete one is shown; the others are listed by what differs.

Several directories go onto one page, with the questions and verdicts of each one under the other. Where they have a
network of one name with different recipes, code or data, the name of the directory follows it in brackets.
--published with directories draws both on one chart. With --watch the report is written again when the runs change,
until Ctrl-C; runs in training are drawn with their curves so far.

--measured adds charts of error against the latency, images per second, memory and, where there was a sensor, energy
that `cnn-bench measure` found.
--style paper draws charts one or two columns wide and without titles, --style slides at half the size of a slide
(at its whole size, so with smaller text, where there are many networks).
--figures canziani draws the ten figures of Canziani, Paszke and Culurciello 2017 (arXiv 1605.07678) from such a
directory, and judges the paper's findings by its rows.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.cli import output
from cnn_bench.cli.arguments import number_from, whole
from cnn_bench.errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from cnn_bench.report.charts.style import Style
    from cnn_bench.report.data import ReportData

FIGURES = ('canziani',)
EVERY_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench report`."""
    parser.add_argument(
        'dirs', nargs='*', metavar='DIR', help='a sweep, a run, or any directory of runs; with --figures, measured rows'
    )
    parser.add_argument(
        '--published',
        action='store_true',
        help='chart published ImageNet errors against costs counted here; needs no runs, or joins those of DIR',
    )
    parser.add_argument(
        '--watch', action='store_true', help='write the report again when the runs change, until Ctrl-C'
    )
    add_every(parser, 'with --watch: ')
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
        '--out',
        metavar='DIR',
        help='directory to write (default: DIR/report; of several DIR, report in the directory that all lie in; '
        'runs/published/report)',
    )


def add_every(parser: argparse.ArgumentParser, when: str = '') -> None:
    """--every-s."""
    parser.add_argument(
        '--every-s',
        type=number_from(0),
        metavar='SECONDS',
        help=f'{when}least time from one report to the next (default: {EVERY_S:g})',
    )


def run(args: argparse.Namespace) -> int:
    """Write the report, and print the verdicts and the path of the page."""
    _check(args)
    if args.figures is not None:
        page = _figures(args)
    elif args.watch:
        _watch(args)
        return 0
    else:
        page = _of_runs(args) if args.dirs else _published(args)
    output.print_line(page)
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.figures is not None and args.figures not in FIGURES:
        raise unknown('figures', args.figures, FIGURES)
    if args.figures is not None and len(args.dirs) != 1:
        raise UserError(f'report: --figures {args.figures} needs the one directory that `cnn-bench measure` wrote')
    if args.figures is not None and (args.published or args.measured is not None):
        raise UserError('report: --figures goes with neither --published nor --measured')
    if not (args.published or args.dirs):
        raise UserError('report: give a directory of runs, or --published')
    if args.watch and (args.figures is not None or not args.dirs):
        raise UserError('report: --watch goes with a directory of runs')
    if args.every_s is not None and not args.watch:
        raise UserError('report: --every-s goes with --watch')
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
    from cnn_bench.analysis.canziani import claims, data
    from cnn_bench.report.canziani import write

    (directory,) = args.dirs
    read = data.read(directory, data.PUBLISHED if args.accuracy is None else args.accuracy, args.device)
    judged = claims.judge(read)
    page = write.write(read, judged, Path(args.out or Path(directory, 'report')), _style(args))
    for claim in judged:
        output.print_line(claim.line)
    return page


def _published(args: argparse.Namespace) -> Path:
    from cnn_bench.analysis import published
    from cnn_bench.report import recipe_words
    from cnn_bench.report.charts.catalogue import against_measured
    from cnn_bench.report.charts.scatter.spec import published_accuracy_vs_macs
    from cnn_bench.report.write import write_table

    table = published.table()
    return write_table(
        _with_measured(table, args),
        args.out or Path('runs', 'published', 'report'),
        title=published.TITLE,
        answer='\n'.join([recipe_words.answer(table), published.ANSWER]),
        charts=[published_accuracy_vs_macs, recipe_words.chart, *(against_measured() if args.measured else ())],
        style=_style(args),
    )


def _read(args: argparse.Namespace) -> 'ReportData':
    import dataclasses

    from cnn_bench.report import together

    found = together.read(args.dirs, args.published)
    return dataclasses.replace(found, table=_with_measured(found.table, args))


def _of_runs(args: argparse.Namespace) -> Path:
    from cnn_bench.report import together, tuning_words
    from cnn_bench.report.write import write_runs

    found = _read(args)
    for remark in found.remarks:
        output.print_line(f'cnn-bench: {remark}', sys.stderr)
    for name, why in found.left_out:
        output.print_line(f'cnn-bench: left out of the charts: {name} ({why})', sys.stderr)
    for name, why in found.damaged_predictions.items():
        output.print_line(f'cnn-bench: without its predictions: {name} ({why})', sys.stderr)
    page = write_runs(found, args.out or together.place(args.dirs), _style(args))
    tuned = [f'{part.prefix}{sentence}' for part in found.sweeps for sentence in tuning_words.sentences(part)]
    for line in (*found.verdict_lines, *tuned):
        output.print_line(line)
    return page


def _watch(args: argparse.Namespace) -> None:
    from cnn_bench.report import together, watch

    out = Path(args.out or together.place(args.dirs))
    every_s = EVERY_S if args.every_s is None else args.every_s
    followed = [*args.dirs, *([args.measured] if args.measured else [])]
    watch.follow(followed, lambda: output.print_line(watch.write_now(_read(args), out)), waiting, every_s)


def waiting(why: str) -> None:
    """Say why there is no new report."""
    output.print_line(f'cnn-bench: waiting: {why}', sys.stderr)


def _with_measured(table: 'pd.DataFrame', args: argparse.Namespace) -> 'pd.DataFrame':
    """The table, with the columns of --measured where it is given."""
    if args.measured is None:
        return table
    from cnn_bench.analysis import measured

    directory = Path(args.measured)
    joined = measured.join(table, measured.choose(measured.read(directory), directory, args.device), args.batch)
    if without := measured.not_joined(joined):
        output.print_line(f'cnn-bench: not measured in {directory}: {", ".join(without)}', sys.stderr)
    return joined
