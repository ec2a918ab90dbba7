"""A sweep: it keeps an executor busy with the trials of its agenda, records what became of them, and answers."""

import time
from pathlib import Path

from cnn_bench import runs
from cnn_bench.errors import RunFailed, Stopped, UserError
from cnn_bench.files import is_locked, locked
from cnn_bench.runs import RunDirectory, choice, code, collapse, schema, study
from cnn_bench.runs import tuning as tuning_record
from cnn_bench.runtime.answering import Answering
from cnn_bench.runtime.signals import StopSignals
from cnn_bench.sweep import budget, records, sampling, spending, staleness, tuning
from cnn_bench.sweep.agenda import Agenda
from cnn_bench.sweep.check import check
from cnn_bench.sweep.executor import EndedTrial, Executor
from cnn_bench.sweep.experiment import SMOKE, TRIALS, Experiment, Trial, starts_from
from cnn_bench.sweep.outcome import STOPPED, Outcome, of_process
from cnn_bench.sweep.progress_bar import SweepProgress
from cnn_bench.sweep.trial_rows import TrialRows
from cnn_bench.sweep.workload import Workload, workload

POLL_S = 0.2
AGAIN = '`cnn-bench sweep --retry-failed` runs them again'
ENDED = ('finished', *schema.FAILED)


