"""How the variants of a sweep were tuned, in its `tuning.json`: trials, their validation errors, and what was chosen.

The runs of tuning trials lie in `tuning/` of the sweep's directory, those of the recipe as it is in `untuned/`; neither
is part of the tidy table of the sweep, and each can be loaded by itself.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from cnn_bench.errors import UserError
from cnn_bench.runs import shapes
from cnn_bench.runs.directory import RunDirectory

RECORD = 'tuning.json'
SAMPLERS = {  # of Optuna
    'qmc': 'quasi-random, a scrambled Sobol sequence',
    'tpe': 'tree-structured Parzen estimator, after ten random trials; one trial of a variant at a time',
    'grid': 'all combinations of choices',
    'random': 'random',
}
SEED = 1_000_000  # of tuning trials and of their sampler: beyond the seeds of any sweep
TUNING, UNTUNED = 'tuning', 'untuned'  # directories of runs, beside `trials`


@dataclass(frozen=True)
class TuningTrial:
    """A recipe that was tried: its `values` by field, the `state` of its run (`pruned` where halving ended it), and
    `val_top1_err_pct`, its validation error in per cent, None where it did not finish."""

    number: int  # 0 is the recipe as it is, in the fields of the space
    run: str  # its directory, relative to the sweep's
    values: dict[str, object]
    state: str
    steps: int  # that it trained
    val_top1_err_pct: float | None = None


@dataclass(frozen=True)
class TunedVariant:
    """The tuning trials of a variant and the number of the chosen one, None as long as there is none."""

    name: str
    trials: tuple[TuningTrial, ...]
    chosen: int | None = None


@dataclass(frozen=True)
class Range:
    """Values of a field: from `low` to `high`, evenly or by their logarithm, or a few `choices`."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple = ()


@dataclass(frozen=True)
class Tuning:
    """The content of tuning.json."""

    space: dict[str, Range]  # by field of the recipe
    sampler: str
    budget: str  # what every variant gets equally: 'trials' or 'macs'
    trials_per_variant: int  # the mean, where the budget is 'macs'
    seed: int  # of all tuning trials
    variants: tuple[TunedVariant, ...]
    halving: bool = False  # whether the worse half of a variant's trials was ended early, and again
    macs_per_variant: float | None = None  # multiply-adds that each variant gets, where the budget is 'macs'


_AMOUNT = shapes.Kind('a number above 0', lambda value: isinstance(value, int | float) and value > 0)
_SHAPE = {
    'space': shapes.Each(
        {
            'low': shapes.Optional(shapes.SIGNED),
            'high': shapes.Optional(shapes.SIGNED),
            'log': shapes.FLAG,
            'choices': shapes.Optional(shapes.LIST),
        }
    ),
    'sampler': shapes.TEXT,
    'budget': shapes.TEXT,
    'trials_per_variant': shapes.COUNT,
    'seed': shapes.COUNT,
    'halving': shapes.Optional(shapes.FLAG),
    'macs_per_variant': shapes.Optional(_AMOUNT),
    'variants': [
        {
            'name': shapes.TEXT,
            'chosen': shapes.Optional(shapes.COUNT),
            'trials': [
                {
                    'number': shapes.COUNT,
                    'run': shapes.TEXT,
                    'values': {},
                    'state': shapes.TEXT,
                    'steps': shapes.COUNT,
                    'val_top1_err_pct': shapes.Optional(shapes.PERCENT),
                }
            ],
        }
    ],
}


def read(directory: str | Path) -> Tuning | None:
    """The Tuning of the sweep in `directory`; None where it is not tuned. Raises UserError where it is damaged."""
    run = RunDirectory(directory)
    content = run.read(RECORD)
    if content is None:
        return None
    try:
        shapes.check(content, _SHAPE)
        space = {
            field: Range(**{**given, 'choices': tuple(given.get('choices') or ())})
            for field, given in content['space'].items()
        }
        variants = tuple(
            TunedVariant(v['name'], tuple(TuningTrial(**trial) for trial in v['trials']), v.get('chosen'))
            for v in content['variants']
        )
        return Tuning(**{**content, 'space': space, 'variants': variants})
    except (TypeError, ValueError) as error:
        raise UserError(f'{run / RECORD} does not hold what a sweep writes ({error})') from error


def write(directory: str | Path, tuning: Tuning) -> None:
    """Write tuning.json, whole or not at all."""
    RunDirectory(directory).write(RECORD, dataclasses.asdict(tuning))
