"""What the networks of runs err together, their probabilities averaged, and what that costs.

  cnn-bench ensemble runs/demo                    the best 2, 3, 4 and 5 of the runs, and all of them
  cnn-bench ensemble runs/demo --most 8 --json    up to eight, as an object with every pair
  cnn-bench ensemble runs/imagenet --from-checkpoints

Members are the finished runs below DIR, with one and the same test set. Runs of at most 100 classes kept the
probabilities of all; of others, and where predictions are lost, --from-checkpoints evaluates the newest checkpoint of
each again. `in order` takes those of least error, `greedily` adds one at a time whichever leaves the least error. Both
are chosen on the test images that the error is counted on, so they look better than they are; `all there are` was not
chosen.

The gain is in points of top-1 error over the best member, with the 95 % bootstrap interval over the test images; it
says nothing of other seeds. Multiply-adds and parameters are sums over the members.
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from cnn_bench.report.ensembles import Member
    from cnn_bench.runs.predictions import Predictions

HEADERS = ('ensemble', 'MACs', 'params', 'top-1', 'top-5', 'best member', 'gain (95 % interval)', 'p', 'disagree')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench ensemble`."""
    parser.add_argument('dir', metavar='DIR', help='a sweep, or any directory of runs')
    parser.add_argument('--most', type=int, metavar='K', help='members of the largest ensemble (default: 5, or all)')
    parser.add_argument('--from-checkpoints', action='store_true', help='evaluate again instead of reading predictions')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')
    parser.add_argument('--json', action='store_true', help='print an object: networks, ensembles and every pair')


def run(args: argparse.Namespace) -> None:
    """List the best ensembles."""
    from cnn_bench import runs
    from cnn_bench.report import ensembles, summary

    if args.most is not None and args.most < 2:
        raise UserError(f'ensemble: --most {args.most} is no ensemble; it takes two members')
    if args.data_dir and not args.from_checkpoints:
        raise UserError('ensemble: --data-dir goes with --from-checkpoints; kept predictions need no data')
    table = runs.load(args.dir)
    predictions = _evaluated(args, table) if args.from_checkpoints else runs.predictions(args.dir)
    found = ensembles.members(table, predictions, summary.names(table))
    if args.most is not None and args.most > len(found):
        raise UserError(f'ensemble: --most {args.most} is more than the {len(found)} runs that can be members')
    for name in table.run[~table.run.isin([member.run for member in found])]:
        print(f'cnn-bench: left out: {name} (not finished, or without predictions)', file=sys.stderr)
    best = ensembles.best(found, args.most or ensembles.MOST)
    if args.json:
        _print_json(found, best)
    else:
        _print_table(found, best)


def _evaluated(args: argparse.Namespace, table: 'pd.DataFrame') -> 'dict[str, Predictions]':
    """Run -> what its newest checkpoint makes of its test split. Names the runs that have none which can be read."""
    from pathlib import Path

    from cnn_bench.training.evaluate import predict_run

    found, finished = {}, table.run[table.state == 'finished']
    with tracking() as track:
        for name in track(finished, 'runs', len(finished)):
            try:
                found[name] = predict_run(Path(args.dir) / name, args.data_dir)
            except UserError as error:
                print(f'cnn-bench: {error}', file=sys.stderr)
    return found


def _print_json(found: 'list[Member]', best: 'pd.DataFrame') -> None:
    from cnn_bench.report import ensembles

    fields = ('run', 'label', 'family', 'macs', 'params')
    networks = [{**{name: getattr(member, name) for name in fields}, 'top1_err_pct': member.error} for member in found]
    tables = {'ensembles': best, 'pairs': ensembles.pairs(found)}
    rows = {name: json.loads(table.to_json(orient='records')) for name, table in tables.items()}
    print(json.dumps({'networks': networks, **rows}, indent=2, default=lambda number: number.item()))


def _print_table(found: 'list[Member]', best: 'pd.DataFrame') -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from cnn_bench.report import ensemble_words, ensembles

    console = Console(highlight=False, markup=False) if sys.stdout.isatty() else Console(width=1000, highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, header in enumerate((*HEADERS, 'chosen', 'members')):
        words = place == 0 or place > len(HEADERS) - 1
        table.add_column(header, justify='left' if words else 'right', no_wrap=place < len(HEADERS), overflow='fold')
    for row in best.to_dict('records'):
        table.add_row(*_cells(row))
    console.print(table)
    console.print(ensemble_words.in_words(found, best, ensembles.pairs(found)), soft_wrap=True, markup=False)


def _cells(row: dict) -> tuple[str, ...]:
    from cnn_bench.report import ensemble_words
    from cnn_bench.report.format import human, p_value, percent

    return (
        ensemble_words.name(row),
        human(row['macs']),
        human(row['params']),
        percent(row['top1_err_pct']),
        percent(row['top5_err_pct']),
        percent(row['best_err_pct']),
        ensemble_words.gain(row),
        p_value(row['p']),
        percent(row['disagreement_pct'], 1),
        row['chosen'],
        '; '.join(row['members']),
    )
