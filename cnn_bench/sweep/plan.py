"""What a sweep would do, and about how long it would take, before it does anything."""

import heapq
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from cnn_bench.runs import RunDirectory, schema
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.sizes import Size
from cnn_bench.sweep.sweep import Sweep

FORWARD_AND_BACKWARD = 3  # multiply-adds of a training step over those of its forward pass
START_S = 5.0  # of a trial's process: imports, compilation, the evaluations of a short run
ROUGHNESS = 10  # the factor that it may be off by: narrow networks run far below the rate of a wide convolution


@dataclass(frozen=True)
class Planned:
    """One trial."""

    id: str
    name: str
    seed: int
    params: int
    macs: int  # one image forward
    steps: int
    seconds: float  # the whole trial, estimated
    measured: bool  # the estimate is from a finished trial of the same variant, not from multiply-adds
    state: str  # finished, missing, or one of schema.FAILED


def make(sweep: Sweep, macs_per_second: float | None) -> list[Planned]:
    """Every trial of a sweep, those first that would start first.

    `macs_per_second` is this machine's rate; None where `needs_rate` says that all variants have a finished trial.
    """
    timed = timed_variants(sweep)
    return [_planned(sweep, trial, timed.get(trial.name), macs_per_second) for trial in sweep.trials]


def needs_rate(sweep: Sweep) -> bool:
    """Whether a variant has no finished trial to tell how long it takes."""
    return not {trial.name for trial in sweep.trials} <= set(timed_variants(sweep))


def timed_variants(sweep: Sweep) -> dict[str, float]:
    """Variant -> seconds that its finished trials took: from start to end where known, else in training steps."""
    wall = {record['id']: record.get('wall_s') for record in (sweep.earlier.trials if sweep.earlier else ())}
    taken: dict[str, list[float]] = {}
    for trial in sweep.trials:
        if sweep.state(trial) == 'finished':
            seconds = wall.get(trial.id) or _train_seconds(sweep.directory(trial)) + START_S
            taken.setdefault(trial.name, []).append(seconds)
    return {name: statistics.mean(seconds) for name, seconds in taken.items()}


def from_macs(size: Size, macs_per_second: float) -> float:
    """Seconds of a trial whose convolutions run at `macs_per_second`."""
    return START_S + FORWARD_AND_BACKWARD * size.macs * size.images / macs_per_second


def makespan(seconds: Iterable[float], slots: int) -> float:
    """Seconds until the last of the trials is over, each starting in their order in the slot that is free first."""
    ends = [0.0] * slots
    for each in seconds:
        heapq.heapreplace(ends, ends[0] + each)
    return max(ends)


def _planned(sweep: Sweep, trial: Trial, known: float | None, macs_per_second: float | None) -> Planned:
    size, state = sweep.size(trial), sweep.state(trial)
    return Planned(
        id=trial.id,
        name=trial.name,
        seed=trial.seed,
        params=size.params,
        macs=size.macs,
        steps=size.steps,
        seconds=round(from_macs(size, macs_per_second) if known is None else known, 1),
        measured=known is not None,
        state=state if state in ('finished', *schema.FAILED) else 'missing',
    )


def _train_seconds(run: RunDirectory) -> float:
    return (run.read(schema.SUMMARY) or {}).get('train_s') or 0.0
