"""The amount of work in a trial, from its recipe alone: no device is touched, and at most labels are read."""

from dataclasses import dataclass
from functools import cache

from ml_collections import ConfigDict

from cnn_bench import complexity, data
from cnn_bench.models import registry
from cnn_bench.trained.from_recipe import input_shape
from cnn_bench.training.splits import TRAIN, Splits
from cnn_bench.training.stages import stage_steps


@dataclass(frozen=True)
class Workload:
    """Size and length of a training run."""

    params: int
    macs: int  # of one image, forward pass without auxiliary heads; branches as they are trained
    steps: int
    steps_per_epoch: int
    batch_size: int

    @property
    def images(self) -> int:
        """Training images, each counted as often as it is seen."""
        return self.steps * self.batch_size


def workload(config: ConfigDict, data_dir: str | None = None) -> Workload:
    """The workload of a recipe. Raises UserError if its network or data set does not exist or they do not fit."""
    fields = config.dataset
    info = data.info(fields.name, data_dir).of_classes(fields.classes)
    per_epoch = _train_images(tuple(sorted(fields.items())), data_dir) // config.batch_size
    fields = {name: value for name, value in config.model.items() if value is not None and name != 'aux'}
    params, macs = _count(tuple(sorted(fields.items())), info.num_classes, input_shape(config.dataset, info))
    return Workload(params, macs, sum(stage_steps(config, per_epoch)), per_epoch, config.batch_size)


@cache  # shared by seeds and variants
def _train_images(fields: tuple, data_dir: str | None) -> int:
    return Splits(dict(fields), data_dir).sizes[TRAIN]


@cache  # shared by seeds, and by variants that differ only in the recipe
def _count(fields: tuple, num_classes: int, image_shape: tuple) -> tuple[int, int]:
    fields = dict(fields)
    arch = fields.pop('arch')
    model = registry.build(arch, num_classes=num_classes, **fields)
    registry.check_runs(arch, model, image_shape)
    in_use = model.clone(aux=False) if getattr(model, 'aux', False) else model
    cost = complexity.model_cost(in_use, image_shape)
    return cost.params, cost.macs
