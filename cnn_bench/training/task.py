"""A recipe made into what training and evaluation run: network, data, optimiser, compiled steps.

Everything that can be wrong with a recipe shows here, before anything is written.
"""

from collections.abc import Callable
from functools import cached_property, lru_cache, partial

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from cnn_bench import complexity, data
from cnn_bench.data.augment import make_augment, make_mix, normalise
from cnn_bench.errors import UserError, unknown
from cnn_bench.models import registry
from cnn_bench.recipe import call
from cnn_bench.runtime import parallel
from cnn_bench.training import drawn, feed, step, validation
from cnn_bench.training.freezing import parameter_counts
from cnn_bench.training.origin import Origin
from cnn_bench.training.stages import Stage, make_stages
from cnn_bench.training.state import State, assembler, create
from cnn_bench.training.train_cost import train_macs


class Task:
    """One recipe's network on one recipe's data. The data are read when they are first used.

    Attributes: config, devices, info (of the data set, or of its classes that are used), origin (of the first weights,
    None where they are drawn), mean and std (that images are normalised by), interpolation (where they are resized),
    image_shape (h, w, c), model_fields, model, steps_per_epoch, stages, total_steps, augment, mix (None where images
    are not mixed).
    """

    def __init__(self, config: ConfigDict, data_dir: str | None = None, origin: Origin | None = None):
        """`origin` is that of the recipe's `init_from`; without it images are prepared as the data set has it.

        Raises UserError for whatever the recipe has wrong.
        """
        self.config, self.data_dir, self.origin = config, data_dir, origin
        self.devices = parallel.all_devices(config.devices)
        for field in ('batch_size', 'eval_batch_size'):
            if config[field] % len(self.devices):
                raise UserError(f'config.{field} is {config[field]}; it must divide by the {len(self.devices)} devices')
        self.info = data.info(config.dataset.name, data_dir).of_classes(config.dataset.classes)
        self.mean, self.std = (origin.mean, origin.std) if origin else (self.info.mean, self.info.std)
        self.interpolation = origin.interpolation if origin else 'bilinear'
        self.image_shape = feed.image_shape(config.dataset, self.info, origin and origin.input_shape)
        self.model_fields = self._model_fields()
        self.model = self._model()
        self.steps_per_epoch = self._train_size() // config.batch_size
        self.stages = make_stages(config, self.steps_per_epoch, lambda: self.shapes)
        self.total_steps = self.stages[-1].end
        self.augment = call(make_augment, 'augment', config.augment.to_dict(), std=self.std)
        self.mix = call(make_mix, 'mix', config.mix.to_dict())
        self._check_share()
        self._first = self._first_weights()

    def schedule(self, step: int) -> float:
        """The learning rate of step number `step`, from 0, but for a plateau."""
        return self.stage_of(step).rate(step)

    def stage_of(self, step: int) -> Stage:
        """The stage that step number `step`, from 0, is in; past the end the last."""
        return next((stage for stage in self.stages if step < stage.end), self.stages[-1])

    def stage_at(self, step: int) -> Stage:
        """The stage that a state after `step` steps is of: where one ends and one begins, the one that ends."""
        return self.stage_of(max(step - 1, 0))

    @property
    def shapes(self) -> dict:
        """The network's variables as shapes and dtypes."""
        return drawn.shapes(self.model, self.image_shape)

    def _first_weights(self) -> dict:
        """The first weights by path, but for those that are drawn."""
        wanted, origin = self.config.init_head, self.origin
        if origin is None or origin.variables is None:
            return {}
        origin.check_network(self.model_fields['arch'], self.model)
        return origin.fitted(self.shapes, wanted and origin.num_classes == self.info.num_classes)

    def _check_share(self) -> None:
        share = self.config.batch_size // len(self.devices)
        if share % self.config.accumulate_steps:
            raise UserError(
                f'config.accumulate_steps is {self.config.accumulate_steps}; it must divide the {share} images of a '
                'batch that each device gets'
            )
        if self.mix and share % 2:
            raise UserError(f'config.mix pairs images; the {share} of a batch that each device gets must be even')

    def _model_fields(self) -> dict:
        fields = {name: value for name, value in self.config.model.items() if value is not None}
        return self.origin.model_fields(fields) if self.origin else fields

    def _model(self) -> nn.Module:
        fields = dict(self.model_fields)
        bn_axis = parallel.AXIS if self.config.sync_batch_norm and len(self.devices) > 1 else None
        return registry.build(fields.pop('arch'), num_classes=self.info.num_classes, bn_axis=bn_axis, **fields)

    def _train_size(self) -> int:
        fields, batch_size = self.config.dataset, self.config.batch_size
        for field in ('train', 'test'):
            if fields[field] not in self.info.sizes:
                raise unknown(f'split of {self.info.name}', fields[field], self.info.sizes)
        there = {field: self._images_there(fields[field]) for field in ('train', 'test')}
        for field, count in there.items():
            wanted = fields[f'{field}_images']
            if wanted > count:
                raise UserError(f'config.dataset.{field}_images is {wanted}; {self.info.name} has {count}')
        size = fields.train_images or there['train']
        if batch_size > size:
            raise UserError(f'config.batch_size is {batch_size}; {self.info.name} trains on {size} images')
        return size

    def _images_there(self, split: str) -> int:
        return len(self._split(split)) if self.config.dataset.classes else self.info.sizes[split]

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
        return self._feed(self.config.dataset.test, self.config.dataset.test_images)

    def _feed(self, split: str, images: int) -> feed.Feed:
        chosen = self._split(split)
        chosen = chosen.sample(images) if images else chosen
        return feed.make_feed(self.config, chosen, self.devices, self.image_shape[0], self.interpolation)

    def _split(self, name: str) -> data.Split:
        fields = self.config.dataset
        split = data.open_split(fields.name, name, self.data_dir)
        return split.only(fields.classes) if fields.classes else split

    @cached_property
    def shared(self) -> tuple:
        """What all training steps read beside the state: the data of the seed's key and the data set."""
        key_data = jax.random.key_data(jax.random.key(self.config.seed))
        return parallel.replicate(key_data, self.devices), self.train_feed.dataset

    def fresh_state(self) -> State:
        """The state before the first step, on all devices."""
        stage = self.stages[0]
        state = create(self.model, stage.optimizer, self.config.seed, self.image_shape, **self._of_state(stage))
        return parallel.replicate(state, self.devices)

    def state_like(self, step: int) -> State:
        """Shapes, dtypes and placement of the state after `step` steps."""
        stage = self.stage_at(step)
        assemble, first = assembler(stage.optimizer, **self._of_state(stage))
        like = jax.eval_shape(assemble, self.shapes, first)
        everywhere = NamedSharding(parallel.mesh(self.devices), PartitionSpec())
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere), like)

    def _of_state(self, stage: Stage) -> dict:
        averaged, watch = self.config.ema_decay > 0, validation.fresh(stage.plateau)
        return {'averaged': averaged, 'watch': watch, 'freezing': stage.freezing, 'first': self._first}

    def begin(self, stage: Stage, state: State) -> State:
        """The state with which `stage` begins, from the one with which the stage before it ended."""
        init = jax.jit(lambda params: stage.optimizer.init(stage.freezing.split(params)[0]))
        # By way of the host: some optimisers keep the parameters themselves, and a step gives its memory away.
        opt_state = jax.tree.map(np.array, init(state.params))
        watch = validation.renewed(jax.device_get(state.watch), stage.plateau)
        return state.replace(
            opt_state=parallel.replicate(opt_state, self.devices), watch=parallel.replicate(watch, self.devices)
        )

    @cached_property
    def preprocess(self) -> step.Preprocess:
        """uint8 images (n, h, w, c) -> what the network takes."""
        return _preprocess(tuple(self.mean), tuple(self.std), self.model.dtype)

    def compiled_train_steps(self, stage: Stage | None = None) -> Callable:
        """(state, self.shared, batches) -> ((state, metrics), ()), of a stage, by default the first."""
        stage = stage or self.stages[0]
        one = partial(
            step.train_step,
            model=self.model,
            optimizer=stage.optimizer,
            preprocess=self.preprocess,
            augment=self.augment,
            label_smoothing=self.config.label_smoothing,
            aux_weight=self.config.aux_weight,
            mix=self.mix,
            accumulate_steps=self.config.accumulate_steps,
            ema_decay=self.config.ema_decay,
            freezing=stage.freezing,
        )
        steps = partial(step.train_steps, step=one, pick=self.train_feed.pick)
        return parallel.over_devices(steps, self.devices, self.config.parallel, donate=True)

    def compiled_eval_step(self) -> Callable:
        """(variables, dataset, batch) -> (sums, log-probabilities)."""
        of_run = self.model, self.preprocess, self.test_feed.pick
        return _eval_step(*of_run, devices=tuple(self.devices), mode=self.config.parallel)

    def facts(self) -> dict:
        """The network's family, cost in evaluation (without auxiliary heads) and input, for the run's provenance."""
        arch = registry.get(self.config.model.arch)
        in_use = self.model.clone(aux=False) if getattr(self.model, 'aux', False) else self.model
        cost = _cost(in_use, self.image_shape)
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

    def training_facts(self) -> dict:
        """What training costs and trains, for the run's provenance.

        `train_macs` of an image in a step, averaged over the steps of all stages; of each stage its `steps`,
        `trained_params`, `frozen_params` and `train_macs`.
        """
        of_stages = [
            {
                'steps': stage.end - stage.first,
                **parameter_counts(stage.freezing, self.shapes['params']),
                'train_macs': train_macs(self.model, stage.freezing, self.image_shape),
            }
            for stage in self.stages
        ]
        total = sum(facts['steps'] * facts['train_macs'] for facts in of_stages)
        return {'train_macs': round(total / self.total_steps), 'stages': of_stages}


@lru_cache(drawn.KEPT)
def _cost(model: nn.Module, image_shape: drawn.Shape) -> complexity.Cost:
    return complexity.model_cost(model, image_shape, variables=drawn.shapes(model, image_shape))


@lru_cache(drawn.KEPT)
def _preprocess(mean: tuple[float, ...], std: tuple[float, ...], dtype: type) -> step.Preprocess:
    return partial(normalise, mean=mean, std=std, dtype=dtype)


@lru_cache(drawn.KEPT)  # so that runs of one network in one process share it
def _eval_step(
    model: nn.Module, preprocess: step.Preprocess, pick: Callable, devices: tuple[jax.Device, ...], mode: str
) -> Callable:
    one = partial(step.eval_step, model=model, preprocess=preprocess, pick=pick)
    return parallel.over_devices(one, list(devices), mode)
