"""The training loop: next batch, step, log, save, stop, evaluate.

The checkpoint of a step is saved before the step's evaluation, so a run that resumes from it evaluates first. A
logging window that a signal cut short is saved in the checkpoint too, so that the log reads as if nothing had happened.
"""

import jax
import numpy as np

from cnn_bench.errors import RunFailed, Stopped
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs.shapes import LARGEST
from cnn_bench.runs.sinks import Sinks
from cnn_bench.runtime.signals import TrainingStopSignals
from cnn_bench.trained.checkpoint import Checkpoints, DamagedCheckpoint
from cnn_bench.training.evaluate import Evaluation, evaluate_state, summary_fields
from cnn_bench.training.freezing import parameter_counts
from cnn_bench.training.monitor import Monitor
from cnn_bench.training.profile import Profiler
from cnn_bench.training.progress import Progress
from cnn_bench.training.setup import TrainingSetup
from cnn_bench.training.splits import TEST, VALIDATION
from cnn_bench.training.stages import Stage
from cnn_bench.training.state import State
from cnn_bench.training.stopwatch import Stopwatch

KINDS = {VALIDATION: schema.VALIDATION, TEST: schema.TEST}  # of rows in metrics.jsonl
PREDICTIONS = {VALIDATION: schema.VALIDATION_PREDICTIONS, TEST: schema.PREDICTIONS}


class Diverged(RunFailed):
    """A loss, a parameter or a batch statistic is not finite."""


