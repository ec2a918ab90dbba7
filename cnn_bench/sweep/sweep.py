"""A sweep: which trials of an experiment run, in what order, what is recorded, and when it stops."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnn_bench import runs
from cnn_bench.errors import RunFailed, Stopped, UserError
from cnn_bench.files import is_locked, locked
from cnn_bench.runs import RunDirectory, code, schema, study
from cnn_bench.runtime.signals import StopSignals
from cnn_bench.sweep import budget, calibrate, records, staleness
from cnn_bench.sweep.check import check
from cnn_bench.sweep.executor import EndedTrial, Executor
from cnn_bench.sweep.experiment import SMOKE, Experiment, Trial
from cnn_bench.sweep.outcome import STOPPED, Outcome, of_process
from cnn_bench.sweep.progress_bar import SweepProgress
from cnn_bench.sweep.workload import Workload, workload

POLL_S = 0.2
AGAIN = '`cnn-bench sweep --retry-failed` runs them again'


class Sweep:
    """The trials of one preset of an experiment in one directory. Started again, it runs what is missing.

    Attributes: trials, in the order in which they start; held_equal; answer, the result in words after `run`.
    """

    def __init__(
        self,
        experiment: Experiment,
        preset: str,
        seeds: int,
        out: Path,
        data_dir: str | None = None,
        held_equal: str | None = None,
        environment: dict[str, str] | None = None,
    ):
        """Writes nothing. If seconds are held equal, variants without a measurement are timed, in `environment`.

        Raises UserError if a trial cannot be run as configured, or if `out` holds another sweep.
        """
        self.experiment, self.preset, self.seeds = experiment, preset, seeds
        self.out, self.data_dir, self.answer = out.absolute(), data_dir, ''
        self.held_equal = budget.choose(experiment, held_equal)
        self.earlier = study.read(self.out)
        here = {
            'question': experiment.question,
            'preset': preset,
            'held_equal': self.held_equal,
            'changes': experiment.changes,
        }
        records.refuse_mixing(out, self.earlier, **here)
        self.trials = experiment.trials(preset, seeds)
        check(self.trials, data_dir)
        self._budget: budget.Budget | None = None  # written by `run`, and so is
        self._calibration: dict | None = None
        if self.held_equal != 'epochs' and preset != SMOKE:
            self.trials = self._with_equal_budgets(environment or {})
        self._began: dict[str, float] = {}  # trial id -> when it first started, if in this session
        self._wall_s = records.wall_seconds(self.earlier)  # trial id -> seconds from start to end, if uninterrupted
        self._measured: dict[str, dict] = {}
        self._again: set[str] = set()  # ids of trials that are made again and have not been started yet
        files = {'recipe': code.file(experiment.recipe), 'experiment': code.file(experiment.path)}
        self._sources = {role: digests for role, digests in files.items() if digests}
        self._started: set[str] = set()  # ids of trials that this session started

    def directory(self, trial: Trial) -> RunDirectory:
        """The run directory of a trial."""
        return RunDirectory(self.out / 'trials' / trial.id)

    def state(self, trial: Trial) -> str:
        """finished, one of schema.FAILED, unfinished (which includes not started) or damaged."""
        return 'unfinished' if trial.id in self._again else records.state(self.directory(trial))

    def make_changed_again(self) -> None:
        """Have `run` make those trials again that other code made; what is there is removed when each starts."""
        self._again = set(staleness.other_code(self.trials, self.directory))

    def stale(self) -> list[str]:
        """Lines on what in the directory was made by other code or another recipe."""
        again = bool(self._again)
        return staleness.remarks(self.trials, self.directory, RunDirectory(self.out), self._sources, again)

    def workload(self, trial: Trial) -> Workload:
        """The amount of work in a trial."""
        return workload(trial.config, self.data_dir)

    def run(
        self, executor: Executor, retry_failed: bool = False, max_failures: int = 0, rerun_changed: bool = False
    ) -> None:
        """Run all trials that are neither finished nor, unless `retry_failed`, recorded as failed; with
        `rerun_changed` also those that other code made, from their beginning.

        Raises Stopped if a signal ends the sweep early; and RunFailed at the end if any trial has failed, now or
        earlier, or as soon as `max_failures` trials have (0: never).
        """
        RunDirectory(self.out).create()
        with locked(self.out, 'runs a sweep'), executor, StopSignals() as asked:  # Ray takes SIGTERM when it starts
            if rerun_changed:
                self.make_changed_again()
            stale, todo = self.stale(), self._todo(retry_failed)
            self._write_budget()
            self._record()
            with SweepProgress(len(self.trials), len(self.trials) - len(todo)) as progress:
                for line in stale:
                    progress.say(line)
                while todo or executor.running():
                    if asked.received or self._too_many_failures(max_failures):
                        todo.clear()
                        executor.stop()
                    while executor.free() > 0 and (trial := self._next(todo)):
                        todo.remove(trial)
                        self._start(trial, executor, progress)
                    if not executor.running():  # the rest depends on a trial that somebody else stopped
                        todo.clear()
                    for ended in executor.ended():
                        self._ended(ended, progress)
                    progress.update([(trial.name, self._fraction(trial)) for trial in executor.running()])
                    time.sleep(POLL_S)
            self.answer = self._answer()
            self._record()
        self._conclude(max_failures)

    def _with_equal_budgets(self, environment: dict[str, str]) -> list[Trial]:
        firsts = {trial.name: trial for trial in self.trials if trial.seed == 0}
        workloads = {name: self.workload(trial) for name, trial in firsts.items()}
        if self.held_equal == 'seconds':
            known = calibrate.read(RunDirectory(self.out))
            self._calibration = calibrate.of_trials(firsts.values(), known, self.data_dir, environment)
            per_step = {name: self._calibration[name]['seconds_per_step'] for name in workloads}
        else:
            per_step = {name: budget.macs_per_step(work) for name, work in workloads.items()}
        self._budget = budget.settle(self.held_equal, workloads, per_step, self.out)
        per_trial = self._budget.per_trial
        return [budget.stretch(t, workloads[t.name], per_step[t.name], per_trial) for t in self.trials]

    def _write_budget(self) -> None:
        if self._calibration is not None:
            RunDirectory(self.out).write(calibrate.RECORD, self._calibration)
        if self._budget is not None:
            budget.write(self.out, self._budget)

    def _todo(self, retry_failed: bool) -> list[Trial]:
        left = ('finished',) if retry_failed else ('finished', *schema.FAILED)
        todo = [trial for trial in self.trials if self.state(trial) not in left]
        for trial in todo:
            if is_locked(self.directory(trial).path):
                where = self.directory(trial).path
                raise UserError(f'another process trains in {where}; wait until it ends, or end it')
        return todo

    def _next(self, todo: list[Trial]) -> Trial | None:
        """The first trial that depends on no trial that is still to finish; on a failed one it fails in its turn."""
        pending = {trial.id for trial in self.trials if self.state(trial) not in ('finished', *schema.FAILED)}
        return next((trial for trial in todo if trial.depends_on not in pending), None)

    def _start(self, trial: Trial, executor: Executor, progress: SweepProgress) -> None:
        run = self.directory(trial)
        if trial.id in self._again:
            executor.forget(trial)
            records.remove(run)
            self._again.remove(trial.id)
            self._wall_s.pop(trial.id, None)
            self._measured.pop(trial.id, None)
        self._started.add(trial.id)
        if not (run / schema.CONFIG).exists():
            self._began[trial.id] = time.monotonic()
        records.forget_failure(run)
        executor.start(trial, run)
        progress.started(trial.name)

    def _ended(self, ended: EndedTrial, progress: SweepProgress) -> None:
        trial, run = ended.trial, self.directory(ended.trial)
        records.add_sources(run, self._sources)
        if ended.status == 0 and self.state(trial) == 'finished':
            if trial.id in self._began:
                self._wall_s[trial.id] = round(time.monotonic() - self._began[trial.id], 1)
            result = f'top-1 error {run.read(schema.SUMMARY)["top1_err_pct"]:.2f} %'
        else:
            outcome = self._outcome(ended, run)
            result = 'stopped' if outcome.state == STOPPED else f'{outcome.state}: {outcome.reason}'
        progress.ended(f'{trial.name}, seed {trial.seed}' if self.seeds > 1 else trial.name, result)
        self._record()

    def _outcome(self, ended: EndedTrial, run: RunDirectory) -> Outcome:
        seen = ended.status, records.log(run), ended.lost, ended.no_memory
        outcome = records.recorded_failure(run) or of_process(*seen)
        if outcome.state != STOPPED:
            records.write_failure(run, ended.trial, outcome)
        return outcome

    def _fraction(self, trial: Trial) -> float:
        """The fraction of its training that a trial has logged, 0 to 1."""
        try:
            rows = self.directory(trial).metrics()
        except UserError:
            return 0.0
        return min(1.0, rows[-1]['step'] / (trial.config.total_steps or self.workload(trial).steps)) if rows else 0.0

    def _failures(self) -> dict[str, str]:
        """Trial id -> state and reason, of failed trials."""
        failed = ((trial, state) for trial in self.trials if (state := self.state(trial)) in schema.FAILED)
        return {trial.id: f'{state}: {records.reason(self.directory(trial))}' for trial, state in failed}

    def _too_many_failures(self, max_failures: int) -> bool:
        return bool(max_failures) and len(self._failures()) >= max_failures

    def _conclude(self, max_failures: int) -> None:
        failures, total = self._failures(), len(self.trials)
        finished = sum(self.state(trial) == 'finished' for trial in self.trials)
        reasons = '; '.join(f'{trial}: {why}' for trial, why in failures.items())
        left = total - finished - len(failures)
        if left and self._too_many_failures(max_failures):
            raise RunFailed(
                f'stopped with {left} of {total} trials unfinished, as {len(failures)} failed: {reasons}; {AGAIN}'
            )
        if left:
            failed = f', {len(failures)} failed' if failures else ''
            raise Stopped(f'{finished} of {total} finished{failed}; the same command goes on')
        if failures:
            raise RunFailed(f'{len(failures)} of {total} trials failed: {reasons}; {AGAIN}')

    def _answer(self) -> str:
        if not runs.find(self.out):
            return ''
        self._record()  # the table takes measured columns from there
        table, present = runs.load(self.out), {f'trials/{record["id"]}' for record in self._trial_records()}
        finished = table[(table.state == 'finished') & table.run.isin(present)]
        return _call(self.experiment.report, 'report', self.experiment, finished) if len(finished) else ''

    def _record(self) -> None:
        experiment, earlier = self.experiment, self.earlier
        study.write(
            self.out,
            study.Study(
                experiment=str(experiment.path),
                question=experiment.question,
                source=experiment.source,
                preset=self.preset,
                seeds=max(self.seeds, earlier.seeds if earlier else 0),
                held_equal=self.held_equal,
                baseline=experiment.baseline,
                charts=experiment.charts,
                hypotheses=experiment.hypotheses_of(self.preset),
                trials=self._trial_records(),
                changes=experiment.changes,
                answer=self.answer,
            ),
        )

    def _trial_records(self) -> tuple[dict, ...]:
        own = [self._trial_record(trial) for trial in self.trials]
        return records.merged(self.earlier, own, records.same_recipe(self.trials), self.out / 'trials')

    def _trial_record(self, trial: Trial) -> dict:
        state, run = self.state(trial), self.directory(trial)
        record = {'id': trial.id, 'name': trial.name, 'seed': trial.seed, 'state': state}
        if state in schema.FAILED:
            record['reason'] = records.reason(run)
        if state == 'finished' and trial.id in self._wall_s:
            record['wall_s'] = self._wall_s[trial.id]
        if made := records.code(run, self._sources if trial.id in self._started else {}):
            record['code'] = made
        if state == 'finished' and self.experiment.measure:
            record['measured'] = self._measure(trial)
        return record

    def _measure(self, trial: Trial) -> dict:
        """The columns that the experiment measures from a trial's log; none where that is damaged, as tables say."""
        if trial.id not in self._measured:
            try:
                rows = self.directory(trial).metrics()
            except UserError:
                return {}
            self._measured[trial.id] = _call(self.experiment.measure, 'measure', self.experiment, rows)
        return self._measured[trial.id]


def _call(function: Callable, name: str, experiment: Experiment, argument: Any) -> Any:
    """Call a function of an experiment file. Raises UserError if it fails, which does not affect the trials."""
    try:
        return function(argument)
    except Exception as error:  # a user's code may raise anything
        why = f'{type(error).__name__}: {error}'
        raise UserError(f'the trials are kept, but {name}() of {experiment.path} failed: {why}') from error
