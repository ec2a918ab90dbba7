"""The training loop: next batch, step, log, save, stop, evaluate.

The checkpoint of a step is saved before the step's evaluation, so a run that goes on from it evaluates first. A
logging window that a signal cut short is in the checkpoint too, so that the log reads as if nothing had happened.
"""

import time
from contextlib import nullcontext
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from cnn_bench import recipe
from cnn_bench.errors import RunFailed, Stopped, UserError
from cnn_bench.runs import RunDirectory, provenance, schema
from cnn_bench.runs.directory import ReadOnlyRunDirectory
from cnn_bench.runs.lock import locked
from cnn_bench.runs.sinks import Sinks, wanted
from cnn_bench.runtime import determinism, distributed, limits
from cnn_bench.runtime.signals import TrainingStopSignals
from cnn_bench.training import initial
from cnn_bench.training.checkpoint import Checkpoints
from cnn_bench.training.evaluate import Evaluation
from cnn_bench.training.freezing import parameter_counts
from cnn_bench.training.profile import profiled
from cnn_bench.training.progress import Progress
from cnn_bench.training.stages import Stage
from cnn_bench.training.task import Task
from cnn_bench.training.validation import Validation, evaluate_state

WHERE = ('devices',)  # fields that say where a run runs, not what it is: they may differ from session to session
SESSION = ('started', 'git', 'num_devices', 'num_processes', 'deterministic')  # kept of each session's provenance


def train(config: ConfigDict, workdir: str | Path, data_dir: str | None = None, profile: bool = False) -> dict:
    """Train by a recipe into a run directory, going on from its last checkpoint; return the run's summary.

    A finished run is left as it is. With `profile`, some steps are traced into the run directory. Raises UserError for
    bad input, before anything is written, and where another process trains there; RunFailed for a loss that is not
    finite, after the summary says so; and Stopped where a signal asked for it, after the state is saved.
    """
    distributed.check_same_recipe(recipe.to_dict(config))
    run = (RunDirectory if distributed.is_first() else ReadOnlyRunDirectory)(workdir)
    _check_same_recipe(run, config)
    summary = run.read(schema.SUMMARY)
    if summary and summary['state'] == 'finished':
        return summary
    task = Task(config, data_dir, initial.origin_of(config, run, data_dir))
    task.load_data()
    record = _provenance(task, run)
    limits.require_room(record['network']['params'])
    sinks = wanted(config, run) if distributed.is_first() else Sinks({})
    run.create()
    with locked(run.path) if distributed.is_first() else nullcontext():
        run.write(schema.CONFIG, recipe.to_dict(config))
        run.write(schema.PROVENANCE, record)
        return _session(task, run, sinks, profile)


def _session(task: Task, run: RunDirectory, sinks: Sinks, profile: bool) -> dict:
    config, summary = task.config, None
    with (
        TrainingStopSignals() as requests,
        Checkpoints(run / schema.CHECKPOINTS, config.keep_checkpoints, _what(recipe.to_dict(config))) as checkpoints,
        Progress(run.path.name, task.total_steps, config.batch_size, quiet=not distributed.is_first()) as progress,
    ):
        try:
            with distributed.exit_when_another_fails():
                trainer = Trainer(task, run, checkpoints, progress, sinks, requests)
                with profiled(trainer.train_steps, run / schema.PROFILE, profile) as trainer.train_steps:
                    summary = trainer.run_to_end()
        except RunFailed as error:
            summary = {'state': 'diverged', 'reason': str(error)}
            run.write(schema.SUMMARY, summary)
            raise RunFailed(f'{error}; the log and the last good checkpoint are in {run.path}') from error
        finally:
            sinks.finish(summary or {'state': 'unfinished'})
    return summary


