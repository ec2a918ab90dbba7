"""The training loop: next batch, step, log, save, evaluate, stop."""

import time
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from cnn_bench.errors import RunFailed, UserError
from cnn_bench.runs import RunDirectory, provenance, schema
from cnn_bench.runs.sinks import Wandb
from cnn_bench.training import recipe
from cnn_bench.training.checkpoint import Checkpoints
from cnn_bench.training.evaluate import Evaluation, evaluate
from cnn_bench.training.progress import Progress
from cnn_bench.training.task import Task


def train(config: ConfigDict, workdir: str | Path, data_dir: str | None = None) -> dict:
    """Train by a recipe into a run directory, going on from its last checkpoint; return the run's summary.

    A finished run is left as it is. Raises UserError for bad input, before anything is written, and RunFailed for a
    loss that is not finite, after the summary says so.
    """
    run = RunDirectory(workdir)
    _check_same_recipe(run, config)
    summary = run.read(schema.SUMMARY)
    if summary and summary['state'] == 'finished':
        return summary
    task = Task(config, data_dir)
    task.load_data()
    record = _provenance(task, run)
    run.create()
    run.write(schema.CONFIG, recipe.to_dict(config))
    run.write(schema.PROVENANCE, record)
    sinks = (
        [Wandb(config.wandb.project, run.path.name, recipe.to_dict(config), run.path)] if config.wandb.enabled else []
    )
    with (
        Checkpoints(run / schema.CHECKPOINTS, config.keep_checkpoints) as checkpoints,
        Progress(run.path.name, task.total_steps, config.batch_size) as progress,
    ):
        try:
            summary = Trainer(task, run, checkpoints, progress, sinks).run_to_end()
        except RunFailed as error:
            summary = {'state': 'diverged', 'reason': str(error)}
            run.write(schema.SUMMARY, summary)
            raise RunFailed(f'{error}; the log and the last good checkpoint are in {run.path}') from error
        finally:
            for sink in sinks:
                sink.finish(summary or {'state': 'unfinished'})
    return summary


def evaluate_run(workdir: str | Path, data_dir: str | None = None) -> dict:
    """Metrics of a run's newest checkpoint on its test split, with the step that they are of."""
    run = RunDirectory(workdir)
    fields = run.read(schema.CONFIG)
    if fields is None:
        raise UserError(f'{run.path} is not a run: it has no {schema.CONFIG}')
    task = Task(recipe.from_dict(fields), data_dir)
    if not (run / schema.CHECKPOINTS).is_dir():
        raise UserError(f'{run.path} has no checkpoint')
    with Checkpoints(run / schema.CHECKPOINTS, task.config.keep_checkpoints) as checkpoints:
        if checkpoints.latest_step() is None:
            raise UserError(f'{run.path} has no checkpoint')
        state, _ = checkpoints.restore(task.fresh_state())
    result = evaluate(task.compiled_eval_step(), state.variables, task.test_feed, task.config.eval_batch_size)
    return {'arch': task.config.model.arch, 'step': int(state.step), **result.metrics}


