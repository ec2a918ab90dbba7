"""List the runs below a directory, or export them.

  cnn-bench runs runs/                                                 what each is at
  cnn-bench runs runs/ --sort error --json                             the best first, as a list of objects
  cnn-bench runs export runs/ --to parquet                             a row a run, to runs/runs.parquet
  cnn-bench runs export runs/ --to csv --metrics --out curves.csv      a row a logged step or evaluation
  cnn-bench runs export runs/demo --to logs --out results/demo/logs    a copy of the runs without their weights

Best and last are top-1 errors on the test set. A run is running if its metrics.jsonl grew within the last minute. Runs
whose files are damaged are listed as such, with the reason on stderr. A narrow terminal is shown fewer columns; --json
has all. A directory that is called export is listed as ./export.
"""

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.errors import UserError, unknown

if TYPE_CHECKING:
    from rich.table import Table

    from cnn_bench.runs.listing import Listed

TAKES_OVERRIDES = True  # words after a flag are left over by argparse: `runs export --to csv DIR`
USAGE = """cnn-bench runs DIR [--sort KEY] [--json]
       cnn-bench runs export DIR --to FORMAT [--metrics] [--predictions] [--out PATH]"""
COLUMNS = ('run', 'network', 'state', 'best', 'last', 'step', 'seed', 'started (UTC)', 'device')
ALWAYS = 6  # columns that are shown however narrow the terminal is
OF_LIST, OF_EXPORT = ('sort', 'json'), ('to', 'metrics', 'predictions', 'out')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench runs` and `cnn-bench runs export`."""
    parser.usage = USAGE
    parser.add_argument('words', nargs='+', metavar='DIR', help='a run, a sweep, or any directory of them')
    listing = parser.add_argument_group('of the list')
    listing.add_argument(
        '--sort',
        choices=('run', 'error', 'started'),
        help='by path (default), best top-1 error, or start, newest first',
    )
    listing.add_argument('--json', action='store_true', help='print a list of objects')
    export = parser.add_argument_group('of export')
    export.add_argument('--to', choices=('parquet', 'csv', 'logs'), help='the format')
    export.add_argument('--metrics', action='store_true', help='all rows of all metrics.jsonl instead of a row a run')
    export.add_argument('--predictions', action='store_true', help='with the logs also the predictions')
    export.add_argument('--out', metavar='PATH', help='default: runs.FORMAT or metrics.FORMAT in DIR; of logs DIR-logs')


def run(args: argparse.Namespace, rest: list[str]) -> None:
    """List or export what was asked for."""
    for word in rest:
        if word.startswith('-'):
            raise unknown('argument of runs', word, [f'--{flag}' for flag in OF_LIST + OF_EXPORT])
    words = [*args.words, *rest]
    is_export = words[0] == 'export'
    directories = words[is_export:]
    if not directories:
        raise UserError('runs export: give the directory of runs; one that is called export is listed as ./export')
    if len(directories) > 1:
        raise UserError(f'runs: one directory at a time, not {" and ".join(directories)}')
    for flag in OF_LIST if is_export else OF_EXPORT:
        if getattr(args, flag) not in (None, False):
            raise UserError(f'runs: --{flag} belongs to {"the list" if is_export else "runs export"}')
    (_export if is_export else _list)(directories[0], args)


def _export(directory: str, args: argparse.Namespace) -> None:
    from cnn_bench.runs import export

    if args.to is None:
        raise UserError(f'runs export: give the format, --to {" or --to ".join((*export.FORMATS, "logs"))}')
    if args.to == 'logs':
        _export_logs(directory, args)
        return
    if args.predictions:
        raise UserError('runs export: --predictions belongs to --to logs')
    out = Path(directory, f'{"metrics" if args.metrics else "runs"}.{args.to}') if args.out is None else Path(args.out)
    if Path(directory).is_dir():
        export.check(out, args.to)
    if args.metrics:
        table, damaged = export.metrics(directory)
        for why in damaged.values():
            print(f'cnn-bench: left out: {why}', file=sys.stderr)
    else:
        table = export.tidy(directory)
    export.write(table, out, args.to)
    print(out)


def _export_logs(directory: str, args: argparse.Namespace) -> None:
    from cnn_bench.runs import export

    if args.metrics:
        raise UserError('runs export: --metrics belongs to --to parquet or csv; logs hold all metrics')
    out = Path(args.out) if args.out else Path(directory).with_name(f'{Path(directory).absolute().name}-logs')
    count = export.logs(directory, out, args.predictions)
    print(f'{out}: {count} run{"" if count == 1 else "s"}')


def _list(directory: str, args: argparse.Namespace) -> None:
    from cnn_bench.runs.listing import survey

    listed = survey(directory)
    if args.sort == 'error':
        listed.sort(key=lambda run: math.inf if run.best_top1_err_pct is None else run.best_top1_err_pct)
    elif args.sort == 'started':
        listed.sort(key=lambda run: run.started or '', reverse=True)
    if args.json:
        print(json.dumps([dataclasses.asdict(run) for run in listed], indent=2))
    else:
        _print_table(listed)
    for run in listed:
        if run.state == 'damaged':
            print(f'cnn-bench: damaged: {run.problem}', file=sys.stderr)


def _print_table(listed: 'list[Listed]') -> None:
    """All columns, but on a terminal as many as it has room for."""
    from rich.console import Console

    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=1000, highlight=False)
    shown = len(COLUMNS)
    anything = console.options.update(width=1000)
    while shown > ALWAYS and console.measure(_table(listed, shown), options=anything).maximum > console.width:
        shown -= 1
    console.print(_table(listed, shown))


def _table(listed: 'list[Listed]', shown: int) -> 'Table':
    """The first `shown` columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS[:shown]:
        right = column in ('best', 'last', 'step', 'seed')
        folds = column in ('run', 'network')
        table.add_column(column, justify='right' if right else 'left', no_wrap=not folds, overflow='fold')
    for run in listed:
        table.add_row(*(Text(cell) for cell in _cells(run)[:shown]))
    return table


def _cells(run: 'Listed') -> tuple[str, ...]:
    """What stands in the row of a run: errors in per cent, a dash for what is not known."""
    errors = ['-' if e is None else f'{e:.2f} %' for e in (run.best_top1_err_pct, run.last_top1_err_pct)]
    step = ' of '.join(str(n) for n in (run.step or 0, run.total_steps) if n is not None)
    started = run.started[:16].replace('T', ' ') if run.started else '-'
    seed = '-' if run.seed is None else str(run.seed)
    return run.run, str(run.label), run.state, *errors, step, seed, started, run.device or '-'
