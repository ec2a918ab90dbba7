"""Recipes: overriding, refusing, and that every field is read."""

from pathlib import Path

import pytest
from watched_config import WatchedConfig

from cnn_bench import recipe
from cnn_bench.errors import UserError

CONFIGS = Path(__file__).parents[2] / 'configs'
LENET5 = CONFIGS / 'lenet5.py'


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda path: path.stem)
def test_every_config_loads_and_survives_json(path):
    config = recipe.load(path)
    again = recipe.from_dict(recipe.to_dict(config))
    assert recipe.to_dict(again) == recipe.to_dict(config)
    assert recipe.differences(recipe.to_dict(again), recipe.to_dict(config)) == []


def test_overrides_are_typed_as_the_fields_are():
    text = {
        'batch_size': '64',
        'optimizer.learning_rate': '1',
        'augment.flip': 'true',
        'model.output': 'rbf',
        'name': '20',
        'crop.scale': '(0.5, 1.0)',
    }
    config = recipe.load(LENET5, text)
    assert config.batch_size == 64
    assert isinstance(config.optimizer.learning_rate, float)
    assert config.augment.flip is True
    assert config.model.output == 'rbf'
    assert config.name == '20'
    assert config.crop.scale == (0.5, 1.0)


@pytest.mark.parametrize(
    ('field', 'value', 'said'),
    [
        ('batch_sise', '3', 'did you mean batch_size'),
        ('optimiser.learning_rate', '3', 'optimizer'),
        ('schedule', 'cosine', 'schedule.name'),
        ('batch_size', 'many', 'type int'),
        ('batch_size', '1.5', 'type int'),
        ('augment.flip', '1', 'type bool'),
        ('total_epochs', '-1', 'at least 1'),
        ('label_smoothing', '1', 'from 0 to below 1'),
        ('parallel', 'xmap', 'jit, pmap'),
        ('ema_decay', '1', 'from 0 to below 1'),
        ('accumulate_steps', '0', 'at least 1'),
        ('early_stop_patience', '-1', 'at least 0'),
        ('total_steps', '-1', 'at least 0'),
        ('scale_lr_to_batch', '-256', 'at least 0'),
        ('monitor', 'accuracy', 'loss, top1_err_pct, top5_err_pct'),
        ('monitor', 'ema_loss', 'loss, top1_err_pct'),  # without an average
        ('mix.mixup', '0.2', 'mixup_alpha'),
        ('dataset.placement', 'disk', 'auto, device, host'),
        ('dataset.classes', '(1, 1)', 'different labels'),
        ('dataset.classes', "('a',)", 'different labels'),
        ('freeze', 'head', 'type tuple'),
        ('freeze', '(1,)', 'a tuple of patterns'),
        ('bn_update', 'some', 'unfrozen, all, none'),
        ('stages', '(1,)', 'a tuple of'),
    ],
)
def test_a_wrong_override_is_one_line(field, value, said):
    with pytest.raises(UserError) as error:
        recipe.load(LENET5, {field: value})
    assert said in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('x = 1', 'does not load'),
        ('def get_config(): return 3', 'must return a ConfigDict'),
        ('def get_config(): raise KeyError("x")', 'KeyError'),
        ('from cnn_bench.recipe import base\ndef get_config():\n c = base(); c.sead = 1; return c', 'seed'),
        (
            'from cnn_bench.recipe import base\ndef get_config():\n c = base(); c.name = "\\x1b"; return c',
            'config.name',
        ),
        ('from cnn_bench.recipe import base\ndef get_config():\n c = base(); c.freeze = ("a\\n",); return c', 'freeze'),
        (
            'from cnn_bench.recipe import base\ndef get_config():\n c = base(); del c.seed; return c',
            'lacks seed',
        ),
    ],
)
def test_a_broken_recipe_file_is_one_line(tmp_path, text, said):
    path = tmp_path / 'broken.py'
    path.write_text(text)
    with pytest.raises(UserError, match=said) as error:
        recipe.load(path)
    assert '\n' not in str(error.value)


def test_parse_overrides():
    assert recipe.parse_overrides(['--config.a.b=c=d']) == {'a.b': 'c=d'}
    for wrong in ('--config.a', '--a=3', 'a'):
        with pytest.raises(UserError, match='FIELD=VALUE'):
            recipe.parse_overrides([wrong])


def test_call_refuses_what_the_function_does_not_take():
    def function(x, *, width=1):
        return x, width

    assert recipe.call(function, 'model', {'width': 2}, 5) == (5, 2)
    assert recipe.call(function, 'model', {'width': None}, 5) == (5, 1)
    with pytest.raises(UserError, match=r'model\.widht.*width'):
        recipe.call(function, 'model', {'widht': 2}, 5)
    with pytest.raises(UserError, match=r'model\.x'):
        recipe.call(function, 'model', {'x': 2}, 5)


