"""Evaluation: every image counted exactly once, on any number of devices and processes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cnn_bench import data, trained
from cnn_bench.data.progress import Track, untracked
from cnn_bench.errors import RunFailed, UserError
from cnn_bench.recipe import MONITORED
from cnn_bench.runs import RunDirectory
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runtime import distributed, parallel
from cnn_bench.trained.folding import fold
from cnn_bench.trained.model import check_classifies
from cnn_bench.training.batches import InMemory, Streamed, batches_for, check_channels
from cnn_bench.training.multi_view import compiled_view_step, flattens
from cnn_bench.training.protocol import Asked, Protocol, resolve
from cnn_bench.training.setup import TrainingSetup, restore
from cnn_bench.training.splits import TEST, TRAIN, VALIDATION
from cnn_bench.training.state import State
from cnn_bench.training.step import eval_step
from cnn_bench.training.view_batches import ViewBatches

Between = Callable[[], None]  # called before each batch
Batches = InMemory | Streamed | ViewBatches
BATCH_SIZE = 64  # of one crop each, of imported weights
ONE_CROP = Asked()


def _nothing() -> None:
    """Between two batches nothing is done."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics over a split, with its labels (n,) and log-probabilities (n, classes) in the order of the split."""

    metrics: dict[str, float]
    labels: np.ndarray
    log_probs: np.ndarray


def evaluate(
    step: Callable,
    variables: dict,
    batches: Batches,
    batch_size: int,
    between: Between = _nothing,
    track: Track = untracked,
) -> Evaluation:
    """Run the compiled evaluation `step` over all `batches`, calling `between` before each; `track` reports progress.

    Metrics are `loss` (nats), `top1_err_pct`, `top5_err_pct` and `images`. Raises RunFailed where a logit is not
    finite.
    """
    totals, labels, log_probs = [], [], []
    for batch, batch_labels in track(batches.eval_batches(batch_size), 'evaluating', batches.steps(batch_size)):
        between()
        sums, own = step(variables, (), batch)
        totals.append(sums)
        labels.append(batch_labels)
        log_probs.append(own)
    totals = {name: sum(float(sums[name]) for sums in totals) for name in totals[0]}
    if totals['bad']:
        raise RunFailed(f'{totals["bad"]:.0f} of {totals["count"]:.0f} images got a logit that is not finite')
    labels = distributed.gather(labels)
    log_probs = distributed.gather([parallel.rows_here(own).reshape(-1, own.shape[-1]) for own in log_probs])
    count = totals['count']
    metrics = {
        'loss': totals['loss'] / count,
        'top1_err_pct': 100 * (count - totals['top1']) / count,
        'top5_err_pct': 100 * (count - totals['top5']) / count,
        'images': int(count),
    }
    labels, log_probs = labels[labels >= 0], log_probs[labels >= 0]
    if batches.order is not None:
        back = np.argsort(batches.order)
        labels, log_probs = labels[back], log_probs[back]
    return Evaluation(metrics, labels, log_probs)


def evaluate_state(
    step: Callable,
    state: State,
    batches: Batches,
    batch_size: int,
    between: Between = _nothing,
    track: Track = untracked,
) -> Evaluation:
    """`evaluate` for a state's weights, and for their average if it has one: metrics `ema_loss`, `ema_top1_err_pct`."""
    raw = evaluate(step, state.variables, batches, batch_size, between, track)
    if state.average is None:
        return raw
    averaged = evaluate(step, state.average, batches, batch_size, between, track).metrics
    metrics = {**raw.metrics, **{f'ema_{name}': averaged[name] for name in MONITORED}}
    return Evaluation(metrics, raw.labels, raw.log_probs)


def summary_fields(part: str, metrics: dict[str, float]) -> dict[str, float]:
    """The metrics of an evaluation under their names in a run's summary: `val_top1_err_pct`, and those on the test
    images without a prefix, but for `test_loss`."""
    errors = {name: value for name, value in metrics.items() if name != 'images'}
    if part == VALIDATION:
        return {f'val_{name}': value for name, value in errors.items()}
    return {name.replace('loss', 'test_loss'): value for name, value in errors.items()}


def evaluate_run(
    workdir: str | Path,
    part: str = TEST,
    data_dir: str | None = None,
    asked: Asked = ONE_CROP,
    track: Track = untracked,
) -> dict:
    """Metrics of a run's weights on its test or validation images, with `arch`, `split`, the `step` of the weights and
    the `protocol` in words.

    These are the weights that were tested, or those of the newest checkpoint of an unfinished run. Raises UserError
    where the run has no such images, or they leave no room for the crops that are asked for.
    """
    setup, state = restore(RunDirectory(workdir), data_dir)
    protocol = resolve(asked, setup.preprocessing, flattens(setup.model))
    found = _evaluated(workdir, setup, state, part, protocol, track)
    of = {'arch': setup.config.model.arch, 'split': part, 'step': int(state.step), 'protocol': str(protocol)}
    return {**of, **found.metrics}


