"""Tables, charts and a page from the runs below a directory, or from published results."""

import argparse
import json
import sys
from pathlib import Path

from cnn_bench.errors import UserError

DEFAULT_TITLE = 'Error against cost'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench report`."""
    parser.add_argument('dir', nargs='?', metavar='DIR', help='a sweep, a run, or any directory of them')
    parser.add_argument(
        '--published',
        action='store_true',
        help='chart published ImageNet results against our own counts; needs no runs',
    )
    parser.add_argument('--out', help='where to write (default: DIR/report, or runs/published/report)')


def run(args: argparse.Namespace) -> int:
    """Write the report and print the path of its page."""
    if args.published == (args.dir is not None):
        raise UserError('report: give either a directory of runs or --published')
    page = _published(args.out) if args.published else _of_runs(Path(args.dir), args.out)
    print(page)
    return 0


def _published(out: str | None) -> Path:
    from cnn_bench import report
    from cnn_bench.report import figures, published

    return report.write(
        published.table(),
        out or Path('runs', 'published', 'report'),
        title=published.TITLE,
        answer=published.ANSWER,
        figures=[figures.published_accuracy_vs_macs],
    )


def _of_runs(directory: Path, out: str | None) -> Path:
    from cnn_bench import report, runs
    from cnn_bench.report import tables

    if not directory.is_dir():
        raise UserError(f'report: there is no directory {directory}')
    table = runs.load(directory)
    for name, why in tables.left_out(table):
        print(f'cnn-bench: left out of the charts: {name} ({why})', file=sys.stderr)
    sweep = _sweep(directory / 'sweep.json')
    return report.write(
        table,
        out or directory / 'report',
        title=sweep.get('question') or DEFAULT_TITLE,
        answer=sweep.get('answer') or '',
    )


def _sweep(path: Path) -> dict:
    """What a sweep left about itself; empty where no sweep made the directory."""
    try:
        sweep = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f'report: cannot read {path}: {error}') from error
    if not isinstance(sweep, dict):
        raise UserError(f'report: {path} does not hold an object')
    return sweep
