"""How much work a trial is, from its recipe alone: no data are read and no device is touched."""

from dataclasses import dataclass
from functools import cache

from ml_collections import ConfigDict

from cnn_bench import complexity, data
from cnn_bench.models import registry
from cnn_bench.training import feed


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
    info = data.info(config.dataset.name, data_dir)
    train = config.dataset.train_images or info.sizes.get(config.dataset.train, 0)
    per_epoch = train // config.batch_size
    fields = {name: value for name, value in config.model.items() if value is not None and name != 'aux'}
    params, macs = _count(tuple(sorted(fields.items())), info.num_classes, feed.image_shape(config.dataset, info))
    steps = config.total_steps or config.total_epochs * per_epoch
    return Size(params, macs, steps, per_epoch, config.batch_size)


@cache  # seeds, and variants that differ in the recipe alone, share their network
def _count(fields: tuple, num_classes: int, image_shape: tuple) -> tuple[int, int]:
    fields = dict(fields)
    model = registry.build(fields.pop('arch'), num_classes=num_classes, **fields)
    in_use = model.clone(aux=False) if getattr(model, 'aux', False) else model
    cost = complexity.model_cost(in_use, image_shape)
    return cost.params, cost.macs