class Sweep:
    """The trials of one preset of an experiment in one directory. Started again, it runs what is missing.

    Attributes: agenda, which knows the trials; held_equal; answer, the result in words after `run`.
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
        tune: tuning.TuningPlan | None = None,
        untuned: bool = True,
    ):
        """Writes nothing. If seconds are held equal, variants without a measurement are timed, in `environment`.

        With `tune` the values of every variant are tuned first, and with `untuned` its seeds run with the recipe's own
        values too. Raises UserError if a trial cannot be run as configured, or if `out` holds another sweep.
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
        earlier_tuning = tuning.read(self.out, tune, self.earlier is not None)
        self._fields = experiment.fields(preset)
        self._spending: spending.Spending | None = None  # written by `run`
        firsts = {name: self._build(name, 0, {}, TRIALS) for name in self._fields}
        check(firsts.values(), data_dir)
        if self.held_equal != 'epochs' and preset != SMOKE:
            workloads = {name: self.workload(trial) for name, trial in firsts.items()}
            self._spending = spending.settle(self.held_equal, firsts, workloads, self.out, data_dir, environment or {})
            if tune and self.held_equal == 'seconds':
                tuning.refuse_untimed(tune)
            firsts = {name: self._build(name, 0, {}, TRIALS) for name in self._fields}
        tuner = tuning.Tuner(tune, self._for_tuner(firsts), earlier_tuning) if tune else None
        self.agenda = Agenda(list(self._fields), seeds, self._build, tuner, untuned)
        self._queued: set[tuple[str, str, int]] = set()  # what has been started in this session or is about to be
        self._again: set[str] = set()  # ids of trials that are made again and have not been started yet
        files = {'recipe': code.file(experiment.recipe), 'experiment': code.file(experiment.path)}
        self._sources = {role: digests for role, digests in files.items() if digests}
        self._rows = TrialRows(experiment, self.earlier, self._sources, self.out / TRIALS)

    @property
    def trials(self) -> list[Trial]:
        """The trials of the table in the order in which they start, without those whose values are not chosen yet."""
        return self.agenda.trials

    def directory(self, trial: Trial) -> RunDirectory:
        """The run directory of a trial."""
        return RunDirectory(self.out / trial.run)

    def state(self, trial: Trial) -> str:
        """finished, one of schema.FAILED, unfinished (which includes not started) or damaged."""
        return 'unfinished' if trial.id in self._again else records.state(self.directory(trial))

    def make_changed_again(self) -> None:
        """Have `run` make those trials again that other code made; what is there is removed when each starts."""
        self._again = set(staleness.other_code([*self.agenda.trials, *self.agenda.untuned], self.directory))

    def stale(self) -> list[str]:
        """Lines on what in the directory was made by other code or another recipe."""
        again = bool(self._again)
        trials = [*self.agenda.trials, *self.agenda.untuned]
        tuning = [trial for trial in self.agenda.known() if trial.folder == tuning_record.TUNING]
        return [
            *staleness.remarks(trials, self.directory, RunDirectory(self.out), self._sources, again),
            *staleness.remarks_on_tuning(tuning, self.directory),
        ]

    def workload(self, trial: Trial) -> Workload:
        """The amount of work in a trial."""
        return workload(trial.config, self.data_dir)

    def run(
        self, executor: Executor, retry_failed: bool = False, max_failures: int = 0, rerun_changed: bool = False
    ) -> None:
        """Run all trials that are neither finished nor, unless `retry_failed`, recorded as failed; with
        `rerun_changed` also those that other code made, from their beginning.

        Raises Stopped if a signal ends the sweep early; and RunFailed at the end if any trial has failed, now or
        earlier, or as soon as `max_failures` trials have (0: never). Failures count among the trials of the table.
        """
        RunDirectory(self.out).create()
        with locked(self.out, 'runs a sweep'), executor, StopSignals() as asked:  # Ray takes SIGTERM when it starts
            self.agenda.open(sampling.journal(self.out) if self.agenda.tuner else None, retry_failed)
            todo = self._more(retry_failed)
            if rerun_changed:
                self.make_changed_again()
                todo += self._more(retry_failed)
            stale = self.stale()
            self._refuse_locked(todo)
            if self._spending:
                self._spending.write(self.out)
            self._record()
            with (
                SweepProgress(self.agenda.total(), self._count_ended(retry_failed)) as progress,
                Answering(progress.asked_to_stop, aborts=executor.trains_here),
            ):
                for line in (*stale, *self.experiment.left_out(self.preset)):
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
                    for ended in (news := executor.ended()):
                        result = self._result(ended)
                        todo += self._more(retry_failed)
                        self._record()
                        counts = self._count_ended(), self.agenda.total()
                        progress.ended(ended.trial.run, self._described(ended.trial), result, *counts)
                    progress.update({trial.run: self._fraction(trial) for trial in executor.running()})
                    if not news:
                        time.sleep(POLL_S)
            self.answer = self._answer()
            self._record()
        self._conclude(max_failures)

    def remarks(self) -> list[str]:
        """Lines on what failed outside of the table."""
        lines = self.agenda.tuner.remarks() if self.agenda.tuner else []
        failed = [trial.id for trial in self.agenda.untuned if self.state(trial) in schema.FAILED]
        of = f'{len(failed)} of {len(self.agenda.untuned)} runs of the recipe as it is'
        return [*lines, f'{of} failed: {", ".join(failed)}'] if failed else lines

    def _build(self, name: str, seed: int, values: dict[str, dict], folder: str) -> Trial:
        """The trial of a variant, where variants have these `values` besides their own."""
        extra = tuning.WITHOUT_TEST if folder == tuning_record.TUNING else {}
        fields = {variant: {**own, **values.get(variant, {}), **extra} for variant, own in self._fields.items()}
        trial = self.experiment.trial(name, seed, fields, folder)
        return self._spending.stretched(trial, self.workload(trial)) if self._spending else trial

    def _for_tuner(self, firsts: dict[str, Trial]) -> tuning.Sources:
        return tuning.Sources(
            own=firsts,
            starts_from={name: starts_from(fields) for name, fields in self._fields.items()},
            build=lambda name, seed, values: self._build(name, seed, values, tuning_record.TUNING),
            directory=self.directory,
            workload=self.workload,
        )

    def _more(self, retry_failed: bool) -> list[Trial]:
        """The trials that can run now and were not started or found before; those of tuning first."""
        left = ('finished',) if retry_failed else ENDED
        new = []
        for trial in self.agenda.advance():
            key = trial.folder, trial.id, trial.until_step
            if key not in self._queued and (trial.folder == tuning_record.TUNING or self.state(trial) not in left):
                self._queued.add(key)
                new.append(trial)
        return new

    def _refuse_locked(self, todo: list[Trial]) -> None:
        for trial in todo:
            if is_locked(self.directory(trial).path):
                where = self.directory(trial).path
                raise UserError(f'another process trains in {where}; wait until it ends, or end it')

    def _next(self, todo: list[Trial]) -> Trial | None:
        """The first trial that depends on no trial that is still to finish; on a failed one it fails in its turn."""
        ready = (trial for trial in todo if not trial.depends_on or self._has_ended(trial.folder, trial.depends_on))
        return next(ready, None)

    def _has_ended(self, folder: str, trial: str) -> bool:
        return trial not in self._again and records.state(RunDirectory(self.out / folder / trial)) in ENDED

    def _start(self, trial: Trial, executor: Executor, progress: SweepProgress) -> None:
        run = self.directory(trial)
        if again := trial.id in self._again:
            executor.forget(trial)
            records.remove(run)
            self._again.remove(trial.id)
        if trial.folder == TRIALS:
            self._rows.started(trial, again)
        records.forget_failure(run)
        if trial.folder == tuning_record.TUNING:
            self.agenda.tuner.started(trial)
        progress.started(trial.run, self._described(trial))
        executor.start(trial, run)

    def _result(self, ended: EndedTrial) -> str:
        """What became of a trial, in words; a failure is recorded in its run."""
        trial, run = ended.trial, self.directory(ended.trial)
        records.add_sources(run, self._sources)
        state = self.state(trial)
        if ended.status == 0 and state == 'finished':
            if trial.folder == TRIALS:
                self._rows.finished(trial)
            summary = run.read(schema.SUMMARY)
            if trial.folder == tuning_record.TUNING:
                return f'validation error {summary["val_top1_err_pct"]:.2f} %'
            return f'top-1 error {summary["top1_err_pct"]:.2f} %'
        if ended.status == 0 and trial.until_step and state not in schema.FAILED:
            return f'paused at step {trial.until_step}'
        outcome = self._outcome(ended, run)
        return 'stopped' if outcome.state == STOPPED else f'{outcome.state}: {outcome.reason}'

    def _described(self, trial: Trial) -> str:
        if trial.folder == tuning_record.TUNING:
            return f'{trial.name}, tuning'
        name = f'{trial.name}, seed {trial.seed}' if self.seeds > 1 else trial.name
        return name if trial.folder == TRIALS else f'{name}, untuned'

    def _count_ended(self, retry_failed: bool = False) -> int:
        """How many trials have ended; without those that will run again because they failed."""
        states = [self.state(trial) for trial in (*self.agenda.trials, *self.agenda.untuned)]
        ended = sum(state in (('finished',) if retry_failed else ENDED) for state in states)
        return ended + (self.agenda.tuner.ended() if self.agenda.tuner else 0)

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
        steps = trial.until_step or trial.config.total_steps or self.workload(trial).steps
        return min(1.0, rows[-1]['step'] / steps) if rows else 0.0

    def _failures(self) -> dict[str, str]:
        """Trial id -> state and reason, of failed trials."""
        failed = ((trial, state) for trial in self.trials if (state := self.state(trial)) in schema.FAILED)
        return {trial.id: f'{state}: {records.reason(self.directory(trial))}' for trial, state in failed}

    def _too_many_failures(self, max_failures: int) -> bool:
        return bool(max_failures) and len(self._failures()) >= max_failures

    def _conclude(self, max_failures: int) -> None:
        failures, total = self._failures(), self.agenda.total()
        finished = self._count_ended() - len(failures)
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
            raise RunFailed(f'{len(failures)} of {len(self.trials)} trials failed: {reasons}; {AGAIN}')

    def _answer(self) -> str:
        if not runs.find(self.out):
            return ''
        self._record()  # the table takes measured columns from there
        table = choice.choose(self.out, runs.load(self.out)).table
        finished = table[table.state == 'finished']
        if not len(finished):
            return ''
        averaged = finished[~collapse.left_out_of_means(finished)]
        answer = self.experiment.call('report', averaged)
        return '\n\n'.join(filter(None, [answer, collapse.sentence(finished)]))

    def _record(self) -> None:
        experiment, earlier = self.experiment, self.earlier
        if self.agenda.tuner:  # before sweep.json, which alone would be that of a sweep without tuning
            tuning_record.write(self.out, self.agenda.tuner.record())
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
                trials=self._rows.rows(self.trials, self.state),
                changes=experiment.changes,
                answer=self.answer,
            ),
        )
