"""The flags of `cnn-bench sweep` that tune its variants, and the plan that they make."""

import argparse
from typing import TYPE_CHECKING

from cnn_bench.cli import arguments
from cnn_bench.errors import UserError
from cnn_bench.runs.tuning import SAMPLERS, SEED

if TYPE_CHECKING:
    from cnn_bench.sweep import Experiment
    from cnn_bench.sweep.tuning import TuningPlan

MOST_TRIALS = 1000


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    tuning = parser.add_argument_group('tuning, of every variant alike')
    tuning.add_argument(
        '--tune',
        action='append',
        default=[],
        metavar='FIELD=RANGE',
        help="a field and its range: log(LOW,HIGH), linear(LOW,HIGH) or choice(A,B,...), which holds the recipe's own "
        "value; repeated: several fields, instead of those of the experiment's TUNE",
    )
    tuning.add_argument(
        '--tune-trials',
        type=arguments.whole(0, MOST_TRIALS),
        default=0,
        metavar='N',
        help='tuning trials of each variant; 0: no tuning',
    )
    tuning.add_argument(
        '--tune-budget',
        metavar='WHAT',
        help='what each variant gets equally: trials, or macs, multiply-adds, of which N trials is the mean '
        '(default: trials)',
    )
    tuning.add_argument(
        '--tune-sampler',
        metavar='NAME',
        help=f'{"; ".join(f"{name}: {what}" for name, what in SAMPLERS.items())} (default: qmc)',
    )
    tuning.add_argument(
        '--tune-halving',
        action='store_true',
        help='successive halving: all tuning trials of a variant train for a while, the better half goes on, and so on',
    )
    tuning.add_argument(
        '--tune-seed',
        type=arguments.whole(0, 2**32 - 1),
        metavar='N',
        help=f'seed of all tuning trials and of their sampler (default: {SEED})',
    )
    tuning.add_argument(
        '--skip-untuned', action='store_true', help='do not run the seeds with the recipe as it is, for comparison'
    )


def plan(args: argparse.Namespace, experiment: 'Experiment') -> 'TuningPlan | None':
    """How to tune the variants of an experiment; None: not at all. Raises UserError where the flags do not fit."""
    from cnn_bench.sweep import space, tuning

    options = {
        'budget': args.tune_budget,
        'sampler': args.tune_sampler,
        'halving': args.tune_halving or None,
        'seed': args.tune_seed,
    }
    if not args.tune_trials:
        given = [f'--tune-{name}' for name, value in options.items() if value is not None]
        given += ['--tune'] * bool(args.tune) + ['--skip-untuned'] * args.skip_untuned
        if given:
            raise UserError(f'sweep: {given[0]} needs --tune-trials N, the number of tuning trials of each variant')
        return None
    fields = space.parse(args.tune) or experiment.tune
    if not fields:
        missing = f"--tune-trials needs --tune 'FIELD=RANGE', as {experiment.path} has no TUNE"
        raise UserError(f'sweep: {missing}; a range is {space.FORMS}')
    if both := [field for field in fields if field in experiment.grid]:
        raise UserError(f'sweep: --grid and --tune both set {both[0]}')
    given = {name: value for name, value in options.items() if value is not None}
    return tuning.TuningPlan(fields, args.tune_trials, **given)
