"""What `cnn-bench sweep --dry-run` prints: the trials of sweeps and an estimate of the time that they take."""

import dataclasses
import itertools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnn_bench.cli import output
from cnn_bench.cli.output import Heading
from cnn_bench.runs.tuning import TUNING, UNTUNED

if TYPE_CHECKING:
    from cnn_bench.sweep import Sweep
    from cnn_bench.sweep.plan import PlannedTrial
    from cnn_bench.sweep.tuning import TuningPlan

PLAN_COLUMNS = (
    Heading('trial'),
    *(Heading(header, number=True) for header in ('seed', 'parameters', 'MACs', 'steps', 'time')),
    Heading('state'),
)


def show(sweeps: 'list[Sweep]', jobs: int, environment: dict[str, str], as_json: bool) -> None:
    """Print the trials and the time they need, `jobs` at a time. Writes nothing.

    Where nothing has run yet, the speed of this machine is measured in a process with `environment`.
    """
    from cnn_bench.sweep import calibrate, plan

    rate = calibrate.macs_per_second(environment) if any(map(plan.needs_rate, sweeps)) else None
    plans = [(sweep, plan.make(sweep, rate)) for sweep in sweeps]
    if as_json:
        output.print_json([_as_json(sweep, trials, jobs) for sweep, trials in plans])
        return
    for sweep, trials in plans:
        for line in sweep.stale():
            output.print_line(f'cnn-bench: {line}', sys.stderr)
        _print_plan(sweep, trials, jobs)


def _seconds_left(trials: 'list[PlannedTrial]', jobs: int) -> float:
    from cnn_bench.sweep.plan import makespan

    return makespan((trial.seconds for trial in trials if trial.state == 'missing'), jobs)


def _as_json(sweep: 'Sweep', trials: 'list[PlannedTrial]', jobs: int) -> dict:
    return {
        'experiment': str(sweep.experiment.path),
        'out': str(sweep.out),
        'held_equal': sweep.held_equal,
        'jobs': jobs,
        'seconds_left': round(_seconds_left(trials, jobs), 1),
        'trials': [dataclasses.asdict(trial) for trial in trials],
    }


def _print_plan(sweep: 'Sweep', trials: 'list[PlannedTrial]', jobs: int) -> None:
    from cnn_bench.sweep.plan import UNCERTAINTY_FACTOR

    output.print_line(sweep.experiment.question)
    output.print_table(PLAN_COLUMNS, [*_tuning_rows(trials), *(_plan_cells(t) for t in trials if t.part != TUNING)])
    missing = [trial for trial in trials if trial.state == 'missing']
    total = _duration(_seconds_left(trials, jobs))
    output.print_line(
        f'{len(missing)} of {len(trials)} trials to run, {sweep.held_equal} held equal: about {total}, {jobs} at a time'
    )
    if sweep.agenda.tuner:
        output.print_line(_tuned(sweep.agenda.tuner.plan))
    if any(not trial.measured for trial in missing):
        output.print_line(
            f'~: estimated from multiply-adds at the speed of a single convolution timed here; right to within a '
            f'factor of {UNCERTAINTY_FACTOR}, and longer where trials share a device'
        )


def _tuned(plan: 'TuningPlan') -> str:
    from cnn_bench.sweep import space

    each = 'equal multiply-adds and, in the mean,' if plan.budget == 'macs' else 'each with'
    halving = ', the better half of which goes on, and so on' if plan.halving else ''
    how = f'{each} {plan.trials} trials ({plan.sampler}){halving}'
    return (
        f"variants tuned in {space.listed(plan.space)}, {how}; one that keeps the recipe's values needs no untuned runs"
    )


def _tuning_rows(trials: 'list[PlannedTrial]') -> Iterator[tuple[str, ...]]:
    """A row for the tuning of each variant: its trials together."""
    for name, group in itertools.groupby((t for t in trials if t.part == TUNING), key=lambda trial: trial.name):
        trials = list(group)
        first, missing = trials[0], sum(trial.state == 'missing' for trial in trials)
        time = _duration(sum(trial.seconds for trial in trials))
        steps = sum(trial.steps for trial in trials)
        yield (
            f'{name}: {len(trials)} tuning trials',
            str(first.seed),
            *(f'{count:,}' for count in (first.params, first.macs, steps)),
            f'{"" if first.measured else "~ "}{time}',
            f'{missing} missing' if missing else 'finished',
        )


def _plan_cells(trial: 'PlannedTrial') -> tuple[str, ...]:
    time = f'{"" if trial.measured else "~ "}{_duration(trial.seconds)}'
    counts = (f'{count:,}' for count in (trial.params, trial.macs, trial.steps))
    name = trial.id if trial.part != UNTUNED else f'{trial.id}, untuned'
    return name, str(trial.seed), *counts, time, trial.state


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{minutes} min' if minutes < 90 else f'{seconds / 3600:.1f} h'
