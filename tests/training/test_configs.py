"""Every recipe of configs/: its smoke variant runs to the end, and every field of it is read."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from watched_config import WatchedConfig
from zoo import CLASSIFIERS

from cnn_bench import recipe
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training import provenance, session
from cnn_bench.training.setup import TrainingSetup

CONFIGS = sorted((Path(__file__).parents[2] / 'configs').glob('*.py'))
IMAGENET = [path for path in CONFIGS if recipe.load(path).dataset.name == 'imagenet']
CLASSIFYING = [path for path in CONFIGS if recipe.load(path).task == 'classification']  # a set for them is packaged
BY_NAME = {path.stem: path for path in CONFIGS}
TRAINED = ('alexnet', 'modern', 'resnet_imagenet')
needs_four = pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
each_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)


@pytest.fixture
def steps_are_only_traced(monkeypatch):
    """Replace states, and what steps return, by ones of the same shapes: steps are traced but not compiled."""

    def ones(like):
        def value(path, leaf):
            bad = path and getattr(path[-1], 'key', '') == 'bad'  # how many logits are not finite
            return np.full(leaf.shape, 0 if bad else 1, leaf.dtype)

        return jax.device_put(jax.tree.map_with_path(value, like))

    def traced(make):
        def made(self, *args):
            step = make(self, *args)
            return lambda *inputs: ones(jax.eval_shape(step, *inputs))

        return made

    def first_state(self):
        return ones(self.state_like(0)).replace(step=jax.device_put(np.int32(0)))

    monkeypatch.setattr(TrainingSetup, 'first_state', first_state)
    monkeypatch.setattr('cnn_bench.runtime.cpu.training_options', dict)  # JAX takes none in a program that is traced
    monkeypatch.setattr(
        provenance, 'training_cost', lambda setup: {'train_macs': 0, 'stages': []}
    )  # it traces the gradient again
    for name in ('compiled_train_steps', 'compiled_eval_step'):
        monkeypatch.setattr(TrainingSetup, name, traced(getattr(TrainingSetup, name)))


@pytest.mark.parametrize('path', CLASSIFYING, ids=lambda path: path.stem)
@needs_four
def test_smoke_runs_to_the_end_and_reads_every_field(path, tmp_path, monkeypatch, steps_are_only_traced):
    _run_smoke(path, tmp_path, monkeypatch)


# experiments-smoke trains compare.py and resnet_cifar.py; `make test-slow` all others.
@pytest.mark.parametrize(
    'path',
    [path if path.stem in TRAINED else pytest.param(path, marks=pytest.mark.slow) for path in CLASSIFYING],
    ids=lambda path: path.stem,
)
@needs_four
def test_smoke_trains(path, tmp_path, monkeypatch):
    """Compiled and run, which shows losses that are not finite."""
    _run_smoke(path, tmp_path, monkeypatch)


def _run_smoke(path, tmp_path, monkeypatch):
    """Two steps on four devices. Groups that are handed on whole are checked by `call`, others must be read by name."""
    config = recipe.load(f'{path}:smoke', {'devices': 4, 'dataset.placement': 'host'})  # streaming reads more of it
    fields, seen = recipe.to_dict(config), {'': set(), 'dataset': set()}
    watched = WatchedConfig(config.to_dict(), seen[''])
    watched['dataset'] = WatchedConfig(config.dataset.to_dict(), seen['dataset'])
    monkeypatch.setattr(recipe, 'to_dict', lambda _: fields)  # writing it down is not reading it
    for names in seen.values():
        names.clear()
    summary = session.train(watched, tmp_path / 'run')
    assert set(config) - seen[''] <= {'name', 'total_epochs'}  # which runs.load reads; which total_steps replaces
    assert set(config.dataset) == seen['dataset']
    assert (summary['state'], summary['steps']) == ('finished', 2)
    rows = RunDirectory(tmp_path / 'run').metrics()
    assert [(row['kind'], row['step']) for row in rows] == [('train', 1), ('train', 2), ('val', 2), ('test', 2)]
    assert all(np.isfinite(row['loss']) for row in rows)
    assert ('ema_top1_err_pct' in summary) == ('val_ema_top1_err_pct' in summary) == (config.ema_decay > 0)
    assert json.loads((tmp_path / 'run' / schema.CONFIG).read_text()) == fields


@each_config
def test_every_recipe_is_validated_and_tests_once(path):
    config = recipe.load(path)
    assert config.dataset.validation or config.dataset.validation_images > 0
    assert config.dataset.test
    assert config.test_every_epochs == 0


@each_config
def test_a_smoke_variant_differs_in_size_alone(path):
    """The optimiser, the losses and the augmentation that it tries are those of the recipe."""
    config, smoke = recipe.load(path), recipe.load(f'{path}:smoke')
    changed = {line.partition(':')[0] for line in recipe.differences(recipe.to_dict(config), recipe.to_dict(smoke))}
    kept = {
        'model.arch',
        'model.dropout',
        'model.aux',
        'optimizer',
        'mix',
        'label_smoothing',
        'ema_decay',
        'aux_weight',
    }
    for field in changed:
        assert not {field, field.partition('.')[0]} & kept, field
    assert smoke.total_steps == 2


@each_config
def test_an_unknown_variant_is_one_line(path):
    with pytest.raises(UserError, match='variant of a recipe') as error:
        recipe.load(f'{path}:smok')
    assert 'did you mean smoke' in str(error.value)
    assert '\n' not in str(error.value)


@each_config
def test_a_docstring_says_what_a_lab_book_would(path):
    words = [line.split()[0] for line in path.read_text().split('"""')[1].splitlines() if line and line[0] != ' ']
    assert [word for word in words if word in ('Command', 'Source', 'Expect')] == ['Command', 'Source', 'Expect']
    assert f'configs/{path.name}' in path.read_text().split('"""')[1]