def predict_run(workdir: str | Path, data_dir: str | None = None) -> tuple[Predictions, Predictions | None]:
    """Predictions of a run for its test and its validation images (None where it has none), with the log-probabilities
    of all classes, by the weights that `evaluate_run` takes."""
    setup, state = restore(RunDirectory(workdir), data_dir)
    test, validation = (_predicted(workdir, setup, state, part) for part in (TEST, VALIDATION))
    return test, validation


def _predicted(workdir: str | Path, setup: TrainingSetup, state: State, part: str) -> Predictions | None:
    if part == VALIDATION and part not in setup.splits.sizes:
        return None
    found = _evaluated(workdir, setup, state, part)
    return Predictions(found.labels, found.log_probs.argmax(axis=1), found.log_probs)


def _evaluated(
    workdir: str | Path,
    setup: TrainingSetup,
    state: State,
    part: str,
    protocol: Protocol | None = None,
    track: Track = untracked,
) -> Evaluation:
    parts = [name for name in setup.splits.sizes if name != TRAIN]
    if part not in parts:
        raise UserError(f'the recipe of {workdir} has no {part} images; it has {" and ".join(parts)} images')
    batch_size, devices = setup.config.eval_batch_size, setup.devices
    state = _folded(setup, state)
    if protocol is None or protocol.plain:
        return evaluate_state(setup.compiled_eval_step(), state, setup.eval_data[part], batch_size, track=track)
    step = compiled_view_step(setup.model, setup.preprocess, protocol, devices, setup.config.parallel)
    batches = ViewBatches(setup.splits[part], devices, protocol)
    return evaluate_state(step, state, batches, _fewer(batch_size, protocol, len(devices)), track=track)


def _folded(setup: TrainingSetup, state: State) -> State:
    """A finished state folded (`trained.folding`), its average too. While training goes on, states are evaluated as
    they are: their weights change between evaluations."""

    def folded(variables: dict) -> dict:
        return fold(setup.model, variables, setup.image_shape)[1]

    model_state = folded(state.variables)
    params = model_state.pop('params')
    average = None if state.average is None else folded(state.average)
    return state.replace(params=params, model_state=model_state, average=average)


def evaluate_weights(
    directory: str | Path,
    dataset: str,
    split: str = 'test',
    data_dir: str | None = None,
    batch_size: int | None = None,
    asked: Asked = ONE_CROP,
    track: Track = untracked,
    dtype: str | None = None,
) -> dict:
    """Metrics of imported weights on one split of a data set, with `arch`, `weights`, `dataset`, `split`, `dtype` and
    the `protocol` in words.

    `batch_size` counts images; None: 64, or as many as have the memory of 64 crops in the protocol. `dtype` is that of
    the computation; None: as the weights were imported, float32. Raises UserError
    where the network has no head, the numbers of classes differ, colours would be lost, or there is no room for the
    crops that are asked for.
    """
    model = trained.load(directory, data_dir).computing_in(dtype)
    check_classifies(model)
    devices = parallel.local_devices(0)
    protocol = resolve(asked, model.preprocessing, flattens(model.module))
    if batch_size is None:
        batch_size = _fewer(BATCH_SIZE, protocol, len(devices))
    if batch_size < 1 or batch_size % len(devices):
        raise UserError(f'the batch size is {batch_size}; it must be positive and divide by the {len(devices)} devices')
    classes, info = len(model.class_names), data.info(dataset, data_dir)
    if classes != info.num_classes:
        raise UserError(f'the weights have {classes} classes; {info.name} has {info.num_classes}')
    model = model.folded()
    if protocol.plain:
        batches = batches_for(model, dataset, split, devices, data_dir)
        step = partial(eval_step, model=model.module, preprocess=model.preprocess)
        compiled = parallel.over_devices(step, devices, 'jit')
    else:
        check_channels(model, dataset, data_dir)
        batches = ViewBatches(data.open_split(dataset, split, data_dir), devices, protocol)
        compiled = compiled_view_step(model.module, model.preprocess, protocol, devices)
    variables = parallel.replicate(model.variables, devices)
    found = evaluate(compiled, variables, batches, batch_size, track=track)
    of = {'arch': model.arch, 'weights': model.origin.source['file'], 'dataset': dataset, 'split': split}
    return {**of, 'dtype': model.dtype, 'protocol': str(protocol), **found.metrics}


def _fewer(batch_size: int, protocol: Protocol, devices: int) -> int:
    """A batch size for the memory of `batch_size` single crops, rounded up to a multiple of the devices."""
    return max(1, batch_size // protocol.work // devices) * devices
