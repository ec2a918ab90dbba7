"""List the runs below a directory, or export them.

  cnn-bench runs runs/                                                 state, error and progress of each run
  cnn-bench runs runs/ --sort error --json                             the best first, as JSON
  cnn-bench runs export runs/ --to parquet                             a row per run, to runs/runs.parquet
  cnn-bench runs export runs/ --to csv --metrics --out curves.csv      a row per logged step or evaluation
  cnn-bench runs export runs/demo --to logs --out results/demo/logs    a copy of the runs without their weights

Best and last are top-1 errors on the test set; step is the last that was logged or saved. A run is running while a
process trains it, stopped where none does (the command that trained it goes on from its last checkpoint), and
unfinished where that cannot be told: it trains on the disk of another node, or is a copy. Runs with damaged files are
listed too, with the reason on stderr. To list a directory named export, write ./export.
"""

import argparse
import dataclasses
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.cli import output
from cnn_bench.cli.output import Column, count
from cnn_bench.errors import UserError, unknown

if TYPE_CHECKING:
    from cnn_bench.runs.listing import Listed

TAKES_OVERRIDES = True  # argparse leaves over the words after a flag: `runs export --to csv DIR`
PERCENT = '{:.2f}'.format
USAGE = """cnn-bench runs DIR [--sort KEY] [--json | --columns NAMES | --wide]
       cnn-bench runs export DIR --to FORMAT [--metrics] [--predictions]
                             [--out PATH]"""
COLUMNS = (
    Column('run', least=32),
    Column('label', 'network', rank=4),
    Column('state'),
    Column('best_val_top1_err_pct', 'best val (%)', PERCENT, True),
    Column('last_val_top1_err_pct', 'last val (%)', PERCENT, True, rank=8),
    Column('top1_err_pct', 'test (%)', PERCENT, True),
    count('step', rank=1),
    count('total_steps', 'of steps', rank=2),
    Column('seed', number=True, rank=3),
    Column('started', 'started (UTC)', lambda time: time[:16].replace('T', ' '), rank=5),
    Column('device', rank=6),
    Column('problem', rank=7),
)
LIST_FLAGS, EXPORT_FLAGS = ('sort', 'json', 'columns', 'wide'), ('to', 'metrics', 'predictions', 'out')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench runs` and `cnn-bench runs export`."""
    parser.usage = USAGE
    parser.add_argument('words', nargs='+', metavar='DIR', help='a run, a sweep, or any directory of runs')
    listing = parser.add_argument_group('listing')
    listing.add_argument(
        '--sort',
        choices=('run', 'error', 'started'),
        help='by path (default), by best top-1 error, or by start, the newest first',
    )
    output.add_form(listing, COLUMNS)
    export = parser.add_argument_group('runs export')
    export.add_argument(
        '--to',
        choices=('parquet', 'csv', 'logs'),
        help='the format; logs: a copy of the run directories, without checkpoints',
    )
    export.add_argument(
        '--metrics', action='store_true', help='export the rows of every metrics.jsonl, not a row per run'
    )
    export.add_argument('--predictions', action='store_true', help='with --to logs: copy predictions too')
    export.add_argument(
        '--out', metavar='PATH', help='default: DIR/runs.FORMAT or DIR/metrics.FORMAT; for logs DIR-logs'
    )


def run(args: argparse.Namespace, rest: list[str]) -> None:
    """List or export the runs."""
    for word in rest:
        if word.startswith('-'):
            raise unknown('argument of runs', word, [f'--{flag}' for flag in LIST_FLAGS + EXPORT_FLAGS])
    words = [*args.words, *rest]
    is_export = words[0] == 'export'
    directories = words[is_export:]
    if not directories:
        raise UserError('runs export: give a directory of runs; to list a directory named export, write ./export')
    if len(directories) > 1:
        raise UserError(f'runs: one directory at a time, not {" and ".join(directories)}')
    for flag in LIST_FLAGS if is_export else EXPORT_FLAGS:
        if getattr(args, flag) not in (None, False):
            raise UserError(f'runs: --{flag} is not for {"runs export" if is_export else "listing runs"}')
    (_export if is_export else _list)(directories[0], args)


def _export(directory: str, args: argparse.Namespace) -> None:
    from cnn_bench.runs import export

    if args.to is None:
        raise UserError(f'runs export: give the format, --to {" or --to ".join((*export.FORMATS, "logs"))}')
    if args.to == 'logs':
        _export_logs(directory, args)
        return
    if args.predictions:
        raise UserError('runs export: --predictions needs --to logs')
    out = Path(directory, f'{"metrics" if args.metrics else "runs"}.{args.to}') if args.out is None else Path(args.out)
    if Path(directory).is_dir():
        export.check(out, args.to)
    if args.metrics:
        table, damaged = export.metrics(directory)
        for why in damaged.values():
            output.print_line(f'cnn-bench: left out: {why}', sys.stderr)
    else:
        table = export.tidy(directory)
    export.write(table, out, args.to)
    output.print_line(out)


def _export_logs(directory: str, args: argparse.Namespace) -> None:
    from cnn_bench.runs import export

    if args.metrics:
        raise UserError('runs export: --metrics needs --to parquet or csv; logs hold all metrics')
    name = f'{Path(directory).absolute().name}-logs'
    out = Path(args.out) if args.out else Path(directory).absolute().with_name(name)
    count = export.logs(directory, out, args.predictions)
    output.print_line(f'{out}: {count} run{"" if count == 1 else "s"}')


def _list(directory: str, args: argparse.Namespace) -> None:
    from cnn_bench.runs.listing import survey

    listed = survey(directory)
    if args.sort == 'error':
        listed.sort(key=_error)
    elif args.sort == 'started':
        listed.sort(key=lambda run: run.started or '', reverse=True)
    rows = [dataclasses.asdict(run) for run in listed]
    if args.json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, args)
    for run in listed:
        if run.state == 'damaged':
            output.print_line(f'cnn-bench: damaged: {run.problem}', sys.stderr)


def _error(run: 'Listed') -> float:
    """The best validation error, or the test error of a run that was not validated."""
    known = (error for error in (run.best_val_top1_err_pct, run.top1_err_pct) if error is not None)
    return next(known, math.inf)
