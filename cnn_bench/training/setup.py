"""Everything that training by a recipe needs: network, data, optimiser, compiled steps.

Whatever is wrong with a recipe shows while this is built, before anything is written.
"""

from collections.abc import Callable
from functools import cached_property, lru_cache, partial

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from cnn_bench import data, recipe
from cnn_bench.data.augment import make_augment, make_mix
from cnn_bench.data.pipeline import RandomCrop
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError, unknown
from cnn_bench.models import registry
from cnn_bench.models.variables import KEPT, variable_shapes
from cnn_bench.recipe import call
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime import parallel
from cnn_bench.trained import TrainedModel
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.trained.from_recipe import network_record
from cnn_bench.trained.model import from_record
from cnn_bench.training import monitor, step
from cnn_bench.training.batches import Batches, make_batches
from cnn_bench.training.stages import Stage, make_stages
from cnn_bench.training.state import State, assembler, create
from cnn_bench.training.transfer import check_same_network, fitting_weights


class TrainingSetup:
    """A recipe's network on its data set. The data are read when they are first used.

    Attributes: config, devices, info (of the data set, or of the classes that are kept), init (the trained network that
    training starts from, or None), record (of the network: arch, fields, preprocessing, class names), preprocessing,
    image_shape (h, w, c), model, steps_per_epoch, stages, total_steps, augment, mix (None where images are not mixed).
    """

    def __init__(self, config: ConfigDict, data_dir: str | None = None, init: TrainedModel | None = None):
        """`init` is the network that the recipe's `init_from` names. Raises UserError for whatever is wrong."""
        self.config, self.data_dir, self.init = config, data_dir, init
        self.devices = parallel.all_devices(config.devices)
        for field in ('batch_size', 'eval_batch_size'):
            if config[field] % len(self.devices):
                raise UserError(f'config.{field} is {config[field]}; it must divide by the {len(self.devices)} devices')
        self.info = data.info(config.dataset.name, data_dir).of_classes(config.dataset.classes)
        self.record = network_record(config, self.info, init)
        self.preprocessing = Preprocessing.from_record(self.record['preprocessing'])
        self.image_shape = self.preprocessing.input_shape
        bn_axis = parallel.AXIS if config.sync_batch_norm and len(self.devices) > 1 else None
        self.model = registry.build(self.record['arch'], bn_axis=bn_axis, **self.record['fields'])
        self._check_images()
        self.steps_per_epoch = self._train_size() // config.batch_size
        self.stages = make_stages(config, self.steps_per_epoch, lambda: self.shapes)
        self.total_steps = self.stages[-1].end
        self.augment = call(make_augment, 'augment', config.augment.to_dict(), std=self.preprocessing.std)
        self.mix = call(make_mix, 'mix', config.mix.to_dict())
        self._check_share_of_batch()
        self._first = self._first_weights()

    def schedule(self, step: int) -> float:
        """The learning rate of step number `step`, from 0, without the reductions of a plateau schedule."""
        return self.stage_of(step).rate(step)

    def stage_of(self, step: int) -> Stage:
        """The stage of step number `step`, from 0; past the end the last."""
        return next((stage for stage in self.stages if step < stage.end), self.stages[-1])

    def stage_at(self, step: int) -> Stage:
        """The stage of the state after `step` steps: between two stages, the one that ends."""
        return self.stage_of(max(step - 1, 0))

    @property
    def shapes(self) -> dict:
        """Shapes and dtypes of the network's variables."""
        return variable_shapes(self.model, self.image_shape)

    def _first_weights(self) -> dict:
        """The first weights by path, without those that are variables."""
        init, keep_head = self.init, self.config.init_head
        if init is None or init.variables is None:
            return {}
        check_same_network(init, self.record['arch'], self.model)
        same_classes = init.origin.fields['num_classes'] == self.info.num_classes
        return fitting_weights(init, self.shapes, keep_head and same_classes)

    def _check_images(self) -> None:
        fields, pad = self.config.dataset, self.config.augment.pad_crop
        if fields.train == fields.test:
            raise UserError(f'config.dataset.train and test are both {fields.test!r}; evaluate on another split')
        if pad >= min(self.image_shape[:2]):
            size = 'x'.join(map(str, self.image_shape[:2]))
            raise UserError(f'config.augment.pad_crop is {pad}; it must be less than the sides of the {size} images')

    def _check_share_of_batch(self) -> None:
        share = self.config.batch_size // len(self.devices)
        if share % self.config.accumulate_steps:
            raise UserError(
                f'config.accumulate_steps is {self.config.accumulate_steps}; it must divide the {share} images of a '
                'batch that each device gets'
            )
        if self.mix and share % 2:
            raise UserError(f'config.mix pairs images; the {share} of a batch that each device gets must be even')

    def _train_size(self) -> int:
        fields, batch_size = self.config.dataset, self.config.batch_size
        for field in ('train', 'test'):
            if fields[field] not in self.info.sizes:
                raise unknown(f'split of {self.info.name}', fields[field], self.info.sizes)
            size = self._split_size(fields[field])
            if fields[f'{field}_images'] > size:
                name = f'config.dataset.{field}_images'
                raise UserError(f'{name} is {fields[f"{field}_images"]}; {self.info.name} has {size}')
        size = self.images('train')
        if batch_size > size:
            raise UserError(f'config.batch_size is {batch_size}; {self.info.name} trains on {size} images')
        return size

    def images(self, field: str) -> int:
        """How many images of the split that `config.dataset` calls `field` ('train' or 'test') are used."""
        fields = self.config.dataset
        return fields[f'{field}_images'] or self._split_size(fields[field])

    def _split_size(self, split: str) -> int:
        return len(self._split(split)) if self.config.dataset.classes else self.info.sizes[split]

    def load_data(self) -> None:
        """Read both splits now, so that data that can't be used show before anything is written."""
        _ = self.train_data, self.test_data

    @cached_property
    def train_data(self) -> Batches:
        """Batches to train on."""
        return self._batches(self.config.dataset.train, self.config.dataset.train_images)

    @cached_property
    def test_data(self) -> Batches:
        """Batches to evaluate on."""
        return self._batches(self.config.dataset.test, self.config.dataset.test_images)

    def _batches(self, split: str, images: int) -> Batches:
        chosen, fields, crop = self._split(split), self.config.dataset, self.config.crop
        return make_batches(
            chosen.sample(images) if images else chosen,
            self.devices,
            self.preprocessing,
            placement=fields.placement,
            workers=fields.workers,
            random_crop=RandomCrop(crop.scale, crop.ratio),
        )

    def _split(self, name: str) -> data.Split:
        fields = self.config.dataset
        split = data.open_split(fields.name, name, self.data_dir)
        return split.only(fields.classes) if fields.classes else split

    @cached_property
    def shared(self) -> tuple:
        """What all training steps read besides the state: the seed's key data and the data set."""
        key_data = jax.random.key_data(jax.random.key(self.config.seed))
        return parallel.replicate(key_data, self.devices), self.train_data.dataset

    def first_state(self) -> State:
        """The state before the first step, on all devices."""
        stage = self.stages[0]
        options = self._state_options(stage)
        state = create(self.model, stage.optimizer, self.config.seed, self.image_shape, **options)
        return parallel.replicate(state, self.devices)

    def state_like(self, step: int) -> State:
        """Shapes, dtypes and placement of the state after `step` steps."""
        stage = self.stage_at(step)
        assemble, first = assembler(stage.optimizer, **self._state_options(stage))
        like = jax.eval_shape(assemble, self.shapes, first)
        everywhere = NamedSharding(parallel.mesh(self.devices), PartitionSpec())
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere), like)

    def _state_options(self, stage: Stage) -> dict:
        averaged, eval_state = self.config.ema_decay > 0, monitor.first_eval_state(stage.plateau)
        return {'averaged': averaged, 'eval_state': eval_state, 'freezing': stage.freezing, 'first': self._first}

    def begin(self, stage: Stage, state: State) -> State:
        """The first state of `stage`, from the last state of the stage before it."""
        init = jax.jit(lambda params: stage.optimizer.init(stage.freezing.split(params)[0]))
        # Through the host: some optimisers keep the parameters themselves, and a step gives its memory away.
        opt_state = jax.tree.map(np.array, init(state.params))
        eval_state = monitor.next_stage_eval_state(jax.device_get(state.eval_state), stage.plateau)
        opt_state, eval_state = parallel.replicate((opt_state, eval_state), self.devices)
        return state.replace(opt_state=opt_state, eval_state=eval_state)

    @cached_property
    def preprocess(self) -> step.Preprocess:
        """uint8 images (n, h, w, c) -> what the network takes."""
        return _preprocess(self.preprocessing, self.model.dtype)

    def compiled_train_steps(self, stage: Stage | None = None) -> Callable:
        """(state, self.shared, batches) -> ((state, metrics), ()) for a stage, by default the first."""
        stage, config = stage or self.stages[0], self.config
        options = step.StepOptions(
            model=self.model,
            optimizer=stage.optimizer,
            preprocess=self.preprocess,
            augment=self.augment,
            mix=self.mix,
            label_smoothing=config.label_smoothing,
            aux_weight=config.aux_weight,
            accumulate_steps=config.accumulate_steps,
            ema_decay=config.ema_decay,
            freezing=stage.freezing,
        )
        one = partial(step.train_step, options=options)
        steps = partial(step.train_steps, step=one, pick=self.train_data.pick)
        return parallel.over_devices(steps, self.devices, config.parallel, donate=True)

    def compiled_eval_step(self) -> Callable:
        """(variables, dataset, batch) -> (sums, log-probabilities)."""
        pick, devices = self.test_data.pick, tuple(self.devices)
        return _compiled_eval_step(self.model, self.preprocess, pick, devices, self.config.parallel)