class Trainer:
    """One run under way."""

    def __init__(
        self,
        task: Task,
        run: RunDirectory,
        checkpoints: Checkpoints,
        progress: Progress,
        sinks: Sinks,
        requests: TrainingStopSignals,
    ):
        self.task, self.config, self.run = task, task.config, run
        self.checkpoints, self.progress, self.sinks, self.requests = checkpoints, progress, sinks, requests
        self.train_steps, self.eval_step = self._steps_of_stage, task.compiled_eval_step()
        self.timed = {'train_s': 0.0, 'images': 0}
        self.pending: list[dict[str, jax.Array]] = []  # metrics of steps not logged yet, still on the device
        if checkpoints.latest_step() is None:
            self.state = task.fresh_state()
        else:
            self.state, progress = checkpoints.restore(task.state_like(checkpoints.latest_step()))
            self.timed, self.pending = progress['timed'], [_floats(m) for m in progress['pending']]
        self.step = int(self.state.step)
        self._set_stage(task.stage_at(self.step))
        run.rewind(self.step)

    def run_to_end(self) -> dict:
        """Train what remains, write predictions and summary, and return the summary."""
        self.progress.start(self.step)
        self.sinks.open(self.step)
        evaluation = self._evaluate() if self.step and self._due_evaluation() else None
        while self.step < self.task.total_steps and not self.validation.stopped:
            if self.step == self.stage.end:
                self._begin_next_stage()
            batches, count = self._next_batches()
            self._train(batches, count)
            if self._due(self.config.log_every_steps) or self._due_save() or self._epoch_ends():
                self._log()
            if self._due_save():
                self._save()
            self._stop_if_asked()
            if self._due_evaluation():
                evaluation = self._evaluate()
        return self._finish(evaluation)

    def _set_stage(self, stage: Stage) -> None:
        self.stage, self._of_stage = stage, self.task.compiled_train_steps(stage)
        self.validation = Validation(self.task, stage, self.state)
        self.compiled: set[int] = set()  # lengths of calls that need no compilation any more
        self.progress.stage(stage.number, len(self.task.stages), parameter_counts(stage.freezing, self.state.params))
        self.clock = time.perf_counter()

    def _begin_next_stage(self) -> None:
        stage = self.task.stages[self.stage.number + 1]
        self.state = self.task.begin(stage, self.state)
        self._set_stage(stage)

    def _steps_of_stage(self, *arguments) -> tuple:
        return self._of_stage(*arguments)

    def _next_batches(self) -> tuple:
        per_epoch = self.task.steps_per_epoch
        stops = [per_epoch - self.step % per_epoch, self.stage.end - self.step]
        if self.config.checkpoint_every_steps:
            stops.append(self.config.checkpoint_every_steps - self.step % self.config.checkpoint_every_steps)
        one_call = self.task.devices[0].platform != 'cpu' and self.task.train_feed.dataset
        count = min(stops) if one_call else 1
        seed, batch_size = self.config.seed, self.config.batch_size
        return self.task.train_feed.train_batches(seed, batch_size, self.step, count), count

    def _train(self, batches, count: int) -> None:
        (self.state, metrics), _ = self.train_steps(self.state, self.task.shared, batches)
        self.pending.append(metrics)
        self.step += count
        if count in self.compiled:
            self.timed['images'] += count * self.config.batch_size
        else:
            jax.block_until_ready(metrics)
            self.compiled.add(count)
            self.clock = time.perf_counter()

    def _fetch(self) -> None:
        """Bring the metrics of pending steps to this side, in one dictionary, and count the time that they took."""
        if not self.pending:
            return
        pending = jax.device_get(self.pending)
        self.timed['train_s'] += time.perf_counter() - self.clock
        metrics = {name: np.concatenate([m[name] for m in pending]) for name in pending[0]}
        self.pending = [metrics]
        first = self.step - len(metrics['loss'])
        bad = np.flatnonzero(~np.isfinite(metrics['loss']))
        if len(bad):
            raise RunFailed(
                f'the loss of step {first + bad[0] + 1} is {metrics["loss"][bad[0]]} '
                f'(steps {first + 1} to {self.step} were looked at together)'
            )
        self.clock = time.perf_counter()

    def _log(self) -> None:
        """A row of metrics.jsonl for each logging window among the steps that are pending."""
        self._fetch()
        [metrics], self.pending = self.pending, []
        first = self.step - len(metrics['loss'])
        rows, every = [], self.config.log_every_steps
        for start in sorted({first, *range(first - first % every + every, self.step, every)}):
            window = slice(start - first, min(start - start % every + every, self.step) - first)
            rows.append(self._row('train', first + window.stop, {k: v[window].mean() for k, v in metrics.items()}))
            rows[-1]['learning_rate'] = _rounded(self.validation.rate(first + window.stop - 1))
        self._write(rows)
        self.progress.update(self.step, self.timed)
        self.clock = time.perf_counter()

    def _save(self) -> None:
        if not _all_finite(self.state.variables):
            raise RunFailed(f'after step {self.step} a parameter or a batch statistic is not finite')
        pending = [{name: m.astype(np.float32).tolist() for name, m in metrics.items()} for metrics in self.pending]
        self.checkpoints.save(self.state, {'timed': self.timed, 'pending': pending})
        self.clock = time.perf_counter()

    def _stop_if_asked(self) -> None:
        if not self.requests.poll():
            return
        self._fetch()
        if self.checkpoints.latest_step() != self.step:
            self._save()
        self.checkpoints.wait()
        raise Stopped(f'stopped at step {self.step} of {self.task.total_steps}, saved; the same command goes on')

    def _evaluate(self) -> Evaluation:
        feed, batch_size = self.task.test_feed, self.config.eval_batch_size
        evaluation = evaluate_state(self.eval_step, self.state, feed, batch_size, self._stop_if_asked)
        self.state = self.validation.follow(self.state, evaluation.metrics)
        self._write([self._row('eval', self.step, evaluation.metrics)])
        self.progress.evaluated(self.step / self.task.steps_per_epoch, evaluation.metrics)
        self.clock = time.perf_counter()
        return evaluation

    def _finish(self, evaluation: Evaluation) -> dict:
        self.run.write_predictions(evaluation.labels, evaluation.log_probs)
        metrics = evaluation.metrics
        seconds = self.timed['train_s']
        summary = {
            'state': 'finished',
            'steps': self.step,
            'epochs': self.step / self.task.steps_per_epoch,
            'top1_err_pct': metrics['top1_err_pct'],
            'top5_err_pct': metrics['top5_err_pct'],
            'test_loss': metrics['loss'],
            **self.validation.summary(metrics),
            'train_s': seconds,
            'images_per_s': self.timed['images'] / seconds if self.timed['images'] else None,
        }
        self.run.write(schema.SUMMARY, summary)
        return summary

    def _row(self, kind: str, step: int, values: dict) -> dict:
        epoch = round(step / self.task.steps_per_epoch, 4)
        stage = {'stage': self.stage.number + 1} if len(self.task.stages) > 1 else {}
        return {'kind': kind, 'step': step, 'epoch': epoch, **stage, **{k: _rounded(v) for k, v in values.items()}}

    def _write(self, rows: list[dict]) -> None:
        self.run.append(rows)
        self.sinks.log(rows)

    def _due(self, every: int) -> bool:
        return self.step % every == 0

    def _epoch_ends(self) -> bool:
        return self._due(self.task.steps_per_epoch)

    def _due_save(self) -> bool:
        every = self.config.checkpoint_every_steps or self.task.steps_per_epoch
        may_stop = self.config.early_stop_patience and self._due_evaluation()
        return self._due(every) or self.step == self.stage.end or may_stop

    def _due_evaluation(self) -> bool:
        return (
            self._due(self.config.eval_every_epochs * self.task.steps_per_epoch) or self.step == self.task.total_steps
        )


