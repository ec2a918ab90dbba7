"""A recipe made into what training and evaluation run: network, data, optimiser, compiled steps.

Everything that can be wrong with a recipe shows here, before anything is written.
"""

from collections.abc import Callable
from functools import cached_property, partial

from flax import linen as nn
from ml_collections import ConfigDict

from cnn_bench import complexity, data
from cnn_bench.data.augment import make_augment, make_mix, normalise
from cnn_bench.errors import UserError, unknown
from cnn_bench.models import registry
from cnn_bench.training import feed, parallel, step, validation
from cnn_bench.training.optimizer import make_optimizer, make_plateau, make_schedule
from cnn_bench.training.recipe import call
from cnn_bench.training.state import State, create


class Task:
    """One recipe's network on one recipe's data. The data are read when they are first used.

    Attributes: config, devices, info (of the data set), model, image_shape (h, w, c), steps_per_epoch, total_steps,
    schedule (step -> learning rate), plateau (None where the schedule is another), optimizer, augment, mix (None where
    images are not mixed).
    """

    def __init__(self, config: ConfigDict, data_dir: str | None = None):
        """Raises UserError for whatever the recipe has wrong."""
        self.config, self.data_dir = config, data_dir
        self.devices = parallel.all_devices(config.devices)
        for field in ('batch_size', 'eval_batch_size'):
            if config[field] % len(self.devices):
                raise UserError(f'config.{field} is {config[field]}; it must divide by the {len(self.devices)} devices')
        self.info = data.info(config.dataset.name, data_dir)
        self.image_shape = feed.image_shape(config.dataset, self.info)
        self.model = self._model()
        self.steps_per_epoch = self._train_size() // config.batch_size
        self.total_steps = config.total_steps or config.total_epochs * self.steps_per_epoch
        schedule, optimizer = config.schedule.to_dict(), config.optimizer.to_dict()
        self.schedule = make_schedule(schedule, self._peak_rate(), self.total_steps, self.steps_per_epoch)
        self.plateau = make_plateau(schedule)
        self.optimizer = make_optimizer(optimizer, self.schedule)
        self.augment = call(make_augment, 'augment', config.augment.to_dict(), std=self.info.std)
        self.mix = call(make_mix, 'mix', config.mix.to_dict())
        self._check_share()

    def _peak_rate(self) -> float:
        """The recipe's rate, times the batch over the one that it is meant for (Goyal et al. 2017) where it says so."""
        base = self.config.scale_lr_to_batch
        return self.config.optimizer.learning_rate * (self.config.batch_size / base if base else 1)

    def _check_share(self) -> None:
        share = self.config.batch_size // len(self.devices)
        if share % self.config.accumulate_steps:
            raise UserError(
                f'config.accumulate_steps is {self.config.accumulate_steps}; it must divide the {share} images of a '
                'batch that each device gets'
            )
        if self.mix and share % 2:
            raise UserError(f'config.mix pairs images; the {share} of a batch that each device gets must be even')

    def _model(self) -> nn.Module:
        fields = {name: value for name, value in self.config.model.items() if value is not None}
        bn_axis = step.AXIS if self.config.sync_batch_norm else None
        return registry.build(fields.pop('arch'), num_classes=self.info.num_classes, bn_axis=bn_axis, **fields)

    def _train_size(self) -> int:
        for field in ('train', 'test'):
            if self.config.dataset[field] not in self.info.sizes:
                raise unknown(f'split of {self.info.name}', self.config.dataset[field], self.info.sizes)
        there, size = self.info.sizes[self.config.dataset.train], self.config.dataset.train_images
        if size > there:
            raise UserError(f'config.dataset.train_images is {size}; {self.info.name} has {there}')
        size = size or there
        if self.config.batch_size > size:
            raise UserError(f'config.batch_size is {self.config.batch_size}; {self.info.name} trains on {size} images')
        return size

    def load_data(self) -> None:
        """Read both splits now, so that data that can't be used show before anything is written."""
        _ = self.train_feed, self.test_feed

    @cached_property
    def train_feed(self) -> feed.Feed:
        """Batches to train on."""
        return self._feed(self.config.dataset.train, self.config.dataset.train_images)

    @cached_property
    def test_feed(self) -> feed.Feed:
        """Batches to evaluate on."""
        return self._feed(self.config.dataset.test)

    def _feed(self, split: str, images: int = 0) -> feed.Feed:
        return feed.make_feed(self.config, split, self.devices, self.data_dir, images)

    def fresh_state(self) -> State:
        """The state before the first step, on all devices."""
        averaged, watch = self.config.ema_decay > 0, validation.fresh(self.plateau)
        state = create(self.model, self.optimizer, self.config.seed, self.image_shape, averaged=averaged, watch=watch)
        return parallel.replicate(state, self.devices)

    @cached_property
    def preprocess(self) -> step.Preprocess:
        """uint8 images (n, h, w, c) -> what the network takes."""
        return partial(normalise, mean=self.info.mean, std=self.info.std, dtype=self.model.dtype)

    def compiled_train_steps(self) -> Callable:
        """(state, dataset, batches) -> ((state, metrics), ())."""
        one = partial(
            step.train_step,
            model=self.model,
            optimizer=self.optimizer,
            preprocess=self.preprocess,
            augment=self.augment,
            seed=self.config.seed,
            label_smoothing=self.config.label_smoothing,
            aux_weight=self.config.aux_weight,
            mix=self.mix,
            accumulate_steps=self.config.accumulate_steps,
            ema_decay=self.config.ema_decay,
        )
        steps = partial(step.train_steps, step=one, pick=self.train_feed.pick)
        return parallel.over_devices(steps, self.devices, self.config.parallel, donate=True)

    def compiled_eval_step(self) -> Callable:
        """(variables, dataset, batch) -> (sums, log-probabilities)."""
        one = partial(step.eval_step, model=self.model, preprocess=self.preprocess, pick=self.test_feed.pick)
        return parallel.over_devices(one, self.devices, self.config.parallel)

    def facts(self) -> dict:
        """The network's family, cost in evaluation (without auxiliary heads) and input, for the run's provenance."""
        arch = registry.get(self.config.model.arch)
        in_use = self.model.clone(aux=False) if getattr(self.model, 'aux', False) else self.model
        cost = complexity.model_cost(in_use, self.image_shape)
        return {
            'family': arch.family,
            'year': arch.year,
            'stem': self.model.stem,
            'input_shape': list(self.image_shape),
            'params': cost.params,
            'macs': cost.macs,
            'flops': cost.flops,
            'activation_bytes': cost.activation_bytes,
        }
