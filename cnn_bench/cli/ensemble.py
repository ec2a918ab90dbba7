"""Error and cost of ensembles: networks whose class probabilities are averaged.

  cnn-bench ensemble runs/demo                         ensembles of 2, 3, 4 and 5 runs, and of all of them
  cnn-bench ensemble runs/demo --most 8 --json         of up to 8 runs, and every pair, as JSON
  cnn-bench ensemble runs/imagenet --from-checkpoints

The members are the finished runs below DIR, which must share one test set. Runs with at most 100 classes have kept
their probabilities; for others, and for runs without predictions.npz, --from-checkpoints evaluates the newest
checkpoints again. Members are chosen `in order` of their error, or `greedily`: each next one is the run that lowers the
error of the ensemble most. Both choices use the test images on which the error is then measured, which flatters them;
`all there are` involves no choice.

The difference is the top-1 error of the ensemble minus that of its best member, in points, with a 95 % bootstrap
interval over the test images; it does not cover the variation between seeds. Multiply-adds and parameters are sums over
the members.
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Column, count
from cnn_bench.cli.tracking import tracking
from cnn_bench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from cnn_bench.analysis.ensembles import Member

PERCENT = '{:.2f}'.format
COLUMNS = (
    Column('ensemble'),
    count('macs', 'MACs', rank=2),
    count('params', 'parameters', rank=4),
    Column('top1_err_pct', 'top-1 error (%)', PERCENT, True),
    Column('top5_err_pct', 'top-5 error (%)', PERCENT, True, rank=5),
    Column('best_err_pct', 'best member (%)', PERCENT, True, rank=1),
    Column('difference', 'difference (points)', lambda value: _signed(value), True),
    Column('difference_low', '95 % from', lambda value: _signed(value), True, rank=3),
    Column('difference_high', 'to', lambda value: _signed(value), True, rank=3),
    Column('p', text=lambda p: _p_value(p), number=True, rank=6),
    Column('disagreement_pct', 'disagree (%)', '{:.1f}'.format, True, rank=7),
    Column('chosen', rank=8),
    Column('members', text='; '.join, rank=9),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench ensemble`."""
    parser.add_argument('dir', metavar='DIR', help='a sweep, or any directory of runs')
    parser.add_argument(
        '--most', type=arguments.whole(2), metavar='K', help='size of the largest ensemble (default: 5, or all)'
    )
    parser.add_argument(
        '--from-checkpoints', action='store_true', help='evaluate the runs again instead of reading their predictions'
    )
    arguments.add_data_dir(parser)
    output.add_form(parser, COLUMNS, ': networks, ensembles and every pair')


def run(args: argparse.Namespace) -> None:
    """Print the best ensembles."""
    from cnn_bench import runs
    from cnn_bench.analysis import ensembles, summary
    from cnn_bench.report import ensemble_words
    from cnn_bench.runs import choice, schema
    from cnn_bench.runs.predictions import read

    if args.data_dir and not args.from_checkpoints:
        raise UserError('ensemble: --data-dir needs --from-checkpoints; without it no data are read')
    table = choice.choose(args.dir, runs.load(args.dir)).table
    if args.from_checkpoints:
        predictions, validation, damaged = _evaluated(args, table)
    else:
        (predictions, damaged), (validation, _) = read(args.dir), read(args.dir, schema.VALIDATION_PREDICTIONS)
    found = ensembles.members(table, predictions, summary.names(table), validation)
    if args.most is not None and args.most > len(found):
        raise UserError(f'ensemble: --most {args.most} is more than the {len(found)} runs that can be members')
    reasons = dict(summary.left_out(table)) | damaged
    for name in table.run[~table.run.isin([member.run for member in found])]:
        output.print_line(f'cnn-bench: left out: {name} ({reasons.get(name, "without predictions")})', sys.stderr)
    best = ensembles.best(found, args.most or ensembles.MOST)
    rows = [{'ensemble': ensemble_words.name(row), **row} for row in _records(best)]
    if args.json:
        _print_json(found, rows)
        return
    output.print_table(COLUMNS, rows, args)
    for line in ensemble_words.in_words(found, best, ensembles.pairs(found)).splitlines():
        output.print_note(line)


def _evaluated(args: argparse.Namespace, table: 'pd.DataFrame') -> tuple[dict, dict, dict[str, str]]:
    """Run -> its Predictions for the test and for the validation images, and run -> reason where it cannot be read."""
    from pathlib import Path

    from cnn_bench.training.evaluate import predict_run

    found, validation, damaged, finished = {}, {}, {}, table.run[table.state == 'finished']
    with tracking() as track:
        for name in track(finished, 'runs', len(finished)):
            try:
                found[name], kept = predict_run(Path(args.dir) / name, args.data_dir)
                validation |= {} if kept is None else {name: kept}
            except UserError as error:
                damaged[name] = str(error)
    return found, validation, damaged


def _print_json(found: 'list[Member]', rows: list[dict]) -> None:
    from cnn_bench.analysis import ensembles

    fields = ('run', 'label', 'family', 'macs', 'params')
    networks = [{**{name: getattr(member, name) for name in fields}, 'top1_err_pct': member.error} for member in found]
    tables = {'networks': networks, 'ensembles': rows, 'pairs': _records(ensembles.pairs(found))}
    output.print_json(tables, default=lambda number: number.item())


def _records(table: 'pd.DataFrame') -> list[dict]:
    return json.loads(table.to_json(orient='records'))


def _signed(value: float) -> str:
    from cnn_bench.format import signed

    return signed(value)


def _p_value(p: float) -> str:
    from cnn_bench.format import p_value

    return p_value(p)
