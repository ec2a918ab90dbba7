"""Recipes adapted to what the command line changed in them."""

import pytest

from cnn_bench import recipe
from cnn_bench.training import adapted

LENET5 = 'configs/lenet5.py'  # sgd with momentum 0.9, a cosine after an epoch of warm-up


def _for_new_names(spec, overrides):
    return adapted.for_new_names(recipe.load(spec, overrides), spec, overrides)


def test_fields_that_a_new_optimiser_does_not_take_are_left_out():
    overrides = {'optimizer.name': 'adamw', 'optimizer.b1': '0.8'}
    config, lines = _for_new_names(LENET5, overrides)
    assert lines == ['adamw in place of sgd does not take optimizer.momentum=0.9: left out']
    before = recipe.to_dict(recipe.load(LENET5, overrides))
    del before['optimizer']['momentum']
    assert recipe.to_dict(config) == before
    assert config.is_locked


def test_fields_that_a_new_schedule_does_not_take_are_left_out(tmp_path):
    file = tmp_path / 'steps.py'
    text = (
        "config = base()\n    config.schedule.update({'name': 'step', 'at': (0.5,), 'factor': 0.2})\n    return config"
    )
    file.write_text(f"from cnn_bench.recipe import base\ndef get_config(arg=''):\n    {text}\n")
    config, lines = _for_new_names(str(file), {'schedule.name': 'cosine', 'optimizer.name': 'rmsprop'})
    assert lines == ['cosine in place of step does not take schedule.at=(0.5,), schedule.factor=0.2: left out']
    assert config.schedule.to_dict() == {'name': 'cosine', 'warmup_epochs': 0.0}
    config, lines = _for_new_names(str(file), {'schedule.name': 'plateau', 'dataset.validation_images': '9'})
    assert lines == ['plateau in place of step does not take schedule.at=(0.5,): left out']  # it has a factor


@pytest.mark.parametrize(
    'overrides',
    [
        {},
        {'optimizer.name': 'sgd'},  # as before
        {'optimizer.name': 'adamw', 'optimizer.momentum': '0.5'},  # asked for
        {'optimizer.name': 'adamw', 'optimizer.momentum': 'None'},  # said already
        {'optimizer.name': 'adam_w'},  # refused later, with the names that there are
        {'optimizer.learning_rate': '0.2'},
    ],
)
def test_all_else_stays_as_it_is(overrides):
    config, lines = _for_new_names(LENET5, overrides)
    assert lines == []
    assert config == recipe.load(LENET5, overrides)


@pytest.mark.parametrize(
    ('fields', 'epochs'),
    [
        ({'schedule.warmup_epochs': 2.0}, 0.2),  # as long as the run
        ({'schedule.warmup_epochs': 50.0}, 0.2),
        ({'schedule.warmup_epochs': 1.9}, None),
        ({'schedule.warmup_epochs': 0.0}, None),
        # 96 images are four batches of 24 an epoch.
        ({'schedule.warmup_epochs': 1.5, 'total_steps': 6}, 0.15),
        ({'schedule.warmup_epochs': 1.5, 'total_steps': 7}, None),
        ({'schedule.warmup_epochs': 5.0, 'stages': "({'total_epochs': 1}, {'total_epochs': 1})"}, None),
    ],
)
def test_a_warm_up_that_takes_all_of_a_run_becomes_a_tenth(tiny_recipe, tiny_data, fields, epochs):
    before = tiny_recipe(**fields)
    config, lines = adapted.for_short_run(before, tiny_data)
    if epochs is None:
        assert (config, lines) == (before, [])
        return
    assert config.schedule.warmup_epochs == epochs
    assert config.is_locked
    [line] = lines
    assert f'a warm-up of {fields["schedule.warmup_epochs"]:g} epochs' in line
    assert f'schedule.warmup_epochs={epochs:g}' in line
    assert adapted.for_short_run(config, tiny_data) == (config, [])  # once
    assert before.schedule.warmup_epochs == fields['schedule.warmup_epochs']
