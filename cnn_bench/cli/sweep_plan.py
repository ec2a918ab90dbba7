"""What `cnn-bench sweep --dry-run` prints: the trials of sweeps and an estimate of the time that they take."""

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnn_bench.cli import output
from cnn_bench.cli.output import Column, count
from cnn_bench.runs.tuning import TUNING, UNTUNED

if TYPE_CHECKING:
    from cnn_bench.sweep import Sweep
    from cnn_bench.sweep.plan import PlannedTrial
    from cnn_bench.sweep.tuning import TuningPlan

COLUMNS = (
    Column('id', 'trial'),
    Column('seed', number=True, rank=4),
    count('params', 'parameters', rank=3),
    count('macs', 'MACs', rank=2),
    count('steps', rank=1),
    Column('seconds', 'time (s)', '{:,.0f}'.format, True),
    Column('measured', 'time from', lambda measured: 'runs' if measured else 'multiply-adds', rank=5),
    Column('state'),
    Column('part', rank=6),
    Column('out', 'sweep', rank=7),
)


def show(sweeps: 'list[Sweep]', jobs: int, environment: dict[str, str], form: argparse.Namespace) -> None:
    """Print the trials and the time they need, `jobs` at a time. Writes nothing.

    Where nothing has run yet, the speed of this machine is measured in a process with `environment`.
    """
    from cnn_bench.sweep import calibrate, plan

    rate = calibrate.macs_per_second(environment) if any(map(plan.needs_rate, sweeps)) else None
    plans = [(sweep, plan.make(sweep, rate)) for sweep in sweeps]
    if form.json:
        output.print_json([_as_json(sweep, trials, jobs) for sweep, trials in plans])
        return
    for sweep, trials in plans:
        for line in sweep.stale():
            output.print_line(f'cnn-bench: {line}', sys.stderr)
        output.print_note(sweep.experiment.question)
        if not output.is_piped():
            rows = [*_tuning_rows(trials), *(_row(trial) for trial in trials if trial.part != TUNING)]
            output.print_table(COLUMNS, [row | {'out': str(sweep.out)} for row in rows], form)
        _say_time(sweep, trials, jobs)
    if output.is_piped():
        planned = ((sweep, trial) for sweep, trials in plans for trial in trials)
        rows = [dataclasses.asdict(trial) | {'out': str(sweep.out)} for sweep, trial in planned]
        output.print_table(COLUMNS, rows, form)


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


def _say_time(sweep: 'Sweep', trials: 'list[PlannedTrial]', jobs: int) -> None:
    from cnn_bench.sweep.plan import UNCERTAINTY_FACTOR

    missing = [trial for trial in trials if trial.state == 'missing']
    total = _duration(_seconds_left(trials, jobs))
    output.print_note(
        f'{len(missing)} of {len(trials)} trials to run, {sweep.held_equal} held equal: about {total}, {jobs} at a time'
    )
    if sweep.agenda.tuner:
        output.print_note(_tuned(sweep.agenda.tuner.plan))
    if any(not trial.measured for trial in missing):
        output.print_note(
            'times from multiply-adds are estimated by the speed of a single convolution timed here; right to within a '
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


def _tuning_rows(trials: 'list[PlannedTrial]') -> Iterator[dict]:
    """A row for the tuning of each variant: its trials together."""
    for name, group in itertools.groupby((t for t in trials if t.part == TUNING), key=lambda trial: trial.name):
        trials = list(group)
        missing = sum(trial.state == 'missing' for trial in trials)
        yield {
            **dataclasses.asdict(trials[0]),
            'id': f'{name}: {len(trials)} tuning trials',
            'steps': sum(trial.steps for trial in trials),
            'seconds': sum(trial.seconds for trial in trials),
            'state': f'{missing} missing' if missing else 'finished',
        }


def _row(trial: 'PlannedTrial') -> dict:
    row = dataclasses.asdict(trial)
    return row | {'id': f'{trial.id}, untuned'} if trial.part == UNTUNED else row


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{minutes} min' if minutes < 90 else f'{seconds / 3600:.1f} h'
