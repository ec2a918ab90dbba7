"""Two processes on one machine, really started, against one: the same run."""

import contextlib
import os
import signal
import socket
import subprocess

import jax
import numpy as np
import pytest
from kill_harness import PATIENCE_S, STOPPED, assert_same_run, command, start, wait_for_rows

from cnn_bench import cli
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime import distributed
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.training import session
from cnn_bench.training.setup import TrainingSetup

FLAGS = os.environ.get('XLA_FLAGS', '') + ' --xla_force_host_platform_device_count=2'  # of each process
ENVIRONMENT = {**os.environ, 'XLA_FLAGS': FLAGS}
RECIPE = {
    'devices': 0,
    'eval_every_epochs': 4,
    'checkpoint_every_steps': 14,  # an epoch has 4 steps
    'augment.pad_crop': 2,
    'optimizer.learning_rate': 0.02,
}


def _start_two(config, workdir, data_dir, *flags):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        address = f'127.0.0.1:{free.getsockname()[1]}'
    several = ('--distributed', '--coordinator', address, '--num-processes', '2', *flags)
    own = [command(config, workdir, data_dir, *several, '--process-id', str(index)) for index in (0, 1)]
    return [start(arguments, env=ENVIRONMENT) for arguments in own]


def _ends(processes) -> tuple[list[int], list[str]]:
    outputs = [process.communicate(timeout=PATIENCE_S)[0] for process in processes]
    return [process.returncode for process in processes], outputs


def _finish(config, workdir, data_dir, *flags):
    statuses, outputs = _ends(_start_two(config, workdir, data_dir, *flags))
    assert statuses == [0, 0], outputs
    assert 'top-1 error' in outputs[0]
    assert 'top-1 error' not in outputs[1]


def _assert_close(config, one, other, data_dir):
    """The same rows, parameters and predictions: equal but for the order in which float32 sums are taken."""
    rows, expected = RunDirectory(one).metrics(), RunDirectory(other).metrics()
    assert [(row['kind'], row['step']) for row in rows] == [(row['kind'], row['step']) for row in expected]
    for row, expect in zip(rows, expected, strict=True):
        np.testing.assert_allclose(row['loss'], expect['loss'], rtol=1e-3)
        assert row['top1_err_pct'] == pytest.approx(expect['top1_err_pct'], abs=100 / 40)  # one of the 40 test images
        assert row.get('images') == expect.get('images')
    states = []
    for path in (one, other):
        with Checkpoints(path / schema.CHECKPOINTS, keep=2) as checkpoints:
            states.append(checkpoints.restore(TrainingSetup(config, data_dir).first_state())[0])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), *[s.params for s in states])
    a, b = (np.load(path / schema.PREDICTIONS) for path in (one, other))
    np.testing.assert_array_equal(a['label'], b['label'])
    np.testing.assert_allclose(a['log_probs'], b['log_probs'], atol=0.01)


def _stopped(config, workdir, data_dir):
    """A run of two processes of which one got a signal: both save the same step and end."""
    processes = _start_two(config, workdir, data_dir)
    wait_for_rows(workdir, 3, *processes)
    processes[1].send_signal(signal.SIGUSR1)
    statuses, outputs = _ends(processes)
    assert statuses == [STOPPED, STOPPED], outputs


def _killed(config, workdir, data_dir):
    """A run of two processes of which one was killed: the other cannot go on, and ends, or waits for it in vain."""
    processes = _start_two(config, workdir, data_dir)
    wait_for_rows(workdir, 3, *processes)
    processes[1].kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        processes[0].wait(10)
    processes[0].kill()
    statuses, outputs = _ends(processes)
    assert statuses[0] not in (0, STOPPED), outputs[0]
    assert RunDirectory(workdir).read(schema.SUMMARY) is None


@pytest.mark.slow
def test_two_processes_stopped_by_a_signal_to_one_are_one(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(**RECIPE, total_epochs=12)
    _stopped(config, tmp_path / 'two', tiny_data)
    _finish(config, tmp_path / 'two', tiny_data)
    session.train(config, tmp_path / 'one', tiny_data)
    _assert_close(config, tmp_path / 'two', tmp_path / 'one', tiny_data)
    provenance = RunDirectory(tmp_path / 'two').read(schema.PROVENANCE)
    assert (provenance['num_processes'], provenance['num_devices']) == (2, 4)
    assert len(provenance['earlier_sessions']) == 1


@pytest.mark.slow
def test_two_processes_stream_what_one_does(tiny_recipe, tiny_data, tmp_path):
    fields = {'dataset.placement': 'host', 'crop.scale': '(0.9, 1.0)', 'crop.crop_fraction': 1.0}
    config = tiny_recipe(**RECIPE, **fields)
    _finish(config, tmp_path / 'two', tiny_data, *[f'--config.{field}={value}' for field, value in fields.items()])
    session.train(config, tmp_path / 'one', tiny_data)
    _assert_close(config, tmp_path / 'two', tmp_path / 'one', tiny_data)


@pytest.mark.slow
def test_two_processes_stopped_and_killed_are_two_processes_bit_for_bit(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(**RECIPE, total_epochs=24)
    _stopped(config, tmp_path / 'disturbed', tiny_data)
    _killed(config, tmp_path / 'disturbed', tiny_data)
    _finish(config, tmp_path / 'disturbed', tiny_data)
    _finish(config, tmp_path / 'undisturbed', tiny_data)
    assert_same_run(config, tmp_path / 'disturbed', tmp_path / 'undisturbed', tiny_data)


@pytest.mark.parametrize(
    ('flags', 'message'),
    [
        (['--coordinator', 'a:1'], 'need --distributed'),
        (['--distributed', '--coordinator', 'a:1'], 'go together'),
        (['--distributed', '--coordinator', 'a:1', '--num-processes', '2', '--process-id', '2'], 'from 0 to one less'),
        (['--distributed'], '--distributed: '),  # a device has been used, and there is no scheduler
    ],
)
def test_flags_that_cannot_be_are_refused(tmp_path, capsys, flags, message):
    jax.devices()
    assert cli.main(['train', '--config', 'configs/lenet5.py', '--workdir', str(tmp_path / 'run'), *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'run').exists()


def test_recipes_that_several_processes_cannot_run(monkeypatch):
    monkeypatch.setattr(jax, 'process_count', lambda: 2)
    with pytest.raises(UserError, match='set jit for several'):
        distributed.check_same_recipe({'parallel': 'pmap'})
    other = np.zeros(32, np.uint8)
    monkeypatch.setattr(distributed.multihost_utils, 'process_allgather', lambda own: np.stack([own, other]))
    with pytest.raises(UserError, match='different recipes'):
        distributed.check_same_recipe({'parallel': 'jit'})
    monkeypatch.setattr(distributed.multihost_utils, 'process_allgather', lambda own: np.stack([own, own]))
    distributed.check_same_recipe({'parallel': 'jit'})


def test_shares_are_put_together_in_the_order_of_the_batches(monkeypatch):
    assert distributed.gather([np.arange(4), np.arange(4, 8)]).tolist() == list(range(8))
    monkeypatch.setattr(jax, 'process_count', lambda: 2)
    monkeypatch.setattr(distributed.multihost_utils, 'process_allgather', lambda own: np.stack([own, own + 2]))
    batches = [np.array([[0, 0], [1, 1]]), np.array([[4, 4], [5, 5]])]
    assert distributed.gather(batches)[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
