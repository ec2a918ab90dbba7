"""What all tests share: four CPU devices in one process, a compilation cache, and a tiny data set."""

import os
from pathlib import Path

import numpy as np
import pytest

from cnn_bench.training.compilation import cache_variables

# Before jax is imported anywhere. Set XLA_FLAGS to run the tests on another number of devices.
os.environ.setdefault('XLA_FLAGS', '--xla_force_host_platform_device_count=4')
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('KERAS_BACKEND', 'jax')
for name, value in cache_variables(Path(__file__).parents[1] / '.pytest_cache' / 'xla').items():
    os.environ.setdefault(name, value)

REPOSITORY = Path(__file__).parents[1]
TRAIN_IMAGES, TEST_IMAGES = 96, 40


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory) -> str:
    """A data directory with the set `tiny`: 96 and 40 images of 28x28 that ten bright bars tell apart."""
    from image_files import write_idx

    from cnn_bench.data.prepare import prepare

    generator = np.random.default_rng(0)

    def images(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (np.arange(count) % 10).astype(np.uint8)
        pixels = generator.integers(0, 100, (count, 28, 28), np.uint8)
        for image, label in zip(pixels, labels, strict=True):
            image[2 * label + 3 : 2 * label + 6] += 150
        return pixels, labels

    source = write_idx(tmp_path_factory.mktemp('idx'), {'train': images(TRAIN_IMAGES), 'test': images(TEST_IMAGES)})
    directory = tmp_path_factory.mktemp('data')
    prepare('tiny', source, directory)
    return str(directory)


@pytest.fixture
def tiny_recipe():
    """Call it with overrides for the recipe of a few steps of LeNet-5 on `tiny`."""
    from cnn_bench.training import recipe

    def make(**overrides):
        fields = {
            'dataset.name': 'tiny',
            'batch_size': 24,
            'eval_batch_size': 20,
            'total_epochs': 2,
            'log_every_steps': 3,
            'devices': 1,
            'schedule.warmup_epochs': 0.0,
            **{name.replace('__', '.'): value for name, value in overrides.items()},
        }
        return recipe.load(REPOSITORY / 'configs' / 'lenet5.py', fields)

    return make
