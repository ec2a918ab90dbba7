"""Evaluation, `predict` and `features`, on which `retrieve` rests, feed a network equal arrays for the same files."""

from collections import defaultdict

import jax
import numpy as np
import pytest
from flax import linen as nn
from image_files import save_image

from cnn_bench import recipe, trained
from cnn_bench.data import pictures
from cnn_bench.data.prepare import prepare
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.digest import digest
from cnn_bench.inference import predict
from cnn_bench.inference.features import extract
from cnn_bench.models import registry
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime import parallel
from cnn_bench.trained import Origin, TrainedModel, imported
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.training import batches, provenance
from cnn_bench.training.evaluate import evaluate_run, evaluate_weights
from cnn_bench.training.setup import TrainingSetup

IMAGES = 3  # of the test split
MIXED = ((1, 1), (9, 5), (375, 500))
NATIVE = {(1, 1), (9, 5), (20, 28)}  # sizes that a network takes as they are stored
FED = []  # what the network saw, while a test runs


class Recorder(nn.Module):
    """A classifier of one class that keeps what it is fed."""

    num_classes: int = 1
    stem: str = 'none'
    bn_axis: str | None = None
    dtype: type = np.float32

    def features(self, x, train):
        jax.debug.callback(lambda images: FED.append(np.asarray(images)), x)
        return x.mean((1, 2))

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(self.num_classes, name='head')(self.features(x, train))


@pytest.fixture
def fed(monkeypatch):
    """Call it with a function: what the network is fed while the function runs, (n, h, w, c)."""
    monkeypatch.setattr(registry, 'build', lambda arch, **fields: Recorder(fields['num_classes']))
    monkeypatch.setattr(parallel, 'local_devices', lambda count: jax.local_devices()[:1])

    def during(function) -> np.ndarray:
        FED.clear()
        function()
        jax.effects_barrier()
        return np.concatenate(FED)[:IMAGES]

    return during


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """Call it with the stored size, or None for several, and channels.

    Returns the test files, PNG where they share a size and JPEG otherwise, and the data directory of `set`.
    """
    generator, made = np.random.default_rng(0), {}

    def make(stored, channels):
        if (stored, channels) not in made:
            directory, files = tmp_path_factory.mktemp('set'), defaultdict(list)
            ending = '.png' if stored else '.jpg'
            for split in ('train', 'test'):
                for number, shape in enumerate([stored] * IMAGES if stored else MIXED):
                    pixels = generator.integers(0, 256, (*shape, 3) if channels == 3 else shape, np.uint8)
                    path = directory / 'images' / split / 'a' / f'{number}{ending}'
                    files[split].append(save_image(path, pixels))
            prepare('set', directory / 'images', directory / 'data')
            made[stored, channels] = files['test'], str(directory / 'data')
        return made[stored, channels]

    return make


def trained_run(directory, data_dir, size, placement) -> RunDirectory:
    """A run directory as training leaves it, at step 0."""
    fields = {'dataset.name': 'set', 'dataset.size': size, 'dataset.placement': placement, 'devices': 1}
    config = recipe.base().unlock()
    for name, value in {**fields, 'batch_size': IMAGES, 'eval_batch_size': IMAGES, 'total_steps': 1}.items():
        recipe.override(config, name, value)
    setup, run = TrainingSetup(config.lock(), data_dir), RunDirectory(directory)
    run.create()
    run.write(schema.CONFIG, recipe.to_dict(config))
    run.write(schema.PROVENANCE, provenance.collect(setup, run))
    with Checkpoints(run / schema.CHECKPOINTS) as checkpoints:
        checkpoints.save(setup.first_state(), {})
    return run


def weights(directory, input_shape, resize) -> None:
    """A directory of imported weights."""
    head = {'kernel': np.ones((input_shape[2], 1), np.float32), 'bias': np.zeros(1, np.float32)}
    variables = {'params': {'head': head}}
    preprocessing = Preprocessing(input_shape, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 'bicubic', resize)
    source = {'library': 'timm', 'file': 'recorder.pth'}
    origin = Origin(str(directory), 'weights', 'lenet5', {'num_classes': 1}, digest(variables), source)
    imported.save(TrainedModel(Recorder(), variables, preprocessing, ('a',), origin), directory)


def in_use(fed, directory, files, data_dir) -> dict[str, np.ndarray]:
    """What `predict` and `features` feed, and what the rule of preprocessing makes of the files."""
    model = trained.load(directory, data_dir)
    read = np.stack([model.preprocessing.crop(pictures.read(path, model.input_shape[2])) for path in files])
    return {
        'predict': fed(lambda: list(predict(model, files))),
        'features': fed(lambda: extract(model, 'set', 'test', 'logits', data_dir=data_dir).arrays()),
        'the rule': np.asarray(jax.jit(model.preprocess)(read)),
    }


def check_equal(found: dict[str, np.ndarray]) -> None:
    expected = found.pop('the rule')
    assert np.isfinite(expected).all()
    for command, arrays in found.items():
        np.testing.assert_array_equal(arrays, expected, err_msg=command)


@pytest.mark.parametrize(
    ('stored', 'channels', 'size'),  # size 0: as stored
    [
        ((1, 1), 3, 0),
        ((1, 1), 1, 24),
        ((9, 5), 3, 0),
        ((20, 28), 1, 0),
        ((20, 28), 3, 28),
        ((375, 500), 3, 24),
        (None, 3, 24),
    ],
)
def test_of_a_run(fed, prepared, tmp_path, stored, channels, size):
    files, data_dir = prepared(stored, channels)
    found = {}
    for placement in ('host', 'device') if stored in NATIVE and not size else ('host',):
        run = trained_run(tmp_path / placement, data_dir, size, placement)
        found[f'evaluation, {placement}'] = fed(lambda run=run: evaluate_run(run.path, data_dir=data_dir))
    check_equal({**found, **in_use(fed, tmp_path / 'host', files, data_dir)})


@pytest.mark.parametrize(
    ('stored', 'channels', 'shape', 'resize'),
    [
        ((1, 1), 3, (24, 24, 3), 27),
        ((9, 5), 1, (9, 5, 3), None),
        ((20, 28), 1, (20, 28, 3), 23),
        ((375, 500), 3, (24, 24, 3), 27),
        ((375, 500), 3, (20, 28, 3), 29),
        (None, 3, (24, 24, 3), None),
    ],
)
def test_of_imported_weights(fed, prepared, tmp_path, monkeypatch, stored, channels, shape, resize):
    files, data_dir = prepared(stored, channels)
    weights(tmp_path / 'weights', shape, resize)

    def evaluate():
        evaluate_weights(tmp_path / 'weights', 'set', 'test', data_dir)

    found = {'evaluation': fed(evaluate), **in_use(fed, tmp_path / 'weights', files, data_dir)}
    if resize is None and stored == shape[:2]:  # it lay on the device
        monkeypatch.setattr(batches, 'RESIDENT_BYTES', 0)
        found['evaluation, host'] = fed(evaluate)
    check_equal(found)
