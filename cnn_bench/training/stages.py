"""Stages of training: consecutive phases with their own frozen layers, optimiser and schedule.

A recipe's `stages` is a tuple of {field: value}, the fields of `STAGED` in which a stage differs from the recipe, named
as on the command line ('optimizer.learning_rate': 0.2). A recipe without stages is one stage.

Each stage starts with a fresh optimiser state, step 0 of its schedule, a fresh plateau and no evaluations without
improvement; weights, batch statistics, their average and the best evaluation are carried over. Steps and epochs are
counted through, so images come in the same order as without stages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict
from ml_collections import ConfigDict

from cnn_bench import recipe
from cnn_bench.errors import UserError, unknown
from cnn_bench.recipe.patterns import check
from cnn_bench.training.freezing import Freezing, make_freezing
from cnn_bench.training.optimizer import make_optimizer
from cnn_bench.training.schedules import make_plateau, make_schedule

STAGED = ('total_epochs', 'total_steps', 'freeze', 'bn_update', 'bn_train', 'optimizer', 'schedule')
MOST_STEPS = 2**31 - 1  # optax and the state count in 32 bits


@dataclass(frozen=True)
class Stage:
    """Training from step `first` to the step before `end`."""

    number: int  # from 0
    first: int
    end: int
    schedule: optax.Schedule  # step within the stage -> learning rate
    plateau: optax.GradientTransformationExtraArgs | None  # None where the schedule is another
    optimizer: Callable[[optax.Schedule], optax.GradientTransformation]
    freezing: Freezing

    def rate(self, step: int) -> float:
        """The learning rate of the run's step number `step`, from 0, without the reductions of a plateau schedule."""
        return self.schedule(step - self.first)

    def rates(self) -> np.ndarray:
        """The learning rates of all its steps, float32 (n,), without the reductions of a plateau schedule."""
        return np.asarray(jax.vmap(self.schedule)(jnp.arange(self.end - self.first)), np.float32)


def make_stages(config: ConfigDict, steps_per_epoch: int, shapes: Callable[[], dict]) -> tuple[Stage, ...]:
    """The stages of a recipe. `shapes()` returns the network's variables; it is called where patterns need them.

    Raises UserError for whatever is wrong with a stage.
    """
    stages: list[Stage] = []
    if (total := sum(stage_steps(config, steps_per_epoch))) > MOST_STEPS:
        raise UserError(f'the recipe has {total:,} steps; steps are counted up to {MOST_STEPS:,}')
    for fields, steps in zip(_fields(config), stage_steps(config, steps_per_epoch), strict=True):
        first = stages[-1].end if stages else 0
        try:
            stages.append(_make(config, fields, len(stages), first, steps, steps_per_epoch, shapes))
        except UserError as error:
            raise UserError(f'stage {len(stages) + 1}: {error}' if config.stages else str(error)) from error
    if config.early_stop_patience and len(stages) > 1:
        raise UserError('config.early_stop_patience ends a run; one of several stages takes 0')
    return tuple(stages)


def stage_steps(config: ConfigDict, steps_per_epoch: int) -> list[int]:
    """The number of steps of each stage of a recipe."""
    return [fields.total_steps or fields.total_epochs * steps_per_epoch for fields in _fields(config)]


def _fields(config: ConfigDict) -> list[ConfigDict]:
    """The fields of `STAGED`, for each stage."""
    own = {field: config[field] for field in STAGED}
    own = {field: value.to_dict() if isinstance(value, ConfigDict) else value for field, value in own.items()}
    made = []
    for changes in config.stages or ({},):
        try:
            made.append(_changed(ConfigDict(own), changes))
        except UserError as error:
            raise UserError(f'stage {len(made) + 1}: {error}') from error
    return made


def _changed(fields: ConfigDict, changes: Mapping[str, Any]) -> ConfigDict:
    for field, value in changes.items():
        if field.partition('.')[0] not in STAGED:
            raise unknown('field of a stage', field, STAGED)
        recipe.override(fields, field, value)
    recipe.check_ranges(fields)
    return fields


def _make(
    config: ConfigDict,
    fields: ConfigDict,
    number: int,
    first: int,
    steps: int,
    steps_per_epoch: int,
    shapes: Callable[[], dict],
) -> Stage:
    schedule, optimizer = fields.schedule.to_dict(), fields.optimizer.to_dict()
    # Linear scaling with the batch size (Goyal et al. 2017), where the recipe asks for it.
    factor = config.batch_size / config.scale_lr_to_batch if config.scale_lr_to_batch else 1
    rate = make_schedule(schedule, optimizer['learning_rate'] * factor, steps, steps_per_epoch)
    made, multipliers = partial(make_optimizer, optimizer), optimizer['lr_multipliers']
    made(rate)  # so that a wrong field shows here
    if multipliers:
        paths = flatten_dict(shapes()['params'], sep='/')
        check((pattern for pattern, _ in multipliers), paths, 'optimizer.lr_multipliers')
    freezing = make_freezing(fields.freeze, fields.bn_update, fields.bn_train, shapes)
    return Stage(number, first, first + steps, rate, make_plateau(schedule), made, freezing)
