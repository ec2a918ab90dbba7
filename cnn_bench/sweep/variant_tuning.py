"""The tuning of one variant: which trials it has, which may run now, and which values were chosen.

All of it follows from the runs in `tuning/` of the sweep's directory: a sweep that is started again makes the same
objects, which ask Optuna again in the same order and go on where the runs are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs.tuning import TunedVariant, TuningTrial
from cnn_bench.sweep import halving, records, sampling
from cnn_bench.sweep.experiment import Trial

PRUNED, UNFINISHED = 'pruned', 'unfinished'


@dataclass(frozen=True)
class Length:
    """Of a trial: its steps, and how many of them are between two evaluations."""

    steps: int
    evaluated_every: int


@dataclass(frozen=True)
class Reached:
    """What a run says of a trial that was to train up to some step."""

    state: str  # finished, one of schema.FAILED, 'pruned' where it has got there, or unfinished
    steps: int = 0
    error: float | None = None  # validation error in per cent; None too where it failed


@dataclass
class VariantTuning:
    """The tuning of one variant."""

    name: str
    study: sampling.Study
    count: int  # of its trials
    sequential: bool  # whether the study must be told of a trial before it is asked for the next
    halving: bool
    make: Callable[[dict], Trial]  # from the values of a trial
    length: Callable[[Trial], Length]
    directory: Callable[[Trial], RunDirectory]
    retry_failed: bool = False
    trials: list[tuple[dict, Trial]] = field(default_factory=list)  # values and trial of each number so far
    done: bool = False
    chosen: int | None = None
    _levels: list[float] = field(default_factory=list)  # fractions of the training, the last 1
    _reached: dict[tuple[int, int], Reached] = field(default_factory=dict)  # number and level -> what cannot change
    _told: set[int] = field(default_factory=set)
    _to_retry: dict[str, bool] = field(default_factory=dict)  # trial id -> whether it failed before this session

    @property
    def values(self) -> dict:
        """The chosen values; those that the recipe has itself are left out, as they need not be set."""
        return self.trials[self.chosen][0] if self.chosen else {}

    def advance(self) -> list[Trial]:
        """The trials that are to run now, some of which may be running; none when the tuning is `done`."""
        if self.done:
            return []
        while (wanted := self._unfinished()) is None:
            values = self.study.values(len(self.trials))
            self.trials.append((values, self.make(values if self.trials else {})))
        if not wanted:
            self._conclude()
        return wanted

    def started(self, trial: Trial) -> None:
        """Tell that a trial runs now: a failure that it is found with later is a new one."""
        self._to_retry[trial.id] = False

    def ended(self) -> int:
        """How many of the trials have ended, or will not go on."""
        last = len(self._levels) - 1
        if self.done:
            return len(self.trials)
        return sum(seen.state != PRUNED and level == last for (_, level), seen in self._reached.items())

    def record(self) -> TunedVariant:
        """For tuning.json."""
        return TunedVariant(self.name, tuple(map(self._recorded, range(len(self.trials)))), self.chosen)

    def _unfinished(self) -> list[Trial] | None:
        """The trials that have yet to get as far as they should; None where the next one can be asked for."""
        missing = self.count - len(self.trials)
        if missing and not self.sequential:
            return None
        if not self._levels and self.trials:
            self._levels = self._fractions()
        alive = list(range(len(self.trials)))
        for level, _ in enumerate(self._levels):
            reached = {number: self._seen(number, level) for number in alive}
            if wanted := [n for n, seen in reached.items() if seen.state == UNFINISHED]:
                return [self._to(number, level) for number in wanted]
            alive = halving.survivors({number: seen.error for number, seen in reached.items()})
        return None if missing else self._instead()

    def _instead(self) -> list[Trial]:
        """Where none of the trials that went on to the end finished: the best of those that did not go on."""
        if any(seen.state == 'finished' for seen in self._reached.values()):
            return []
        last = len(self._levels) - 1
        for level in reversed(range(last)):
            at_level = {n: seen for (n, of), seen in self._reached.items() if of == level}
            left = [(seen.error, n) for n, seen in at_level.items() if seen.error is not None]
            for _, number in sorted(left):
                if self._seen(number, last).state == UNFINISHED:
                    return [self._to(number, last)]
        return []

    def _fractions(self) -> list[float]:
        if not self.halving:
            return [1.0]
        length = self.length(self.trials[0][1])
        return [step / length.steps for step in halving.rungs(length.steps, length.evaluated_every, self.count)]

    def _to(self, number: int, level: int) -> Trial:
        """The trial of a number, to pause where a level ends; at the last one it does not."""
        return replace(self.trials[number][1], until_step=self._step(number, level))

    def _step(self, number: int, level: int) -> int:
        """The step at which a level ends, an evaluation; 0 for the last, which ends with the training."""
        if level == len(self._levels) - 1:
            return 0
        length = self.length(self.trials[number][1])
        return math.ceil(round(self._levels[level] * length.steps / length.evaluated_every, 6)) * length.evaluated_every

    def _seen(self, number: int, level: int) -> Reached:
        if (number, level) not in self._reached:
            reached = self._read(self.trials[number][1], self._step(number, level))
            if reached.state == UNFINISHED:
                return reached
            self._reached[number, level] = reached
            if level == len(self._levels) - 1:
                self._tell(number)
        return self._reached[number, level]

    def _read(self, trial: Trial, until_step: int) -> Reached:
        run = self.directory(trial)
        state = records.state(run)
        again = self._to_retry.setdefault(
            trial.id, self.retry_failed and state in schema.FAILED and state != 'diverged'
        )
        if again:
            return Reached(UNFINISHED)
        if state == 'finished':
            summary = run.read(schema.SUMMARY)
            return Reached(state, summary['steps'], summary.get('val_top1_err_pct'))
        if state not in schema.FAILED and not until_step:
            return Reached(UNFINISHED)
        try:
            rows = run.metrics()
        except UserError:
            rows = []
        if state in schema.FAILED:
            return Reached(state, rows[-1]['step'] if rows else 0)
        at_rung = next((row for row in rows if row['kind'] == 'val' and row['step'] == until_step), None)
        if at_rung is None:
            return Reached(UNFINISHED)
        error = at_rung['top1_err_pct']
        return Reached(PRUNED, until_step, error if math.isfinite(error) else None)

    def _conclude(self) -> None:
        errors = [(seen.error, n) for (n, _), seen in self._reached.items() if seen.state == 'finished']
        self.chosen = min(((error, n) for error, n in errors if error is not None), default=(None, None))[1]
        for number in range(len(self.trials)):
            self._tell(number)
        self.done = True

    def _furthest(self, number: int) -> Reached:
        levels = [level for n, level in self._reached if n == number]
        return self._reached[number, max(levels)] if levels else Reached(UNFINISHED)

    def _tell(self, number: int) -> None:
        if number not in self._told:
            self._told.add(number)
            self.study.tell(number, self._furthest(number).error)

    def _recorded(self, number: int) -> TuningTrial:
        (values, trial), seen = self.trials[number], self._furthest(number)
        return TuningTrial(
            number=number,
            run=trial.run,
            values=values,
            state=UNFINISHED if seen.state == PRUNED and not self.done else seen.state,
            steps=seen.steps,
            val_top1_err_pct=seen.error,
        )
