"""What all tests share: four CPU devices in one process, a compilation cache, and a tiny data set."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

# Before jax is imported anywhere, and before cnn_bench, which adds a flag of its own. Set XLA_FLAGS to run the tests on
# another number of devices, or on programs compiled with all of XLA's efforts, which what runs for a moment does not
# repay.
QUICK = '--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false'
os.environ.setdefault('XLA_FLAGS', f'--xla_force_host_platform_device_count=4 {QUICK}')

from cnn_bench.runtime import cores, garbage  # noqa: E402
from cnn_bench.runtime.compilation import cache_variables  # noqa: E402

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('KERAS_BACKEND', 'jax')
for name, value in cache_variables(Path(__file__).parents[1] / '.pytest_cache' / 'xla', quickest_s=0.1).items():
    os.environ.setdefault(name, value)
if 'PYTEST_XDIST_WORKER' in os.environ:  # several test at once
    own = cores.shares(int(os.environ['PYTEST_XDIST_WORKER_COUNT']), cores.available())
    os.environ.update(own[int(os.environ['PYTEST_XDIST_WORKER'].removeprefix('gw'))])
    cores.keep_to_own()

REPOSITORY = Path(__file__).parents[1]
TRAIN_IMAGES, TEST_IMAGES = 96, 40
TOGETHER = {  # files that share what is traced and compiled, in one process
    'networks at native size': (  # by `zoo.native`
        'test_efficient_networks.py',
        'test_families.py',
        'test_inception_family.py',
        'test_published_counts.py',
        'test_registry.py',
        'test_residual_families.py',
        'test_stage_shapes.py',
        'test_torch.py',
    ),
    'small networks': ('test_every_network.py', 'test_folding.py'),  # by `zoo.form` and `zoo.trial`
}


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what was imported, and from holding up what is traced."""
    garbage.collect_seldom()


def pytest_xdist_make_scheduler(config, log):
    """Give each file to one worker, as --dist loadfile does, and files that share something to the same one."""
    from xdist.scheduler import LoadFileScheduling

    class ByWhatIsTraced(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = super()._split_scope(nodeid)
            return next((what for what, files in TOGETHER.items() if Path(path).name in files), path)

    return ByWhatIsTraced(config, log)


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


@pytest.fixture(scope='session')
def tiny_run(tiny_data, tmp_path_factory) -> str:
    """The directory of a run of two steps of LeNet-5 on `tiny`."""
    from cnn_bench.cli import main

    workdir = tmp_path_factory.mktemp('runs') / 'lenet5'
    fields = {'dataset.name': 'tiny', 'batch_size': 24, 'eval_batch_size': 20, 'total_steps': 2, 'devices': 1}
    fields |= {'schedule.warmup_epochs': 0, 'model.width': 0.5, 'dataset.validation_images': 24}
    arguments = ['train', '--config', str(REPOSITORY / 'configs' / 'lenet5.py'), '--workdir', str(workdir)]
    overrides = [f'--config.{name}={value}' for name, value in fields.items()]
    assert main([*arguments, '--data-dir', tiny_data, *overrides]) == 0
    return str(workdir)


@pytest.fixture(scope='session')
def colour_weights(tmp_path_factory) -> str:
    """A directory of imported weights, drawn at random: LeNet-5 for images of 32x32 in colour, ten classes."""
    return _random_weights('lenet5', tmp_path_factory.mktemp('weights') / 'lenet5')


@pytest.fixture(scope='session')
def any_size_weights(tmp_path_factory) -> str:
    """As `colour_weights`: a small SqueezeNet, which takes images of any size from 8x8 on."""
    fields = {'stem': 'small', 'depths': (1, 1, 1), 'width': 0.25}
    return _random_weights('squeezenet1_0', tmp_path_factory.mktemp('weights') / 'squeezenet', **fields)


def _random_weights(arch: str, directory: Path, **fields) -> str:
    import jax
    import jax.numpy as jnp

    from cnn_bench.digest import digest
    from cnn_bench.models import registry
    from cnn_bench.pretrained.layout import Transform
    from cnn_bench.trained import Origin, TrainedModel, imported
    from cnn_bench.trained.class_names import numbered_classes

    fields, shape = {'num_classes': 10, 'width': 0.5, **fields}, (32, 32, 3)
    module = registry.build(arch, **fields)
    variables = dict(jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, *shape))))
    source = {'library': 'timm', 'file': f'{arch}.safetensors'}
    origin = Origin(str(directory), 'weights', arch, fields, digest(variables), source)
    preprocessing = Transform(resize=36).for_input(shape)
    imported.save(TrainedModel(module, variables, preprocessing, numbered_classes(10), origin), directory)
    return str(directory)


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds, to be set."""
    now = [100.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    return now


@pytest.fixture
def tiny_recipe():
    """Call it with overrides for the recipe of a few steps of LeNet-5 on `tiny`."""
    from cnn_bench import recipe

    def make(**overrides):
        fields = {
            'dataset.name': 'tiny',
            'dataset.validation_images': 0,
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
