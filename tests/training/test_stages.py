"""Stages: what each trains by which rate, the log, and stopping in any of them."""

from pathlib import Path

import jax
import numpy as np
import pytest
from kill_harness import assert_same_run, interrupted_after

from cnn_bench import recipe
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training import session
from cnn_bench.training.provenance import training_cost
from cnn_bench.training.setup import TrainingSetup, restore

STAGES = (
    {'total_epochs': 1, 'freeze': ('*', '!head'), 'schedule.name': 'constant', 'optimizer.learning_rate': 0.2},
    {'total_steps': 6, 'optimizer.nesterov': True, 'schedule.name': 'inverse_time', 'schedule.decay': 0.5},
)
FIELDS = {
    **{'stages': STAGES, 'checkpoint_every_steps': 3, 'optimizer__learning_rate': 0.01, 'ema_decay': 0.9},
    **{'dataset__validation_images': 24, 'batch_size': 18},
}


def test_each_stage_has_its_steps_rates_and_parts(tiny_recipe, tiny_data):
    setup = TrainingSetup(tiny_recipe(**FIELDS), tiny_data)
    assert [(stage.first, stage.end) for stage in setup.stages] == [(0, 4), (4, 10)]
    assert setup.total_steps == 10
    rates = [float(setup.schedule(step)) for step in range(10)]
    assert rates == pytest.approx([0.2] * 4 + [0.01 / (1 + 0.5 * step) for step in range(6)])
    assert [bool(stage.freezing.params) for stage in setup.stages] == [True, False]
    assert [setup.stage_at(step).number for step in (0, 4, 5, 10)] == [0, 0, 1, 1]
    head, whole = training_cost(setup)['stages']
    assert whole['frozen_params'] == 0
    assert head['trained_params'] + head['frozen_params'] == whole['trained_params'] == 61_706
    assert head['train_macs'] < whole['train_macs'] < 3 * 416_520


def test_stages_survive_json_and_the_command_line():
    path = Path(__file__).parents[2] / 'configs' / 'lenet5.py'
    config = recipe.load(path, {'stages': str(STAGES), 'freeze': "('conv1',)"})
    assert config.stages == STAGES
    again = recipe.from_dict(recipe.to_dict(config))
    assert again.stages == STAGES
    assert again.freeze == ('conv1',)


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'stages': ({'total_epochs': 0},)}, 'stage 1: config.total_epochs is 0; allowed: at least 1'),
        ({'stages': ({}, {'batch_size': 3})}, 'unknown field of a stage'),
        ({'stages': ({}, {'optimizer.learning_rat': 3})}, 'stage 2: config.optimizer.learning_rat: unknown argument'),
        ({'stages': ({}, {'schedule.name': 'cosin'})}, 'stage 2: unknown schedule'),
        ({'stages': ({}, {'freeze': ('conv9',)})}, 'stage 2: unknown part of the network'),
        ({'stages': ({}, {'schedule.factor': -1})}, 'stage 2: config.schedule.factor is -1; allowed: above 0'),
        ({'total_epochs': 10**9}, 'the recipe has 4,000,000,000 steps; steps are counted up to 2,147,483,647'),
        ({'stages': (3,)}, 'a tuple of'),
        ({'stages': ({}, {}), 'early_stop_patience': 1}, 'early_stop_patience'),
    ],
)
def test_a_wrong_stage_is_one_line(tiny_recipe, tiny_data, fields, said):
    with pytest.raises(UserError, match=said) as error:
        TrainingSetup(tiny_recipe(**fields), tiny_data)
    assert '\n' not in str(error.value)


@pytest.fixture(scope='module')
def whole(tiny_data, tmp_path_factory):
    """Call it with a recipe to have it trained in one go; once for all that ask."""
    done = []

    def train(config):
        if not done:
            done.append(tmp_path_factory.mktemp('whole') / 'run')
            session.train(config, done[0], tiny_data)
        return done[0]

    return train


@pytest.mark.parametrize('stop_at', [2, 4, 5, 8])
def test_resuming_in_any_stage_is_as_if_nothing_had_happened(tiny_recipe, tiny_data, tmp_path, whole, stop_at):
    config = tiny_recipe(**FIELDS)
    expected = whole(config)
    with interrupted_after(stop_at):
        session.train(config, tmp_path / 'run', tiny_data)
    session.train(config, tmp_path / 'run', tiny_data)
    assert_same_run(config, tmp_path / 'run', expected, tiny_data)


def test_the_log_says_which_stage(tiny_recipe, tiny_data, whole):
    run = RunDirectory(whole(tiny_recipe(**FIELDS)))
    rows = [(row['kind'], row['step'], row['stage']) for row in run.metrics()]
    assert rows == [
        *[('train', 3, 1), ('train', 4, 1), ('val', 4, 1), ('train', 6, 2), ('train', 8, 2), ('val', 8, 2)],
        *[('train', 9, 2), ('train', 10, 2), ('val', 10, 2), ('test', 10, 2)],
    ]
    facts = run.read(schema.PROVENANCE)['network']
    assert [stage['steps'] for stage in facts['stages']] == [4, 6]
    assert facts['train_macs'] == round(sum(s['steps'] * s['train_macs'] for s in facts['stages']) / 10)


def test_one_stage_that_changes_nothing_is_the_run_without(tiny_recipe, tiny_data, tmp_path):
    plain = {'total_epochs': 1, 'ema_decay': 0.9}
    session.train(tiny_recipe(**plain), tmp_path / 'plain', tiny_data)
    session.train(tiny_recipe(**plain, stages=({},)), tmp_path / 'staged', tiny_data)
    one, other = (restore(RunDirectory(tmp_path / name), tiny_data)[1] for name in ('plain', 'staged'))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    assert (tmp_path / 'plain' / schema.METRICS).read_bytes() == (tmp_path / 'staged' / schema.METRICS).read_bytes()