class Trainer:
    """One run under way."""

    def __init__(self, task: Task, run: RunDirectory, checkpoints: Checkpoints, progress: Progress, sinks: list):
        self.task, self.config, self.run = task, task.config, run
        self.checkpoints, self.progress, self.sinks = checkpoints, progress, sinks
        self.train_steps, self.eval_step = task.compiled_train_steps(), task.compiled_eval_step()
        self.state, self.timed = task.fresh_state(), {'train_s': 0.0, 'images': 0}
        if checkpoints.latest_step() is not None:
            self.state, self.timed = checkpoints.restore(self.state)
        self.step = int(self.state.step)
        run.rewind(self.step)
        self.pending: list[dict[str, jax.Array]] = []  # metrics of steps not logged yet, still on the device
        self.compiled: set[int] = set()  # lengths of calls that need no compilation any more
        self.clock = time.perf_counter()

    def run_to_end(self) -> dict:
        """Train what remains, write predictions and summary, and return the summary."""
        evaluation = None
        self.progress.start(self.step)
        while self.step < self.task.total_steps:
            batches, count = self._next_batches()
            self._train(batches, count)
            if self._due(self.config.log_every_steps) or self._due_save() or self._epoch_ends():
                self._log()
            if self._due_evaluation():
                evaluation = self._evaluate()
            if self._due_save():
                self.checkpoints.save(self.state, self.timed)
                self.clock = time.perf_counter()
        return self._finish(evaluation or evaluate(*self._evaluation_arguments()))

    def _next_batches(self) -> tuple:
        per_epoch = self.task.steps_per_epoch
        stops = [per_epoch - self.step % per_epoch]
        if self.config.checkpoint_every_steps:
            stops.append(self.config.checkpoint_every_steps - self.step % self.config.checkpoint_every_steps)
        one_call = self.task.devices[0].platform != 'cpu' and self.task.train_feed.dataset
        count = min(stops) if one_call else 1
        seed, batch_size = self.config.seed, self.config.batch_size
        return self.task.train_feed.train_batches(seed, batch_size, self.step, count), count

    def _train(self, batches, count: int) -> None:
        dataset = self.task.train_feed.dataset
        (self.state, metrics), _ = self.train_steps(self.state, dataset, batches)
        self.pending.append(metrics)
        self.step += count
        if count in self.compiled:
            self.timed['images'] += count * self.config.batch_size
        else:
            jax.block_until_ready(metrics)
            self.compiled.add(count)
            self.clock = time.perf_counter()

    def _log(self) -> None:
        """A row of metrics.jsonl for each logging window among the steps that are pending."""
        pending = jax.device_get(self.pending)
        self.pending = []
        now = time.perf_counter()
        self.timed['train_s'] += now - self.clock
        metrics = {name: np.concatenate([m[name] for m in pending]) for name in pending[0]}
        first = self.step - len(metrics['loss'])
        bad = np.flatnonzero(~np.isfinite(metrics['loss']))
        if len(bad):
            raise RunFailed(f'the loss of step {first + bad[0] + 1} is {metrics["loss"][bad[0]]}')
        rows, every = [], self.config.log_every_steps
        for start in sorted({first, *range(first - first % every + every, self.step, every)}):
            window = slice(start - first, min(start - start % every + every, self.step) - first)
            rows.append(self._row('train', first + window.stop, {k: v[window].mean() for k, v in metrics.items()}))
            rows[-1]['learning_rate'] = _rounded(self.task.schedule(first + window.stop - 1))
        self._write(rows)
        self.progress.update(self.step, self.timed)
        self.clock = time.perf_counter()

    def _evaluate(self) -> Evaluation:
        evaluation = evaluate(*self._evaluation_arguments())
        self._write([self._row('eval', self.step, evaluation.metrics)])
        self.progress.evaluated(self.step / self.task.steps_per_epoch, evaluation.metrics)
        self.clock = time.perf_counter()
        return evaluation

    def _evaluation_arguments(self) -> tuple:
        return self.eval_step, self.state.variables, self.task.test_feed, self.config.eval_batch_size

    def _finish(self, evaluation: Evaluation) -> dict:
        self.run.write_predictions(evaluation.labels, evaluation.log_probs)
        metrics = evaluation.metrics
        seconds = self.timed['train_s']
        summary = {
            'state': 'finished',
            'steps': self.step,
            'top1_err_pct': metrics['top1_err_pct'],
            'top5_err_pct': metrics['top5_err_pct'],
            'test_loss': metrics['loss'],
            'train_s': seconds,
            'images_per_s': self.timed['images'] / seconds if self.timed['images'] else None,
        }
        self.run.write(schema.SUMMARY, summary)
        return summary

    def _row(self, kind: str, step: int, values: dict) -> dict:
        epoch = round(step / self.task.steps_per_epoch, 4)
        return {'kind': kind, 'step': step, 'epoch': epoch, **{k: _rounded(v) for k, v in values.items()}}

    def _write(self, rows: list[dict]) -> None:
        self.run.append(rows)
        for sink in self.sinks:
            sink.log(rows)

    def _due(self, every: int) -> bool:
        return self.step % every == 0

    def _epoch_ends(self) -> bool:
        return self._due(self.task.steps_per_epoch)

    def _due_save(self) -> bool:
        every = self.config.checkpoint_every_steps or self.task.steps_per_epoch
        return self._due(every) or self.step == self.task.total_steps

    def _due_evaluation(self) -> bool:
        return (
            self._due(self.config.eval_every_epochs * self.task.steps_per_epoch) or self.step == self.task.total_steps
        )


def _rounded(value) -> float | int:
    """A float32's shortest decimal that tells it from all others; an int as it is."""
    return value if isinstance(value, int) else float(str(np.float32(value)))


def _check_same_recipe(run: RunDirectory, config: ConfigDict) -> None:
    there = run.read(schema.CONFIG)
    if there is None:
        return
    differences = recipe.differences(there, recipe.to_dict(config))
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
    earlier = [*before['earlier_sessions'], {k: before[k] for k in ('started', 'git')}] if before else []
    return {
        **provenance.collect(),
        **provenance.devices(task.devices),
        'dtype': task.config.model.dtype,
        'seed': task.config.seed,
        'data': data,
        'network': task.facts(),
        'earlier_sessions': earlier,
    }
