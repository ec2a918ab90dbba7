"""How much work a trial is, from its recipe alone: no device is touched, and of data at most labels are read."""

from dataclasses import dataclass
from functools import cache

from ml_collections import ConfigDict

from cnn_bench import complexity, data
from cnn_bench.models import registry
from cnn_bench.trained.from_recipe import input_shape
from cnn_bench.training.stages import stage_steps


@dataclass(frozen=True)
class Size:
    """The work of one trial."""

    params: int
    macs: int  # one image forward, without auxiliary heads: the column of the tidy table
    steps: int  # of the whole training
    steps_per_epoch: int
    batch_size: int

    @property
    def images(self) -> int:
        """Images that are trained on, each as often as it is."""
        return self.steps * self.batch_size


def size(config: ConfigDict, data_dir: str | None = None) -> Size:
    """The Size of a recipe. Raises UserError where its network or its data set does not exist or do not fit."""
    fields = config.dataset
    info = data.info(fields.name, data_dir).of_classes(fields.classes)
    train = fields.train_images or _train_images(fields.name, fields.train, fields.classes, data_dir)
    per_epoch = train // config.batch_size
    fields = {name: value for name, value in config.model.items() if value is not None and name != 'aux'}
    params, macs = _count(tuple(sorted(fields.items())), info.num_classes, input_shape(config.dataset, info))
    return Size(params, macs, sum(stage_steps(config, per_epoch)), per_epoch, config.batch_size)


@cache  # of seeds and variants alike
def _train_images(name: str, split: str, classes: tuple[int, ...], data_dir: str | None) -> int:
    if not classes:
        return data.info(name, data_dir).sizes.get(split, 0)
    return len(data.open_split(name, split, data_dir).only(classes))


@cache  # seeds, and variants that differ in the recipe alone, share their network
def _count(fields: tuple, num_classes: int, image_shape: tuple) -> tuple[int, int]:
    fields = dict(fields)
    model = registry.build(fields.pop('arch'), num_classes=num_classes, **fields)
    in_use = model.clone(aux=False) if getattr(model, 'aux', False) else model
    cost = complexity.model_cost(in_use, image_shape)
    return cost.params, cost.macs
