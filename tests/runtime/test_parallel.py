"""The same run on any number of devices, also where that changes from session to session."""

import os
import subprocess

import jax
import numpy as np
import pytest
from kill_harness import REPOSITORY, command

from cnn_bench.errors import Stopped, UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime import parallel
from cnn_bench.runtime.signals import TrainingStopSignals
from cnn_bench.training import session

needs_four = pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')


def _assert_same_curve(one, other):
    """The rows of two runs are equal but for the order in which float32 sums over the batch are taken."""
    rows, expected = (RunDirectory(path).metrics() for path in (one, other))
    assert [(row['kind'], row['step']) for row in rows] == [(row['kind'], row['step']) for row in expected]
    np.testing.assert_allclose([row['loss'] for row in rows], [row['loss'] for row in expected], rtol=1e-4)
    a, b = (np.load(path / schema.PREDICTIONS)['log_probs'] for path in (one, other))
    np.testing.assert_allclose(a, b, atol=0.01)  # of a float16


@pytest.fixture(scope='module')
def on_one(tiny_data, tmp_path_factory):
    """The run directory of a recipe on one device, made once."""
    directory = tmp_path_factory.mktemp('one') / 'run'

    def train(config):
        if not directory.exists():
            session.train(config, directory, tiny_data)
        return directory

    return train


RECIPE = {'log_every_steps': 2, 'augment__pad_crop': 2, 'optimizer__learning_rate': 0.02}


@needs_four
def test_four_devices_give_the_same_curve(tiny_recipe, tiny_data, tmp_path, on_one):
    expected = on_one(tiny_recipe(**RECIPE, devices=1))
    session.train(tiny_recipe(**RECIPE, devices=4), tmp_path / 'run', tiny_data)
    _assert_same_curve(tmp_path / 'run', expected)


@pytest.mark.slow
def test_eight_devices_give_the_same_curve(tiny_recipe, tiny_data, tmp_path, on_one):
    expected = on_one(tiny_recipe(**RECIPE, devices=1))
    config = tiny_recipe(**RECIPE, devices=8, eval_batch_size=40)
    environment = {
        **os.environ,
        'XLA_FLAGS': os.environ.get('XLA_FLAGS', '') + ' --xla_force_host_platform_device_count=8',
    }
    arguments = command(config, tmp_path / 'run', tiny_data)
    subprocess.run(arguments, cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    _assert_same_curve(tmp_path / 'run', expected)


@needs_four
def test_a_run_goes_on_on_other_devices(tiny_recipe, tiny_data, tmp_path, on_one, monkeypatch):
    """Four, then one, then two, stopped in the middle of an epoch and of a logging window."""
    expected = on_one(tiny_recipe(**RECIPE, devices=1))
    polled = iter([False, False, True])  # the third step is the last of each session
    monkeypatch.setattr(TrainingStopSignals, 'poll', lambda self: next(polled, False))
    with pytest.raises(Stopped, match='step 3'):
        session.train(tiny_recipe(**RECIPE, devices=4), tmp_path / 'run', tiny_data)
    polled = iter([False, False, False, False, False, True])  # steps 4, 5 and 6, and batches of the evaluation
    with pytest.raises(Stopped, match=r'step \d'):
        session.train(tiny_recipe(**RECIPE, devices=1), tmp_path / 'run', tiny_data)
    session.train(tiny_recipe(**RECIPE, devices=2), tmp_path / 'run', tiny_data)
    _assert_same_curve(tmp_path / 'run', expected)
    record = RunDirectory(tmp_path / 'run').read(schema.PROVENANCE)
    assert [session['num_devices'] for session in record['earlier_sessions']] == [4, 1]
    assert record['num_devices'] == 2
    assert RunDirectory(tmp_path / 'run').read(schema.CONFIG)['devices'] == 2


def test_more_devices_than_there_are_is_an_error():
    with pytest.raises(UserError, match=r'config\.devices is 999; this machine has'):
        parallel.all_devices(999)
