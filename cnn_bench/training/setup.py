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

from cnn_bench import recipe
from cnn_bench.data.pipeline import RandomCrop
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.models.variables import KEPT, variable_shapes
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime import parallel
from cnn_bench.tasks import Task, task_of
from cnn_bench.trained import TrainedModel
from cnn_bench.trained.checkpoint import Checkpoints, step_of_weights
from cnn_bench.trained.from_recipe import network_record
from cnn_bench.trained.kept_network import network_of
from cnn_bench.trained.model import from_record
from cnn_bench.training import monitor, step
from cnn_bench.training.batches import InMemory, Resident, Streamed, eval_batches, train_batches
from cnn_bench.training.splits import TRAIN, Splits
from cnn_bench.training.stages import Stage, make_stages
from cnn_bench.training.state import State, assembler, create
from cnn_bench.training.transfer import check_same_network, fitting_weights


class TrainingSetup:
    """A recipe's network on its data set. The data are read when they are first used.

    Attributes: config, devices, splits, info (of the data set, or of the classes that are kept), init (the trained
    network that training starts from, or None), record (of the network: arch, fields, preprocessing, class names),
    preprocessing, image_shape (h, w, c), model, steps_per_epoch, stages, total_steps, task.
    """

    def __init__(self, config: ConfigDict, data_dir: str | None = None, init: TrainedModel | None = None):
        """`init` is the network that the recipe's `init_from` names. Raises UserError for whatever is wrong."""
        self.config, self.data_dir, self.init = config, data_dir, init
        self.devices = parallel.all_devices(config.devices)
        for field in ('batch_size', 'eval_batch_size'):
            if config[field] % len(self.devices):
                raise UserError(f'config.{field} is {config[field]}; it must divide by the {len(self.devices)} devices')
        self.splits = Splits(config.dataset, data_dir)
        self.info = self.splits.info
        self.record = network_record(config, self.info, init)
        self.preprocessing = Preprocessing.from_record(self.record['preprocessing'])
        self.image_shape = self.preprocessing.input_shape
        bn_axis = parallel.AXIS if config.sync_batch_norm and len(self.devices) > 1 else None
        self.model = registry.build(self.record['arch'], bn_axis=bn_axis, **self.record['fields'])
        registry.check_runs(self.record['arch'], self.model, self.image_shape)
        self._check_images()
        self.task = task_of(config, self.info, self.preprocessing.std)
        self.steps_per_epoch = self._train_size() // config.batch_size
        self.stages = make_stages(config, self.steps_per_epoch, lambda: self.shapes)
        self.total_steps = self.stages[-1].end
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
        pad = self.config.augment.pad_crop
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
        self.task.check_batch(share)

    def _train_size(self) -> int:
        batch_size, size = self.config.batch_size, self.splits.sizes[TRAIN]
        if batch_size > size:
            raise UserError(f'config.batch_size is {batch_size}; {self.info.name} trains on {size} images')
        return size

    def load_data(self) -> None:
        """Read all splits now, so that data that can't be used show before anything is written."""
        _ = self.train_data, self.eval_data

    @cached_property
    def train_data(self) -> Resident | Streamed:
        """Batches to train on."""
        crop = self.config.crop
        return train_batches(
            self.splits[TRAIN], self.devices, self.preprocessing, RandomCrop(crop.scale, crop.ratio), **self._reading
        )

    @cached_property
    def eval_data(self) -> dict[str, InMemory | Streamed]:
        """Part ('validation', 'test') -> batches to evaluate on, for those that the recipe has."""
        parts = [part for part in self.splits.sizes if part != TRAIN]
        return {p: eval_batches(self.splits[p], self.devices, self.preprocessing, **self._reading) for p in parts}

    @property
    def _reading(self) -> dict:
        fields = self.config.dataset
        return {'placement': fields.placement, 'workers': fields.workers}

    def shared(self, stage: Stage | None = None) -> tuple:
        """What all training steps of a stage, by default the first, read besides the state: the seed's key data, the
        learning rates and the data set."""
        key_data = jax.random.key_data(jax.random.key(self.config.seed))
        rates = (stage or self.stages[0]).rates()
        return *parallel.replicate((key_data, rates), self.devices), self.train_data.dataset

    def first_state(self) -> State:
        """The state before the first step, on all devices."""
        stage = self.stages[0]
        options = self._state_options(stage)
        state = create(self.model, stage.optimizer(stage.schedule), self.config.seed, self.image_shape, **options)
        return parallel.replicate(state, self.devices)

    def state_like(self, step: int) -> State:
        """Shapes, dtypes and placement of the state after `step` steps."""
        stage = self.stage_at(step)
        assemble, first = assembler(stage.optimizer(stage.schedule), **self._state_options(stage))
        like = jax.eval_shape(assemble, self.shapes, first)
        everywhere = NamedSharding(parallel.mesh(self.devices), PartitionSpec())
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere), like)

    def _state_options(self, stage: Stage) -> dict:
        averaged, eval_state = self.config.ema_decay > 0, monitor.first_eval_state(stage.plateau)
        return {'averaged': averaged, 'eval_state': eval_state, 'freezing': stage.freezing, 'first': self._first}

    def begin(self, stage: Stage, state: State) -> State:
        """The first state of `stage`, from the last state of the stage before it."""
        init = jax.jit(lambda params: stage.optimizer(stage.schedule).init(stage.freezing.split(params)[0]))
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
        """(state, self.shared(stage), batches) -> ((state, metrics), ()) for a stage, by default the first."""
        stage, config = stage or self.stages[0], self.config
        options = step.StepOptions(
            model=self.model,
            optimizer=stage.optimizer,
            preprocess=self.preprocess,
            task=self.task,
            aux_weight=config.aux_weight,
            accumulate_steps=config.accumulate_steps,
            ema_decay=config.ema_decay,
            freezing=stage.freezing,
        )
        one = partial(step.train_step, options=options)
        steps = partial(step.train_steps, step=one, pick=self.train_data.pick)
        return parallel.over_devices(steps, self.devices, config.parallel, donate=True)

    def compiled_eval_step(self) -> Callable:
        """(variables, (), batch) -> (sums, what the task keeps of each image)."""
        task, devices = self.task.for_evaluation(), tuple(self.devices)
        return _compiled_eval_step(self.model, self.preprocess, task, devices, self.config.parallel)


