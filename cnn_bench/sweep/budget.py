"""What is held equal over the variants of a question, and how long each of them trains for that.

With `macs` or `seconds`, each trial gets as many steps as spend the same: the mean over the variants of what they would
spend at equal epochs, so that the whole sweep costs what it would have. What it was when the sweep was first started
is kept in budget.json, so that variants that join it later are given the same.
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cnn_bench.errors import UserError, unknown
from cnn_bench.runs import RunDirectory
from cnn_bench.sweep.experiment import Experiment, Trial
from cnn_bench.sweep.sizes import Size

RECORD = 'budget.json'
CLOSE = 1e-6  # relative: the same number, computed again


@dataclass(frozen=True)
class Budget:
    """The content of budget.json; the unit is a multiply-add of a forward pass, or a second."""

    held_equal: str
    per_trial: float
    at_equal_epochs: dict[str, float]  # variant -> what it would spend


def choose(experiment: Experiment, wanted: str | None) -> str:
    """What is held equal: `wanted`, or the experiment's first. Raises UserError for one that it does not allow."""
    if wanted and wanted not in experiment.held_equal:
        raise unknown(f'--held-equal of {experiment.path.name}', wanted, experiment.held_equal)
    return wanted or experiment.held_equal[0]


def macs_per_step(size: Size) -> float:
    """Multiply-adds of the forward passes of one step: the unit of cost where `macs` are held equal."""
    return float(size.batch_size * size.macs)


def settle(held_equal: str, sizes: dict[str, Size], per_step: dict[str, float], out: Path) -> Budget:
    """The budget of a sweep in `out`: the one that it has, with new variants in it, or one of these variants.

    `sizes` and `per_step`, what a step costs, are by variant. Raises UserError where the variants of the sweep there
    would now spend something else: their trials would not compare with those that are there.
    """
    spent = {name: sizes[name].steps * per_step[name] for name in sizes}
    there = RunDirectory(out).read(RECORD)
    if there is None:
        return Budget(held_equal, math.fsum(spent.values()) / len(spent), spent)
    kept = Budget(**there)
    for name, before in kept.at_equal_epochs.items():
        if name in spent and not math.isclose(spent[name], before, rel_tol=CLOSE):
            raise UserError(
                f'{out} holds a sweep in which {name!r} costs {before:.4g} {held_equal} at equal epochs, not '
                f'{spent[name]:.4g}: the experiment has changed; use another --out'
            )
    return replace(kept, at_equal_epochs={**spent, **kept.at_equal_epochs})


def stretch(trial: Trial, size: Size, per_step: float, per_trial: float) -> Trial:
    """The trial with as many steps as spend `per_trial`, at least one, and its schedule stretched as a whole.

    Raises UserError where it trains in stages or goes on from another trial: these have lengths of their own.
    """
    if trial.config.stages or trial.after:
        raise UserError(f'variant {trial.name!r} trains in stages, which --held-equal epochs alone leaves as they are')
    steps = max(1, round(per_trial / per_step))
    schedule = {
        f'schedule.{field}': value * steps / size.steps
        for field, value in trial.config.schedule.items()
        if field.endswith('_epochs')
    }
    return replace(trial, overrides={**trial.overrides, 'total_steps': steps, **schedule})


def write(out: Path, budget: Budget) -> None:
    """Keep a budget in the sweep's directory."""
    RunDirectory(out).write(RECORD, asdict(budget))
