"""The plan of a sweep: its trials, and an estimate of the time that they take."""

import heapq
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from cnn_bench.runs import RunDirectory, schema
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.sweep import Sweep
from cnn_bench.sweep.workload import Workload

FORWARD_AND_BACKWARD = 3  # multiply-adds of a training step over those of its forward pass
STARTUP_S = 5.0  # per trial: imports, compilation, evaluation
UNCERTAINTY_FACTOR = 10  # of the estimate: narrow networks are far slower per multiply-add than a wide convolution


@dataclass(frozen=True)
class PlannedTrial:
    """A trial, its work, and the time it is expected to take."""

    id: str
    name: str
    seed: int
    params: int
    macs: int  # of one image, forward pass
    steps: int
    seconds: float  # the whole trial, estimated
    measured: bool  # whether the estimate comes from finished trials of the variant rather than from multiply-adds
    state: str  # finished, missing, or one of schema.FAILED


def make(sweep: Sweep, macs_per_second: float | None) -> list[PlannedTrial]:
    """The trials of a sweep in the order in which they would start.

    `macs_per_second` is the speed of this machine; it may be None if `needs_rate` is False.
    """
    timed = timed_variants(sweep)
    return [_planned(sweep, trial, timed.get(trial.name), macs_per_second) for trial in sweep.trials]


def needs_rate(sweep: Sweep) -> bool:
    """Whether a variant lacks a finished trial from which to estimate its time."""
    return not {trial.name for trial in sweep.trials} <= set(timed_variants(sweep))


def timed_variants(sweep: Sweep) -> dict[str, float]:
    """Variant -> mean seconds of its finished trials, from start to end if known, else of their training steps."""
    wall = {record['id']: record.get('wall_s') for record in (sweep.earlier.trials if sweep.earlier else ())}
    taken: dict[str, list[float]] = {}
    for trial in sweep.trials:
        if sweep.state(trial) == 'finished':
            seconds = wall.get(trial.id) or _train_seconds(sweep.directory(trial)) + STARTUP_S
            taken.setdefault(trial.name, []).append(seconds)
    return {name: statistics.mean(seconds) for name, seconds in taken.items()}


def from_macs(workload: Workload, macs_per_second: float) -> float:
    """Seconds of a trial at `macs_per_second`."""
    return STARTUP_S + FORWARD_AND_BACKWARD * workload.macs * workload.images / macs_per_second


def makespan(seconds: Iterable[float], slots: int) -> float:
    """Seconds until all trials have ended, if each in turn starts in the first slot that becomes free."""
    ends = [0.0] * slots
    for each in seconds:
        heapq.heapreplace(ends, ends[0] + each)
    return max(ends)


def _planned(sweep: Sweep, trial: Trial, known: float | None, macs_per_second: float | None) -> PlannedTrial:
    workload, state = sweep.workload(trial), sweep.state(trial)
    return PlannedTrial(
        id=trial.id,
        name=trial.name,
        seed=trial.seed,
        params=workload.params,
        macs=workload.macs,
        steps=workload.steps,
        seconds=round(from_macs(workload, macs_per_second) if known is None else known, 1),
        measured=known is not None,
        state=state if state in ('finished', *schema.FAILED) else 'missing',
    )


def _train_seconds(run: RunDirectory) -> float:
    return (run.read(schema.SUMMARY) or {}).get('train_s') or 0.0
