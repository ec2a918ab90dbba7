"""The plan of a sweep: its trials, and an estimate of the time that they take."""

import heapq
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs.tuning import TUNING, UNTUNED
from cnn_bench.sweep.experiment import TRIALS, Trial
from cnn_bench.sweep.sweep import Sweep
from cnn_bench.sweep.variant_tuning import UNFINISHED
from cnn_bench.sweep.workload import Workload

FORWARD_AND_BACKWARD = 3  # multiply-adds of a training step over those of its forward pass
STARTUP_S = 5.0  # per trial: imports, compilation, evaluation
UNCERTAINTY_FACTOR = 10  # of the estimate: narrow networks are far slower per multiply-add than a wide convolution


@dataclass(frozen=True)
class PlannedTrial:
    """A trial, its work, and the time it is expected to take."""

    part: str  # tuning, trials or untuned: the directory of its run
    id: str  # without its last digits where its values are not chosen yet
    name: str
    seed: int
    params: int
    macs: int  # of one image, forward pass
    steps: int  # with successive halving, as many as a trial of this place in the ranking trains
    seconds: float  # the whole trial, estimated
    measured: bool  # whether the estimate comes from finished trials of the variant rather than from multiply-adds
    state: str  # finished, pruned, missing, or one of schema.FAILED


def make(sweep: Sweep, macs_per_second: float | None) -> list[PlannedTrial]:
    """The trials of a sweep in the order in which they would start.

    Values that are not chosen yet are taken to be the recipe's own. `macs_per_second` is the speed of this machine; it
    may be None if `needs_rate` is False.
    """
    timed, agenda = timed_variants(sweep), sweep.agenda
    planned = [*_tuning(sweep, timed, macs_per_second)]
    for folder, known in ((TRIALS, agenda.trials), (UNTUNED, agenda.untuned)):
        planned += [_planned(sweep, trial, timed, macs_per_second) for trial in known]
        for trial in agenda.unchosen(folder):
            stand_in = _planned(sweep, trial, timed, macs_per_second)
            planned.append(replace(stand_in, id=trial.id.rpartition('-')[0], state='missing'))
    return planned


def needs_rate(sweep: Sweep) -> bool:
    """Whether a variant lacks a finished trial from which to estimate its time."""
    return not set(sweep.agenda.names) <= set(timed_variants(sweep))


def timed_variants(sweep: Sweep) -> dict[str, float]:
    """Variant -> mean seconds of its finished trials, from start to end if known, else of their training steps."""
    wall = {record['id']: record.get('wall_s') for record in (sweep.earlier.trials if sweep.earlier else ())}
    taken: dict[str, list[float]] = {}
    sweep.agenda.advance()
    for trial in sweep.agenda.known():
        if sweep.state(trial) == 'finished':
            known = wall.get(trial.id) if trial.folder == TRIALS else None
            taken.setdefault(trial.name, []).append(known or _train_seconds(sweep.directory(trial)) + STARTUP_S)
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


def _tuning(sweep: Sweep, timed: dict[str, float], macs_per_second: float | None) -> Iterator[PlannedTrial]:
    """The tuning trials of every variant, those included that are not asked for yet."""
    tuner = sweep.agenda.tuner
    for variant in tuner.record().variants if tuner else ():
        own = _planned(sweep, tuner.own_trial(variant.name), timed, macs_per_second)
        for number, fraction in enumerate(tuner.fractions(variant.name)):
            known = variant.trials[number] if number < len(variant.trials) else None
            state = known.state if known else UNFINISHED
            yield replace(
                own,
                part=TUNING,
                id=known.run.rpartition('/')[2] if known else own.id.rpartition('-')[0],
                seed=tuner.plan.seed,
                steps=round(own.steps * fraction),
                seconds=round(STARTUP_S + max(0.0, own.seconds - STARTUP_S) * fraction, 1),
                state='missing' if state == UNFINISHED else state,
            )


def _planned(sweep: Sweep, trial: Trial, timed: dict[str, float], macs_per_second: float | None) -> PlannedTrial:
    workload, state, known = sweep.workload(trial), sweep.state(trial), timed.get(trial.name)
    return PlannedTrial(
        part=trial.folder,
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
