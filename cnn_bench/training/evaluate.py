"""Evaluation: every image counted exactly once, on any number of devices and processes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cnn_bench import data, trained
from cnn_bench.errors import RunFailed, UserError
from cnn_bench.recipe import MONITORED
from cnn_bench.runs import RunDirectory
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runtime import distributed, parallel
from cnn_bench.training.batches import Batches, batches_for
from cnn_bench.training.setup import restore
from cnn_bench.training.state import State
from cnn_bench.training.step import eval_step


@dataclass(frozen=True)
class Evaluation:
    """Metrics over a split, with its labels (n,) and log-probabilities (n, classes) in the order of the split."""

    metrics: dict[str, float]
    labels: np.ndarray
    log_probs: np.ndarray


def evaluate(
    step: Callable, variables: dict, batches: Batches, batch_size: int, between: Callable[[], None] = lambda: None
) -> Evaluation:
    """Run the compiled evaluation `step` over all `batches`, calling `between` before each.

    Metrics are `loss` (nats), `top1_err_pct`, `top5_err_pct` and `images`. Raises RunFailed where a logit is not
    finite.
    """
    totals, labels, log_probs = [], [], []
    for batch, batch_labels in batches.eval_batches(batch_size):
        between()
        sums, own = step(variables, batches.dataset, batch)
        totals.append(sums)
        labels.append(batch_labels)
        log_probs.append(own)
    totals = {name: sum(float(sums[name]) for sums in totals) for name in totals[0]}
    if totals['bad']:
        raise RunFailed(f'{totals["bad"]:.0f} of {totals["count"]:.0f} test images got a logit that is not finite')
    labels = distributed.gather(labels)
    log_probs = distributed.gather([parallel.rows_here(own).reshape(-1, own.shape[-1]) for own in log_probs])
    count = totals['count']
    metrics = {
        'loss': totals['loss'] / count,
        'top1_err_pct': 100 * (count - totals['top1']) / count,
        'top5_err_pct': 100 * (count - totals['top5']) / count,
        'images': int(count),
    }
    return Evaluation(metrics, labels[labels >= 0], log_probs[labels >= 0])


def evaluate_state(
    step: Callable, state: State, batches: Batches, batch_size: int, between: Callable[[], None] = lambda: None
) -> Evaluation:
    """`evaluate` for a state's weights, and for their average if it has one: metrics `ema_loss`, `ema_top1_err_pct`."""
    raw = evaluate(step, state.variables, batches, batch_size, between)
    if state.average is None:
        return raw
    averaged = evaluate(step, state.average, batches, batch_size, between).metrics
    metrics = {**raw.metrics, **{f'ema_{name}': averaged[name] for name in MONITORED}}
    return Evaluation(metrics, raw.labels, raw.log_probs)


def evaluate_run(workdir: str | Path, data_dir: str | None = None) -> dict:
    """Test metrics of a run's newest checkpoint, with its `arch` and `step`."""
    arch, step, found = _evaluated_run(workdir, data_dir)
    return {'arch': arch, 'step': step, **found.metrics}


def predict_run(workdir: str | Path, data_dir: str | None = None) -> Predictions:
    """Predictions of a run's newest checkpoint for its test images, with the log-probabilities of all classes."""
    _, _, found = _evaluated_run(workdir, data_dir)
    return Predictions(found.labels, found.log_probs.argmax(axis=1), found.log_probs)


def _evaluated_run(workdir: str | Path, data_dir: str | None) -> tuple[str, int, Evaluation]:
    setup, state = restore(RunDirectory(workdir), data_dir)
    batch_size = setup.config.eval_batch_size
    found = evaluate_state(setup.compiled_eval_step(), state, setup.test_data, batch_size)
    return setup.config.model.arch, int(state.step), found


def evaluate_weights(
    directory: str | Path, dataset: str, split: str = 'test', data_dir: str | None = None, batch_size: int = 64
) -> dict:
    """Metrics of imported weights on one split of a data set, with `arch`, `weights`, `dataset` and `split`.

    Raises UserError where the numbers of classes differ or colours would be lost.
    """
    model = trained.load(directory, data_dir)
    devices = parallel.local_devices(0)
    if batch_size < 1 or batch_size % len(devices):
        raise UserError(f'the batch size is {batch_size}; it must be positive and divide by the {len(devices)} devices')
    classes, info = len(model.class_names), data.info(dataset, data_dir)
    if classes != info.num_classes:
        raise UserError(f'the weights have {classes} classes; {info.name} has {info.num_classes}')
    batches = batches_for(model, dataset, split, devices, data_dir)
    step = partial(eval_step, model=model.module, preprocess=model.preprocess, pick=batches.pick)
    variables = parallel.replicate(model.variables, devices)
    found = evaluate(parallel.over_devices(step, devices, 'jit'), variables, batches, batch_size)
    of = {'arch': model.arch, 'weights': model.origin.source['file'], 'dataset': dataset, 'split': split}
    return {**of, **found.metrics}
