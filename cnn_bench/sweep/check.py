"""Whether trials can be trained as configured, before the first of them starts. No device is touched.

What depends on the device, such as how batches are shared, and damage to files shows when a trial starts.
"""

from collections.abc import Iterable
from functools import lru_cache

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.sweep.experiment import Trial
from cnn_bench.tasks import task_of
from cnn_bench.trained.from_recipe import input_shape, model_fields
from cnn_bench.training.splits import TRAIN, Splits
from cnn_bench.training.stages import make_stages


def check(trials: Iterable[Trial], data_dir: str | None = None) -> None:
    """Build network, optimiser, schedule and augmentation of every variant, as training does, without running them.

    Raises UserError, with the variant's name, for the first that cannot be trained.
    """
    for name, trial in {trial.name: trial for trial in trials}.items():  # seeds differ in nothing else
        config = trial.config
        try:
            check_recipe(config, data_dir)
        except UserError as error:
            raise UserError(f'variant {name!r}: {error}') from error


def check_recipe(config: ConfigDict, data_dir: str | None = None) -> None:
    """Raise UserError where a recipe cannot be trained on its data set."""
    splits = _splits(tuple(sorted(config.dataset.items())), data_dir)
    fields = model_fields(config.model)
    arch = fields.pop('arch')
    module = registry.build(arch, **{**fields, 'num_classes': splits.info.num_classes})
    inherits = bool(config.init_from)  # then those weights decide what the recipe leaves open, such as the image size
    shape = None if inherits else input_shape(config.dataset, splits.info)
    if shape:
        registry.check_runs(arch, module, shape)
    if config.batch_size > splits.sizes[TRAIN]:
        raise UserError(
            f'config.batch_size is {config.batch_size}; {splits.info.name} trains on {splits.sizes[TRAIN]} images'
        )

    def shapes() -> dict:
        images = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
        key = jax.eval_shape(lambda: jax.random.key(0))
        return jax.eval_shape(lambda key, images: module.init(key, images, train=False), key, images)

    if not (inherits and _has_patterns(config)):
        make_stages(config, splits.sizes[TRAIN] // config.batch_size, shapes)
    task_of(config, splits.info, splits.info.std)


@lru_cache(32)  # many variants have the same, whose labels may have to be counted
def _splits(fields: tuple, data_dir: str | None) -> Splits:
    return Splits(dict(fields), data_dir)


def _has_patterns(config: ConfigDict) -> bool:
    """Whether a recipe names parts of its network, which must then be known by shape."""
    staged = any({'freeze', 'optimizer.lr_multipliers'} & set(stage) for stage in config.stages)
    return staged or bool(config.freeze or config.optimizer.lr_multipliers)
