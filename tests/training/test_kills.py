"""Real processes, really killed: the finished run is the undisturbed one, bit for bit."""

from collections import Counter

import pytest
from kill_harness import MOMENTS, assert_same_run, command, disturb

from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training import session

RECIPE = {
    **{'log_every_steps': 3, 'checkpoint_every_steps': 10, 'augment__pad_crop': 2},
    **{'batch_size': 18, 'dataset__validation_images': 24, 'keep_best': True},  # an epoch has 4 steps
}


@pytest.mark.slow
def test_killed_four_times(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(**RECIPE, total_epochs=100)
    session.train(config, tmp_path / 'undisturbed', tiny_data)
    workdir = tmp_path / 'run'
    done, _ = disturb(command(config, workdir, tiny_data), workdir, seed=0, kills=4)
    assert done.total() >= 3, done
    assert_same_run(config, workdir, tmp_path / 'undisturbed', tiny_data)
    sessions = RunDirectory(workdir).read(schema.PROVENANCE)['earlier_sessions']
    assert len(sessions) >= done.total() - done['SIGKILL, any time'] - done['SIGTERM, any time']


@pytest.mark.slow
def test_killed_in_either_of_two_stages(tiny_recipe, tiny_data, tmp_path):
    stages = ({'total_epochs': 10, 'freeze': ('*', '!head')}, {'total_epochs': 50, 'optimizer.learning_rate': 0.01})
    config = tiny_recipe(**RECIPE, stages=stages)
    session.train(config, tmp_path / 'undisturbed', tiny_data)
    workdir = tmp_path / 'run'
    done, _ = disturb(command(config, workdir, tiny_data), workdir, seed=1, kills=3)
    assert done.total() >= 2, done
    assert_same_run(config, workdir, tmp_path / 'undisturbed', tiny_data)


@pytest.mark.slow
def test_killed_twenty_times(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(**RECIPE, total_epochs=200)
    session.train(config, tmp_path / 'undisturbed', tiny_data)
    done, half_saves, runs = Counter(), 0, 0
    while done.total() < 20:
        workdir, runs = tmp_path / f'run{runs}', runs + 1
        met, halves = disturb(command(config, workdir, tiny_data), workdir, seed=runs, kills=20 - done.total())
        done, half_saves = done + met, half_saves + halves
        assert_same_run(config, workdir, tmp_path / 'undisturbed', tiny_data)
    print(f'{runs} runs, killed: {dict(done)}, in the middle of a save: {half_saves}')
    assert set(done) == set(MOMENTS)
    assert half_saves >= 1
