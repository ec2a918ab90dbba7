"""What every trial of a sweep spends where multiply-adds or seconds are held equal, and the steps that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cnn_bench.runs import RunDirectory
from cnn_bench.sweep import budget, calibrate
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.workload import Workload


@dataclass(frozen=True)
class Spending:
    """A budget, and where it is one of seconds the measured speed of each variant."""

    budget: budget.Budget
    calibration: dict | None

    def stretched(self, trial: Trial, own: Workload) -> Trial:
        """The trial with as many steps as the budget allows, whatever its values make of the cost of one."""
        return budget.stretch(trial, own, _per_step(trial.name, own, self.calibration), self.budget.per_trial)

    def write(self, out: Path) -> None:
        """Record it in the directory of the sweep."""
        if self.calibration is not None:
            RunDirectory(out).write(calibrate.RECORD, self.calibration)
        budget.write(out, self.budget)


def settle(
    held_equal: str,
    firsts: Mapping[str, Trial],
    workloads: Mapping[str, Workload],
    out: Path,
    data_dir: str | None,
    environment: dict[str, str],
) -> Spending:
    """The spending of the sweep in `out`, from a trial of each variant at equal epochs and its workload.

    Where seconds are held equal, variants without a measurement are timed, in `environment`. Writes nothing.
    """
    calibration = None
    if held_equal == 'seconds':
        calibration = calibrate.of_trials(firsts.values(), calibrate.read(RunDirectory(out)), data_dir, environment)
    per_step = {name: _per_step(name, own, calibration) for name, own in workloads.items()}
    return Spending(budget.settle(held_equal, dict(workloads), per_step, out), calibration)


def _per_step(name: str, own: Workload, calibration: dict | None) -> float:
    return budget.macs_per_step(own) if calibration is None else calibration[name]['seconds_per_step']
