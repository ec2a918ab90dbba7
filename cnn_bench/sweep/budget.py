"""The budget that all variants of an experiment spend equally, and the number of training steps that follow from it.

With `macs` or `seconds` held equal, every trial spends the mean of what the variants would spend at equal epochs, so
that the whole sweep costs the same either way. budget.json keeps that number from the first start of the sweep, for
variants that are added later.
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cnn_bench.errors import UserError, unknown
from cnn_bench.runs import RunDirectory
from cnn_bench.sweep.experiment import Experiment, Trial
from cnn_bench.sweep.workload import Workload

RECORD = 'budget.json'
TOLERANCE = 1e-6  # relative, for the same number computed again


@dataclass(frozen=True)
class Budget:
    """The content of budget.json, in multiply-adds of the forward pass or in seconds."""

    held_equal: str
    per_trial: float
    at_equal_epochs: dict[str, float]  # variant -> what it would spend then


def choose(experiment: Experiment, wanted: str | None) -> str:
    """`wanted`, or by default the first that the experiment allows. Raises UserError if it does not allow `wanted`."""
    if wanted and wanted not in experiment.held_equal:
        raise unknown(f'--held-equal of {experiment.path.name}', wanted, experiment.held_equal)
    return wanted or experiment.held_equal[0]


def macs_per_step(workload: Workload) -> float:
    """Multiply-adds of the forward passes of one step, which is what `macs` held equal counts."""
    return float(workload.batch_size * workload.macs)


def settle(held_equal: str, workloads: dict[str, Workload], per_step: dict[str, float], out: Path) -> Budget:
    """The budget of the sweep in `out`: the one recorded there, with new variants added, or else a new one.

    `workloads`, and `per_step`, the cost of a step, are by variant. Raises UserError if a recorded variant would now
    spend something else, since its trials could not be compared with the existing ones.
    """
    spent = {name: workloads[name].steps * per_step[name] for name in workloads}
    recorded = RunDirectory(out).read(RECORD)
    if recorded is None:
        return Budget(held_equal, math.fsum(spent.values()) / len(spent), spent)
    kept = Budget(**recorded)
    for name, before in kept.at_equal_epochs.items():
        if name in spent and not math.isclose(spent[name], before, rel_tol=TOLERANCE):
            raise UserError(
                f'{out} holds a sweep in which {name!r} costs {before:.4g} {held_equal} at equal epochs, not '
                f'{spent[name]:.4g}: the experiment has changed; use another --out'
            )
    return replace(kept, at_equal_epochs={**spent, **kept.at_equal_epochs})


def stretch(trial: Trial, workload: Workload, per_step: float, per_trial: float) -> Trial:
    """The trial with the number of steps, at least one, that spends `per_trial`, and its schedule scaled to them.

    Raises UserError if it trains in stages or starts from another trial: then it is not one length that can change.
    """
    if trial.config.stages or trial.depends_on:
        raise UserError(f'variant {trial.name!r} trains in stages, which only --held-equal epochs allows')
    steps = max(1, round(per_trial / per_step))
    schedule = {
        f'schedule.{field}': value * steps / workload.steps
        for field, value in trial.config.schedule.items()
        if field.endswith('_epochs')
    }
    return replace(trial, overrides={**trial.overrides, 'total_steps': steps, **schedule})


def write(out: Path, budget: Budget) -> None:
    """Write budget.json."""
    RunDirectory(out).write(RECORD, asdict(budget))