def restore(run: RunDirectory, data_dir: str | None = None) -> tuple[TrainingSetup, State]:
    """The TrainingSetup of a run and its state: that which was tested, or the newest of an unfinished run.

    Raises UserError where there is no run, or no checkpoint that can be read.
    """
    config, made = recipe.from_dict(run.config()), run.read(schema.PROVENANCE) or {}
    network, init = network_of(run, made, config.model.arch), made.get('init')
    if init and init['arch'] == config.model.arch:
        init = {**init, 'arch': network}
    with config.unlocked():
        config.model.arch = network
    setup = TrainingSetup(config, data_dir, from_record(init) if init else None)
    if not (run / schema.CHECKPOINTS).is_dir():
        raise UserError(f'{run.path} has no checkpoint')
    with Checkpoints(run / schema.CHECKPOINTS, read_only=True) as checkpoints:
        step = step_of_weights(run, checkpoints)
        state, _ = checkpoints.restore(setup.state_like(step), step)
    return setup, state


@lru_cache(KEPT)
def _preprocess(preprocessing: Preprocessing, dtype: type) -> step.Preprocess:
    return partial(preprocessing.normalise, dtype=dtype)


@lru_cache(KEPT)  # runs of one network in one process share it
def _compiled_eval_step(
    model: nn.Module, preprocess: step.Preprocess, task: Task, devices: tuple[jax.Device, ...], mode: str
) -> Callable:
    one = partial(step.eval_step, model=model, preprocess=preprocess, task=task)
    return parallel.over_devices(one, list(devices), mode)