class Trainer:
    """One run in progress."""

    def __init__(
        self,
        setup: TrainingSetup,
        run: RunDirectory,
        checkpoints: Checkpoints,
        progress: Progress,
        sinks: Sinks,
        signals: TrainingStopSignals,
        profiler: Profiler,
        fall_back: bool,
        until_step: int,
    ):
        self.until_step = until_step or setup.total_steps
        self.setup, self.config, self.run = setup, setup.config, run
        self.checkpoints, self.progress, self.sinks = checkpoints, progress, sinks
        self.signals, self.profiler = signals, profiler
        self.eval_step = setup.compiled_eval_step()
        self.stopwatch = Stopwatch()
        self.pending: list[dict[str, jax.Array]] = []  # metrics of steps that are not logged yet, still on the device
        saved = {}
        progress.phase('making the first state' if checkpoints.latest_step() is None else 'reading the checkpoint')
        if checkpoints.latest_step() is None:
            self.state = setup.first_state()
        else:
            self.state, saved = self._restore(fall_back)
            self.stopwatch = Stopwatch(saved['timed']['train_s'], saved['timed']['images'])
            self.pending = [_floats(metrics) for metrics in saved['pending']]
        self.step = int(self.state.step)
        self.evaluated: dict[str, tuple[int, Evaluation]] = {}  # part -> step and result of its last evaluation
        self._set_stage(setup.stage_at(self.step))
        there = run.rewind(self.step)
        self.logged = saved.get('logged', there)  # rows, those included that the log has lost since
        self.lost = self.logged - there
        if self.lost:
            progress.say(
                f'{run / schema.METRICS} lacks {self.lost} of the {self.logged} rows that were logged up to step '
                f'{self.step}: training goes on, but the curve of this run has a gap and its training error is unknown'
            )

    def _restore(self, fall_back: bool) -> tuple[State, dict]:
        """State and progress of the newest checkpoint, or of the newest that can be read."""
        damaged, steps = [], self.checkpoints.steps()
        for step in reversed(steps):
            try:
                restored = self.checkpoints.restore(self.setup.state_like(step), step)
                break
            except DamagedCheckpoint:
                if not fall_back or step == steps[0]:
                    raise
                damaged.append(step)
        for each in damaged:
            self.progress.say(f'the checkpoint of step {each} cannot be read; deleted, going on from step {step}')
            self.checkpoints.delete(each)
        self._keep_best(restored[0])
        self.checkpoints.remove_old()
        return restored

    def _keep_best(self, state: State) -> None:
        """Keep the checkpoint of the best validation, where the recipe tests its weights."""
        if self.config.keep_best:
            self.checkpoints.best = int(state.eval_state.best_step)

    def run_to_end(self) -> dict | None:
        """Train what remains, write predictions and summary, and return the summary; None where the run pauses."""
        self.progress.start(self.step, self.setup.total_steps, self.setup.steps_per_epoch, self.config.batch_size)
        self.sinks.open(self.step)
        if self.signals.asked_already():
            raise Stopped(f'stopped at step {self.step} of {self.setup.total_steps}; the same command goes on')
        if self.step:
            self._evaluate()
        while self.step < min(self.until_step, self.setup.total_steps) and not self.monitor.stopped:
            if self.step == self.stage.end:
                self._begin_next_stage()
            self.stopwatch.start()
            batches, count = self._next_batches()
            self._train(batches, count)
            if self._due(self.config.log_every_steps) or self._due_save() or self._epoch_ends():
                self._log()
            if self._due_save():
                self._save()
            self._stop_if_asked()
            if self.step == self.until_step:  # before its evaluation, as any checkpoint
                self._keep_state()
            self._evaluate()
        paused = self.step < self.setup.total_steps and not self.monitor.stopped
        return None if paused else self._finish()

    def _set_stage(self, stage: Stage) -> None:
        self.stage, self.train_steps = stage, self.setup.compiled_train_steps(stage)
        self.shared = self.setup.shared(stage)
        self.monitor = Monitor(self.setup, stage, self.state)
        self.compiled: set[int] = set()  # numbers of steps per call for which the stage's program is compiled
        self.progress.stage(stage.number, len(self.setup.stages), parameter_counts(stage.freezing, self.state.params))

    def _begin_next_stage(self) -> None:
        stage = self.setup.stages[self.stage.number + 1]
        self.state = self.setup.begin(stage, self.state)
        self._set_stage(stage)

    def _next_batches(self) -> tuple:
        per_epoch = self.setup.steps_per_epoch
        stops = [per_epoch - self.step % per_epoch, self.stage.end - self.step, self.until_step - self.step]
        if self.config.checkpoint_every_steps:
            stops.append(self.config.checkpoint_every_steps - self.step % self.config.checkpoint_every_steps)
        one_call = self.setup.devices[0].platform != 'cpu' and self.setup.train_data.dataset
        count = min(stops) if one_call else 1
        seed, batch_size = self.config.seed, self.config.batch_size
        return self.setup.train_data.train_batches(seed, batch_size, self.step, count), count

    def _train(self, batches, count: int) -> None:
        self.progress.phase('training' if count in self.compiled else 'compiling')
        (self.state, metrics), _ = self.profiler(self.train_steps, self.state, self.shared, batches)
        self.pending.append(metrics)
        self.step += count
        if count in self.compiled:
            self.stopwatch.images += count * self.config.batch_size
        else:
            jax.block_until_ready(metrics)
            self.compiled.add(count)
            self.stopwatch.stop(discard=True)
        self.progress.look(self.step, self.pending, self.monitor.rate)

    def _fetch(self) -> None:
        """Bring the metrics of pending steps to the host, in one dictionary; this ends the time of those steps."""
        if not self.pending:
            return
        pending = jax.device_get(self.pending)
        self.stopwatch.stop()
        metrics = {name: np.concatenate([m[name] for m in pending]) for name in pending[0]}
        self.pending = [metrics]
        first = self.step - len(metrics['loss'])
        bad = np.flatnonzero(~np.isfinite(metrics['loss']))
        if len(bad):
            raise Diverged(
                f'the loss of step {first + bad[0] + 1} is {metrics["loss"][bad[0]]} '
                f'(steps {first + 1} to {self.step} were looked at together)'
            )

    def _log(self) -> None:
        """Write a row of metrics.jsonl for each logging window among the pending steps."""
        self._fetch()
        [metrics], self.pending = self.pending, []
        first = self.step - len(metrics['loss'])
        rows, every = [], self.config.log_every_steps
        for start in sorted({first, *range(first - first % every + every, self.step, every)}):
            window = slice(start - first, min(start - start % every + every, self.step) - first)
            rows.append(self._row(schema.TRAIN, first + window.stop, {k: v[window].mean() for k, v in metrics.items()}))
            rows[-1]['learning_rate'] = _rounded(self.monitor.rate(first + window.stop - 1))
        self._write(rows)
        self.progress.logged(rows, self.stopwatch.images_per_s)

    def _save(self) -> None:
        if not _all_finite(self.state.variables):
            raise Diverged(f'after step {self.step} a parameter or a batch statistic is not finite')
        pending = [{name: m.astype(np.float32).tolist() for name, m in metrics.items()} for metrics in self.pending]
        timed = {'train_s': self.stopwatch.seconds, 'images': self.stopwatch.images}
        first = self.checkpoints.latest_step() is None
        self.checkpoints.save(self.state, {'timed': timed, 'pending': pending, 'logged': self.logged})
        if first:  # reading it back shows a place where saves fail silently, before much is trained
            self.checkpoints.wait()
            self.checkpoints.restore_variables(self.setup.state_like(self.step).variables)

    def _stop_if_asked(self) -> None:
        if not self.signals.poll():
            return
        self._keep_state()
        raise Stopped(f'stopped at step {self.step} of {self.setup.total_steps}, saved; the same command goes on')

    def _keep_state(self) -> None:
        """Save the present state, unless it is saved, and wait until it is on the disk."""
        self.progress.phase('saving')
        self._fetch()
        if self.checkpoints.latest_step() != self.step:
            self._save()
        self.checkpoints.wait()

    def _evaluate(self) -> None:
        """Validate and test the present weights, where this step is one at which the recipe asks for it."""
        if self._due_validation():
            metrics = self._evaluation(VALIDATION, self.state, self.step).metrics
            self.state = self.monitor.follow(self.state, metrics)
            self._keep_best(self.state)
        if self._due_epochs(self.config.test_every_epochs):
            self._evaluation(TEST, self.state, self.step)

    def _evaluation(self, part: str, state: State, step: int) -> Evaluation:
        """Evaluate the state after `step` steps; the result is logged unless that is an earlier one."""
        batches, batch_size = self.setup.eval_data[part], self.config.eval_batch_size
        self.progress.phase('validating' if part == VALIDATION else 'testing')
        task, between = self.setup.task, self._stop_if_asked
        evaluation = evaluate_state(task, self.eval_step, state, batches, batch_size, between)
        self.evaluated[part] = step, evaluation
        if step == self.step:
            self._write([self._row(KINDS[part], step, evaluation.metrics)])
        self.progress.evaluated(part, step / self.setup.steps_per_epoch, evaluation.metrics)
        return evaluation

    def _finish(self) -> dict:
        """Evaluate the weights that stand for the run, and write their predictions and the summary."""
        self.progress.phase('saving')
        self.checkpoints.wait()  # a run is not finished before its weights are on the disk
        state, step, metrics = self.state, self.step, {}
        if self.config.keep_best and self.monitor.best_step != step:
            step = self.monitor.best_step
            state, _ = self.checkpoints.restore(self.setup.state_like(step), step)
        for part in self.setup.eval_data:
            at, evaluation = self.evaluated.get(part, (None, None))
            if at != step:
                evaluation = self._evaluation(part, state, step)
            self.run.write_arrays(PREDICTIONS[part], self.setup.task.predictions(evaluation.targets, evaluation.each))
            metrics |= summary_fields(part, evaluation.metrics)
        summary = {
            'state': 'finished',
            'steps': self.step,
            'epochs': self.step / self.setup.steps_per_epoch,
            **metrics,
            'tested_step': step,
            **self.monitor.summary(),
            'train_s': self.stopwatch.seconds,
            'images_per_s': self.stopwatch.images_per_s,
            **({'log_rows_lost': self.lost} if self.lost else {}),
        }
        for name, value in metrics.items():
            if not value <= LARGEST:  # finite weights may be as good as none
                raise Diverged(f'{name} of the weights of step {step} is {value:.3g}')
        self.run.write(schema.SUMMARY, summary)
        return summary

    def _row(self, kind: str, step: int, values: dict) -> dict:
        epoch = round(step / self.setup.steps_per_epoch, 4)
        stage = {'stage': self.stage.number + 1} if len(self.setup.stages) > 1 else {}
        return {'kind': kind, 'step': step, 'epoch': epoch, **stage, **{k: _rounded(v) for k, v in values.items()}}

    def _write(self, rows: list[dict]) -> None:
        self.run.append(rows)
        self.logged += len(rows)
        self.sinks.log(rows)

    def _due(self, every: int) -> bool:
        return self.step % every == 0

    def _epoch_ends(self) -> bool:
        return self._due(self.setup.steps_per_epoch)

    def _due_save(self) -> bool:
        every = self.config.checkpoint_every_steps or self.setup.steps_per_epoch
        may_be_kept = (self.config.early_stop_patience or self.config.keep_best) and self._due_validation()
        return self._due(every) or self.step == self.stage.end or may_be_kept

    def _due_validation(self) -> bool:
        if VALIDATION not in self.setup.splits.sizes:
            return False
        return self._due_epochs(self.config.eval_every_epochs) or self.step == self.setup.total_steps

    def _due_epochs(self, every: int) -> bool:
        return bool(every) and self._due(every * self.setup.steps_per_epoch)


def _rounded(value) -> float | int:
    """The shortest decimal that identifies a float32; an int as it is."""
    return value if isinstance(value, int) else float(str(np.float32(value)))


def _all_finite(tree: dict) -> bool:
    return all(np.isfinite(np.asarray(leaf, np.float32)).all() for leaf in jax.tree.leaves(tree))


def _floats(metrics: dict[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(values, np.float32) for name, values in metrics.items()}
