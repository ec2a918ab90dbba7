"""Write tables, charts and an HTML page about the runs below a directory, or about published ImageNet results.

  cnn-bench report runs/depth
  cnn-bench report --published

The page works offline. For a sweep it begins with the answer to its question and the tests of its hypotheses. Of a
tuned sweep it tells what was chosen for each network, warns where that is at the edge of what was tried, draws the
expected best of n trials (expected_best.png), and says whether tuning changed the ranking. Runs whose training error
stayed at chance are marked as collapsed: means leave them out, charts show them as arrows with a number. Of a sweep
that has runs of several recipes only the newest complete one is shown; the others are listed by what differs.
"""

import argparse
import sys
from pathlib import Path

from cnn_bench.cli import output
from cnn_bench.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench report`."""
    parser.add_argument('dir', nargs='?', metavar='DIR', help='a sweep, a run, or any directory of runs')
    parser.add_argument(
        '--published',
        action='store_true',
        help='chart published ImageNet errors against costs counted here; needs no runs',
    )
    parser.add_argument(
        '--out', metavar='DIR', help='directory to write (default: DIR/report, or runs/published/report)'
    )


def run(args: argparse.Namespace) -> int:
    """Write the report, and print the verdicts and the path of the page."""
    if args.published == (args.dir is not None):
        raise UserError('report: give a directory of runs, or --published')
    page = _published(args.out) if args.published else _of_runs(Path(args.dir), args.out)
    output.print_line(page)
    return 0


def _published(out: str | None) -> Path:
    from cnn_bench.report import published
    from cnn_bench.report.charts.scatter.spec import published_accuracy_vs_macs
    from cnn_bench.report.write import write_table

    return write_table(
        published.table(),
        out or Path('runs', 'published', 'report'),
        title=published.TITLE,
        answer=published.ANSWER,
        charts=[published_accuracy_vs_macs],
    )


def _of_runs(directory: Path, out: str | None) -> Path:
    from cnn_bench.report import data, tuning_words, verdicts
    from cnn_bench.report.write import write_runs

    found = data.read(directory)
    for name, why in found.left_out:
        output.print_line(f'cnn-bench: left out of the charts: {name} ({why})', sys.stderr)
    for name, why in found.damaged_predictions.items():
        output.print_line(f'cnn-bench: without its predictions: {name} ({why})', sys.stderr)
    page = write_runs(found, out or directory / 'report')
    for line in (*verdicts.lines(found.judgements), *tuning_words.sentences(found)):
        output.print_line(line)
    return page