def _rounded(value) -> float | int:
    """A float32's shortest decimal that tells it from all others; an int as it is."""
    return value if isinstance(value, int) else float(str(np.float32(value)))


def _all_finite(tree: dict) -> bool:
    return all(np.isfinite(np.asarray(leaf, np.float32)).all() for leaf in jax.tree.leaves(tree))


def _floats(metrics: dict[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(values, np.float32) for name, values in metrics.items()}


def _what(fields: dict) -> dict:
    return {name: value for name, value in fields.items() if name not in WHERE}


def _check_same_recipe(run: RunDirectory, config: ConfigDict) -> None:
    there = run.read(schema.CONFIG)
    if there is None:
        return
    differences = recipe.differences(_what(there), _what(recipe.to_dict(config)))
    if differences:
        raise UserError(
            f'{run.path} holds a run of another recipe (there, here): {"; ".join(differences)}; '
            'use another --workdir or the recipe that it has'
        )


def _provenance(task: Task, run: RunDirectory) -> dict:
    """What this session is, and when and on what code the run's earlier sessions were."""
    data = {'name': task.info.name, 'version': task.info.version, 'fingerprint': task.info.fingerprint}
    before = run.read(schema.PROVENANCE)
    if before and before['data'] != data:
        raise UserError(f'{run.path} was trained on other data than {task.info.name} is now; use another --workdir')
    earlier = [*before['earlier_sessions'], {k: before[k] for k in SESSION}] if before else []
    return {
        **provenance.collect(),
        **provenance.devices(task.devices),
        **determinism.record(),
        'num_processes': jax.process_count(),
        'dtype': task.config.model.dtype,
        'seed': task.config.seed,
        'total_steps': task.total_steps,
        'total_epochs': round(task.total_steps / task.steps_per_epoch, 4),
        'data': data,
        **({'init': task.origin.record()} if task.origin else {}),
        'network': {**task.facts(), **task.training_facts()},
        'earlier_sessions': earlier,
    }
