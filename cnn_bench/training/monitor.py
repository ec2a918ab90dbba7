"""What follows from validation: the plateau schedule, the best step, and early stopping.

All three follow one metric, the recipe's `monitor`, on the validation images. The test images decide nothing.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct

from cnn_bench.runtime import parallel
from cnn_bench.training.stages import Stage
from cnn_bench.training.state import State


@struct.dataclass
class EvalState:
    """The part of a State that evaluations write: scalars. The monitored metric is the better the lower it is."""

    best: Any  # float32, the lowest value of the monitored metric
    best_step: Any  # int32, the step of that evaluation
    evals_since_best: Any  # int32
    plateau: Any = None  # optax's ReduceLROnPlateauState; None for other schedules


def first_eval_state(plateau: optax.GradientTransformationExtraArgs | None) -> EvalState:
    """The EvalState before the first evaluation."""
    step, count = (jnp.zeros((), jnp.int32) for _ in range(2))  # two arrays: a step reuses the memory of each
    return EvalState(jnp.full((), jnp.inf), step, count, plateau.init(jnp.zeros(())) if plateau else None)


def next_stage_eval_state(eval_state: EvalState, plateau: optax.GradientTransformationExtraArgs | None) -> EvalState:
    """The EvalState at the start of another stage: the best evaluation is kept, everything else starts anew."""
    return first_eval_state(plateau).replace(best=eval_state.best, best_step=eval_state.best_step)


def updated(
    eval_state: EvalState, value: float, step: int, plateau: optax.GradientTransformationExtraArgs | None = None
) -> EvalState:
    """The EvalState after an evaluation at `step` that gave `value` of the monitored metric."""
    value = np.float32(value)
    improved = value < eval_state.best
    return EvalState(
        best=np.where(improved, value, eval_state.best),
        best_step=np.where(improved, np.int32(step), eval_state.best_step),
        evals_since_best=np.where(improved, np.int32(0), eval_state.evals_since_best + np.int32(1)),
        plateau=plateau.update((), eval_state.plateau, value=value)[1] if plateau else None,
    )


class Monitor:
    """Follows the validations of one stage, on the host, so that asking it waits for no device.

    Attributes: stopped, whether training ends early; best_step, the step of the best validation, 0 before the first.
    """

    def __init__(self, setup: Any, stage: Stage, state: State):
        """For a TrainingSetup, one of its stages, and the state that the stage starts or resumes with."""
        self.setup, self.config, self.stage = setup, setup.config, stage
        self._read(jax.device_get(state.eval_state))

    def rate(self, step: int) -> float:
        """The learning rate of step number `step`, from 0, if no other evaluation comes before it."""
        return float(self.stage.rate(step)) * self._rate_factor

    def follow(self, state: State, metrics: dict) -> State:
        """The state after a validation that gave `metrics`."""
        value, step = metrics[self.config.monitor], int(state.step)
        self._read(jax.device_get(updated(jax.device_get(state.eval_state), value, step, self.stage.plateau)))
        return state.replace(eval_state=parallel.replicate(self._eval_state, self.setup.devices))

    def summary(self) -> dict:
        """Fields of the run's summary: the best validation and its step; none where nothing was validated."""
        if not self.best_step:
            return {}
        return {f'best_val_{self.config.monitor}': float(str(self._eval_state.best)), 'best_step': self.best_step}

    def _read(self, eval_state: EvalState) -> None:
        self._eval_state = eval_state
        self._rate_factor = float(eval_state.plateau.scale) if eval_state.plateau else 1.0
        self.best_step = int(eval_state.best_step)
        patience = self.config.early_stop_patience
        self.stopped = bool(patience and eval_state.evals_since_best >= patience)