@pytest.mark.parametrize(
    ('value', 'default', 'wanted'),
    [
        (3, False, 'bool'),
        ('x', False, 'bool'),
        ('x', 0.9, 'number'),
        (True, 1, 'number'),
        (1, 'x', 'str'),
        (0.5, (0.5,), 'tuple'),
        (0.5, 1, ''),
        (1, 0.5, ''),
        (None, True, ''),
        ('x', None, ''),
    ],
)
def test_call_refuses_values_of_another_type_than_the_default(value, default, wanted):
    def function(field=default):
        return field

    if wanted:
        with pytest.raises(UserError, match=rf'config\.optimizer\.field is .*type {wanted}'):
            recipe.call(function, 'optimizer', {'field': value})
    else:
        recipe.call(function, 'optimizer', {'field': value})


@pytest.mark.parametrize('field', ['num_classes', 'bn_axis'])
def test_fields_of_networks_that_no_recipe_sets(field):
    with pytest.raises(UserError, match=rf'config\.model\.{field} is no field of a recipe; it is decided by config'):
        recipe.load(LENET5, {f'model.{field}': 'x'})


def test_differences_name_nested_fields():
    assert recipe.differences({'a': {'b': 1}, 'c': 2}, {'a': {'b': 3}, 'c': 2}) == ['a.b: 1, 3']


def test_training_reads_every_field(tiny_data, tiny_recipe, tmp_path, monkeypatch):
    """Groups that are handed on whole are checked by `call`; the others and the top level must be read by name."""
    from cnn_bench.runs import sinks
    from cnn_bench.training.session import train

    monkeypatch.setattr(sinks, 'Wandb', lambda project, run, step: sinks.TensorBoard(run, step))
    validated = {'dataset__validation_images': 24, 'batch_size': 18}
    config = tiny_recipe(
        **validated, wandb__enabled=True, total_epochs=1, dataset__placement='host', crop__scale=(0.9, 1.0)
    )
    fields, seen = recipe.to_dict(config), {'': set(), 'dataset': set(), 'wandb': set(), 'tensorboard': set()}
    watched = WatchedConfig(config.to_dict(), seen[''])
    for name in ('dataset', 'wandb', 'tensorboard'):
        watched[name] = WatchedConfig(config[name].to_dict(), seen[name])
    monkeypatch.setattr(recipe, 'to_dict', lambda _: fields)  # writing it down is not reading it
    for names in seen.values():
        names.clear()
    train(watched, tmp_path / 'run', tiny_data)
    assert set(config) - seen[''] == {'name'}  # which runs.load reads
    assert set(config.dataset) == seen['dataset']
    assert set(config.wandb) == seen['wandb']
    assert set(config.tensorboard) == seen['tensorboard']


NONSENSE = (
    *(-1, 0, 10**9 + 1, 10**24, 1e400, 1e308, float('nan'), True, None),
    *('', 'x', b'', [], {}, (), (-1, -2), ('x', 'y')),
)


def _message(field, value):
    """How a value is refused; empty where the recipe loads and survives JSON."""
    try:
        config = recipe.load(LENET5, {field: value})
    except UserError as error:
        return str(error)
    assert recipe.to_dict(recipe.from_dict(recipe.to_dict(config))) == recipe.to_dict(config)
    return ''


@pytest.mark.parametrize('field', recipe.FIELDS)
def test_nonsense_is_refused_in_one_line_or_is_a_value_of_the_field(field):
    messages = [_message(field, value) for value in NONSENSE]
    assert any(messages)
    assert all('\n' not in message for message in messages)


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('seed', 2**32),
        ('seed', 10**20 - 1),
        ('optimizer.learning_rate', -1.0),
        ('optimizer.learning_rate', float('inf')),
        ('optimizer.weight_decay', -1.0),
        ('optimizer.momentum', 2.0),
        ('augment.pad_crop', -1),
        ('model.width', 0.0),
        ('crop.crop_fraction', 2.0),
        ('crop.crop_fraction', -1.0),
        ('crop.scale', ('x', 'y')),
        ('crop.scale', (1.0, 0.1)),
        ('crop.ratio', (0, 0)),
        ('crop.ratio', (1, 2, 3)),
        ('crop.ratio', (None, 1)),
        ('dataset.size', -1),
        ('dataset.workers', -1),
        ('dataset.workers', 10**12),
        ('total_steps', 10**24),
        ('schedule.factor', -1),
        ('schedule.at', 5),
        ('schedule.at', ('x',)),
        ('dataset.workers', 1025),
        ('augment.lighting_components', (0.1,)),
        ('augment.lighting_components', (('x',),)),
        ('augment.lighting_components', ((float('nan'),),)),
        ('stages', ({1: 2},)),
        ('optimizer.accumulator_dtype', 'x'),
        ('optimizer.mu_dtype', 3),
    ],
)
def test_values_that_cannot_be_trained_with_are_refused(field, value):
    with pytest.raises(UserError, match=rf'config\.{field} is .*(allowed|type)'):
        recipe.load(LENET5, {field: value})
