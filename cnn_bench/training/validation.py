"""What follows from an evaluation: the best so far, reduce-on-plateau, early stopping.

All three look at one metric, the recipe's `monitor`, on the split that the recipe evaluates on. Where that is the
test split, a rate or a stop chosen by it makes the test error optimistic, as it does in the papers that did so.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct

from cnn_bench.recipe import MONITORED
from cnn_bench.runtime import parallel
from cnn_bench.training.evaluate import Evaluation, evaluate
from cnn_bench.training.feed import Feed
from cnn_bench.training.stages import Stage
from cnn_bench.training.state import State


@struct.dataclass
class Watch:
    """The part of a State that evaluations write: scalars, the lower the better."""

    best: Any  # float32, the lowest value of the monitored metric
    best_step: Any  # int32, the step that it is of
    evals_since_best: Any  # int32
    plateau: Any = None  # optax's ReduceLROnPlateauState; None where the schedule is another


def fresh(plateau: optax.GradientTransformationExtraArgs | None) -> Watch:
    """The Watch before the first evaluation."""
    step, count = (jnp.zeros((), jnp.int32) for _ in range(2))  # each its own memory, which a step takes over
    return Watch(jnp.full((), jnp.inf), step, count, plateau.init(jnp.zeros(())) if plateau else None)


def renewed(watch: Watch, plateau: optax.GradientTransformationExtraArgs | None) -> Watch:
    """The Watch with which a further stage begins: the best so far, all else as before the first evaluation."""
    return fresh(plateau).replace(best=watch.best, best_step=watch.best_step)


def after(watch: Watch, value: float, step: int, plateau: optax.GradientTransformationExtraArgs | None = None) -> Watch:
    """The Watch after an evaluation at `step` that gave `value` of the monitored metric."""
    value = np.float32(value)
    improved = value < watch.best
    return Watch(
        best=np.where(improved, value, watch.best),
        best_step=np.where(improved, np.int32(step), watch.best_step),
        evals_since_best=np.where(improved, np.int32(0), watch.evals_since_best + np.int32(1)),
        plateau=plateau.update((), watch.plateau, value=value)[1] if plateau else None,
    )


def evaluate_state(
    step: Callable, state: State, feed: Feed, batch_size: int, between: Callable[[], None] = lambda: None
) -> Evaluation:
    """`evaluate` of a state's weights; beside their metrics those of its average as `ema_loss`, ..., if it has one."""
    raw = evaluate(step, state.variables, feed, batch_size, between)
    if state.average is None:
        return raw
    averaged = evaluate(step, state.average, feed, batch_size, between).metrics
    metrics = {**raw.metrics, **{f'ema_{name}': averaged[name] for name in MONITORED}}
    return Evaluation(metrics, raw.labels, raw.log_probs)


class Validation:
    """What the evaluations of one run have led to in a stage so far, known to the host without asking a device.

    Attribute: stopped, whether training ends early.
    """

    def __init__(self, task: Any, stage: Stage, state: State):
        """Of a Task, one of its stages and the state that it begins or goes on with."""
        self.task, self.config, self.stage = task, task.config, stage
        self._read(jax.device_get(state.watch))

    def rate(self, step: int) -> float:
        """The learning rate of step number `step`, from 0, as long as no other evaluation follows."""
        return float(self.stage.rate(step)) * self._rate_factor

    def follow(self, state: State, metrics: dict) -> State:
        """The state after an evaluation that gave `metrics`."""
        value, step = metrics[self.config.monitor], int(state.step)
        self._read(jax.device_get(after(jax.device_get(state.watch), value, step, self.stage.plateau)))
        return state.replace(watch=parallel.replicate(self._watch, self.task.devices))

    def summary(self, metrics: dict) -> dict:
        """What a run's summary says of the average and of the best evaluation, from the last one's `metrics`."""
        of_average = {f'ema_{name}': metrics.get(f'ema_{name}') for name in MONITORED}
        of_average['ema_test_loss'] = of_average.pop('ema_loss')
        known = {name: value for name, value in of_average.items() if value is not None}
        best = {f'best_{self.config.monitor}': float(str(self._watch.best)), 'best_step': int(self._watch.best_step)}
        return {**known, **best}

    def _read(self, watch: Watch) -> None:
        self._watch = watch
        self._rate_factor = float(watch.plateau.scale) if watch.plateau else 1.0
        patience = self.config.early_stop_patience
        self.stopped = bool(patience and watch.evals_since_best >= patience)