def restore(run: RunDirectory, data_dir: str | None = None) -> tuple[TrainingSetup, State]:
    """The TrainingSetup of a run and the state of its newest checkpoint.

    Raises UserError where there is no run, or no checkpoint that can be read.
    """
    config = recipe.from_dict(run.config())
    init = (run.read(schema.PROVENANCE) or {}).get('init')
    setup = TrainingSetup(config, data_dir, from_record(init) if init else None)
    if not (run / schema.CHECKPOINTS).is_dir():
        raise UserError(f'{run.path} has no checkpoint')
    with Checkpoints(run / schema.CHECKPOINTS, read_only=True) as checkpoints:
        newest = checkpoints.latest_step()
        if newest is None:
            raise UserError(f'{run.path} has no checkpoint')
        state, _ = checkpoints.restore(setup.state_like(newest))
    return setup, state


@lru_cache(KEPT)
def _preprocess(preprocessing: Preprocessing, dtype: type) -> step.Preprocess:
    return partial(preprocessing.normalise, dtype=dtype)


@lru_cache(KEPT)  # runs of one network in one process share it
def _compiled_eval_step(
    model: nn.Module, preprocess: step.Preprocess, pick: Callable, devices: tuple[jax.Device, ...], mode: str
) -> Callable:
    one = partial(step.eval_step, model=model, preprocess=preprocess, pick=pick)
    return parallel.over_devices(one, list(devices), mode)
