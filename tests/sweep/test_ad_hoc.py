"""Sweeps of a recipe over grids, without an experiment file."""

import json

import pytest

from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.runs import load, study
from cnn_bench.sweep import ad_hoc

RECIPE = """
from cnn_bench.recipe import base

def get_config(arg=''):
    config = base()
    config.dataset.name, config.dataset.validation_images, config.devices = 'tiny', 24, 1
    config.batch_size, config.eval_batch_size, config.total_steps = 24, 20, 2
    return config
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'net.py').write_text(RECIPE)
    return 'net.py'


def test_the_product_of_grids(recipe):
    grids = ['optimizer.learning_rate=0.01,0.03', 'model.width=0.5, 1', 'augment.pad_crop=0']
    experiment = ad_hoc.load(recipe, {'batch_size': '12'}, grids)
    found = {}
    for trial in experiment.trials('recipe', 1):
        config = trial.config
        values = config.optimizer.learning_rate, config.model.width, config.augment.pad_crop, config.batch_size
        found[trial.name] = values
    assert found == {
        'learning_rate=0.01, width=0.5, pad_crop=0': (0.01, 0.5, 0, 12),
        'learning_rate=0.01, width=1, pad_crop=0': (0.01, 1.0, 0, 12),
        'learning_rate=0.03, width=0.5, pad_crop=0': (0.03, 0.5, 0, 12),
        'learning_rate=0.03, width=1, pad_crop=0': (0.03, 1.0, 0, 12),
    }
    asked = 'How does the test error of net.py depend on optimizer.learning_rate, model.width and augment.pad_crop?'
    assert experiment.question == asked
    assert [trial.config.total_steps for trial in experiment.trials('smoke', 1)] == [2] * 4


def test_optimisers_need_not_take_the_same_fields(recipe, tmp_path):
    """Each takes what it knows of the recipe's fields; what is asked for is never left out."""
    sgd = RECIPE.replace('    return config', '    config.optimizer.momentum = 0.9\n    return config')
    (tmp_path / 'net.py').write_text(sgd)
    experiment = ad_hoc.load(recipe, {'optimizer.nesterov': 'True'}, ['optimizer.name=sgd,adam,lion'])
    values = {trial.name: trial.config.optimizer.to_dict() for trial in experiment.trials('recipe', 1)}
    assert values['name=sgd']['momentum'] == 0.9
    assert values['name=adam']['momentum'] is values['name=lion']['momentum'] is None
    assert all(fields['nesterov'] for fields in values.values())  # lion will refuse it
    assert experiment.left_out('recipe') == [
        f'{name} in place of sgd does not take optimizer.momentum=0.9: left out' for name in ('adam', 'lion')
    ]
    [changed] = ad_hoc.load(recipe, {'optimizer.name': 'adam'}).trials('recipe', 1)
    assert changed.config.optimizer.momentum is None
    assert '--config.optimizer.momentum=None' in changed.arguments  # so that its process trains the same recipe
    assert ad_hoc.load(recipe, {}, ['model.width=0.5,1']).left_out('recipe') == []


def test_values_may_hold_commas_and_names_that_two_groups_share_are_whole(recipe):
    assert ad_hoc.parse(['dataset.classes=(0,1),(2, 3)']) == {'dataset.classes': ['(0,1)', '(2, 3)']}
    assert ad_hoc.parse(["model.dtype='a,b',c"]) == {'model.dtype': ["'a,b'", 'c']}
    assert list(ad_hoc.product({'optimizer.name': ['sgd'], 'schedule.name': ['cosine']})) == [
        'optimizer.name=sgd, schedule.name=cosine'
    ]


@pytest.mark.parametrize(
    ('grids', 'said'),
    [
        (['model.width'], 'is not FIELD=VALUE'),
        (['model.width='], 'is not FIELD=VALUE'),
        (['model.width=1,,2'], 'is not FIELD=VALUE'),
        (['model.width=1,1'], 'gives a value twice'),
        (['model.width=1', 'model.width=2'], 'names model.width twice'),
        (['seed=1,2'], 'seed is not for sweeps'),
        (['batch_size=1,2'], '--grid and --config both set batch_size'),
    ],
)
def test_grids_that_are_wrong(recipe, grids, said):
    with pytest.raises(UserError, match=said):
        ad_hoc.load(recipe, {'batch_size': '12'}, grids)


def test_the_command(recipe, tmp_path, tiny_data, capsys):
    """Run, tuned, planned; and refused for an experiment."""
    command = ['sweep', recipe, '--data-dir', tiny_data, '--grid', 'model.width=0.5,1', '--executor', 'inline']
    assert main([*command, '--seeds', '2', '--config.total_steps=1']) == 0
    out = capsys.readouterr().out
    assert 'How does the test error of net.py depend on model.width?' in out
    assert '4 trials in runs/net-recipe' in out
    assert 'as means over 2 seeds: width=' in out
    table = load('runs/net-recipe')
    assert sorted(zip(table.label, table.seed, table.width, strict=True)) == [
        *[('width=0.5', 0, 0.5), ('width=0.5', 1, 0.5)],
        *[('width=1', 0, 1.0), ('width=1', 1, 1.0)],
    ]
    assert study.read('runs/net-recipe').preset == 'recipe'

    tuned = [*command, '--out', 'tuned', '--tune', 'optimizer.learning_rate=log(0.001,1)', '--tune-trials', '2']
    assert main(tuned) == 0
    capsys.readouterr()
    assert main([*tuned, '--seeds', '3', '--dry-run', '--json']) == 0
    [plan] = json.loads(capsys.readouterr().out)
    states = [(trial['part'], trial['state']) for trial in plan['trials']]
    assert states.count(('tuning', 'finished')) == 4
    assert states.count(('trials', 'finished')) == 2
    assert states.count(('trials', 'missing')) == 4
    assert main([*tuned, '--tune', 'model.width=linear(0.5,1)']) == 2
    assert '--grid and --tune both set model.width' in capsys.readouterr().err