@pytest.fixture
def pretend(monkeypatch):
    """Call it to have the facts of a colour data set in place of its images."""
    from cnn_bench import data

    def pretend(**facts):
        colours = {'channels': 3, 'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
        fields = {**vars(data.info('fashion_mnist_subset')), **colours, **facts}
        monkeypatch.setattr(data, 'info', lambda *_: data.Info(**fields))

    return pretend


@pytest.mark.parametrize('path', IMAGENET, ids=lambda path: path.stem)
def test_recipes_for_imagenet_build_at_full_size(path, pretend):
    pretend(name='imagenet', num_classes=1000, image_shape=None, sizes={'train': 1_281_167, 'test': 50_000})
    config = recipe.load(path, {'devices': 1})
    task = TrainingSetup(config)
    assert task.total_steps == config.total_epochs * ((1_281_167 - 50_000) // config.batch_size)
    assert task.image_shape == (config.dataset.size, config.dataset.size, 3)
    warmup = round(config.schedule.warmup_epochs * task.steps_per_epoch)
    assert float(task.schedule(warmup)) == pytest.approx(config.optimizer.learning_rate)


def test_the_rate_on_cifar_is_the_papers(pretend):
    """0.1, a tenth after 32,000 and a hundredth after 48,000 of 64,000 steps."""
    pretend(name='cifar10', image_shape=(32, 32, 3), sizes={'train': 50_000, 'test': 10_000})
    task = TrainingSetup(recipe.load(BY_NAME['resnet_cifar'], {'devices': 1}))
    assert task.total_steps == 64_000
    rates = {0: 0.1, 31_999: 0.1, 32_000: 0.01, 47_999: 0.01, 48_000: 0.001, 63_999: 0.001}
    assert [float(task.schedule(step)) for step in rates] == pytest.approx(list(rates.values()))


def test_the_rate_of_inception_falls_every_two_epochs(pretend):
    pretend(name='imagenet', num_classes=1000, image_shape=None, sizes={'train': 50_000 + 16_000, 'test': 50})
    task = TrainingSetup(recipe.load(BY_NAME['inception_v3'], {'devices': 1}))  # ten steps an epoch
    rates = {0: 0.045, 19: 0.045, 20: 0.045 * 0.94, 39: 0.045 * 0.94, 40: 0.045 * 0.94**2}
    assert [float(task.schedule(step)) for step in rates] == pytest.approx(list(rates.values()))


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_every_network_takes_the_modern_recipe(name, pretend):
    pretend(name='imagenet', image_shape=None, sizes={'train': 1_281_167, 'test': 50_000})
    task = TrainingSetup(recipe.load(BY_NAME['modern'], {'devices': 1, 'model.arch': name}))
    assert task.model.num_classes == 10
    assert task.task.mix is not None
