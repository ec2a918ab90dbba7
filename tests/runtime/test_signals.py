"""A signal stops a run between steps or batches; started again, it ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from kill_harness import assert_same_run

from cnn_bench import cli, runs
from cnn_bench.errors import Stopped
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runtime.signals import TrainingStopSignals
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.training import loop, session
from cnn_bench.training.setup import TrainingSetup

VALIDATED = {'batch_size': 18, 'dataset.validation_images': 24}  # four steps an epoch


def _send_at(monkeypatch, number, step, in_evaluation):
    """Send this process the signal once, in the training step or the evaluation of `step`."""
    name, sent = '_evaluate' if in_evaluation else '_train', []
    original = getattr(loop.Trainer, name)

    def sending(self, *args):
        if self.step + (not in_evaluation) == step and not sent:
            sent.append(number)
            os.kill(os.getpid(), number)
        return original(self, *args)

    monkeypatch.setattr(loop.Trainer, name, sending)


@pytest.fixture(scope='module')
def undisturbed(tiny_data, tmp_path_factory):
    directory = tmp_path_factory.mktemp('undisturbed') / 'run'

    def train(config):
        if not directory.exists():
            session.train(config, directory, tiny_data)
        return directory

    return train


@pytest.mark.parametrize(
    ('number', 'step', 'in_evaluation'),
    [
        (signal.SIGTERM, 1, False),  # before any row
        (signal.SIGUSR1, 5, False),  # in the middle of a logging window
        (signal.SIGINT, 6, False),  # where a row, and nothing else, is due
        (signal.SIGTERM, 4, True),
        (signal.SIGUSR1, 8, True),  # the last evaluation
    ],
)
def test_a_stopped_run_goes_on(tiny_recipe, tiny_data, tmp_path, undisturbed, monkeypatch, number, step, in_evaluation):
    config = tiny_recipe(augment__pad_crop=2, **VALIDATED)
    expected = undisturbed(config)
    _send_at(monkeypatch, number, step, in_evaluation)
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=f'stopped at step {step} of 8, saved; the same command goes on'):
        session.train(config, tmp_path / 'run', tiny_data)
    assert signal.getsignal(number) is before
    assert runs.load(tmp_path / 'run').state.item() == 'unfinished'
    with Checkpoints(tmp_path / 'run' / schema.CHECKPOINTS, keep=2) as checkpoints:
        assert checkpoints.latest_step() == step
    logged = [row for row in RunDirectory(expected).metrics() if row['step'] <= step]
    if in_evaluation:
        logged = [row for row in logged if row['kind'] == 'train' or row['step'] < step]
    assert RunDirectory(tmp_path / 'run').metrics() == logged
    session.train(config, tmp_path / 'run', tiny_data)
    assert_same_run(config, tmp_path / 'run', expected, tiny_data)


def test_a_signal_before_the_first_step_trains_none(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    first_state = TrainingSetup.first_state

    def asked(setup):
        signal.raise_signal(signal.SIGINT)
        return first_state(setup)

    monkeypatch.setattr(TrainingSetup, 'first_state', asked)
    monkeypatch.setattr(loop.Trainer, '_train', lambda *_: pytest.fail('a step was trained'))
    with pytest.raises(Stopped, match='stopped at step 0 of 8; the same command goes on'):
        session.train(tiny_recipe(**VALIDATED), tmp_path / 'run', tiny_data)


def test_what_evaluations_lead_to_goes_on_too(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    """A rate that plateaus reduce, the average of the weights, the best so far: each evaluation counts once."""
    fields = {'schedule.name': 'plateau', 'schedule.patience': 1, 'schedule.factor': 0.5, 'ema_decay': 0.9}
    config = tiny_recipe(**fields, **VALIDATED, total_epochs=4, optimizer__learning_rate=1e-6)
    session.train(config, tmp_path / 'undisturbed', tiny_data)
    _send_at(monkeypatch, signal.SIGTERM, 12, True)
    with pytest.raises(Stopped, match='step 12'):
        session.train(config, tmp_path / 'run', tiny_data)
    session.train(config, tmp_path / 'run', tiny_data)
    assert_same_run(config, tmp_path / 'run', tmp_path / 'undisturbed', tiny_data)
    best = [RunDirectory(tmp_path / name).read(schema.SUMMARY)['best_step'] for name in ('run', 'undisturbed')]
    assert best[0] == best[1]


def test_the_command_ends_with_status_75(tiny_data, tmp_path, monkeypatch, capsys):
    _send_at(monkeypatch, signal.SIGTERM, 2, False)
    fields = {'dataset.name': 'tiny', 'batch_size': 24, 'eval_batch_size': 20, 'total_epochs': 1, 'devices': 1}
    fields |= {'schedule.warmup_epochs': 0, 'dataset.validation_images': 0}
    overrides = [f'--config.{field}={value}' for field, value in fields.items()]
    command = ['train', '--config', 'configs/lenet5.py', '--workdir', str(tmp_path / 'run'), '--data-dir', tiny_data]
    assert cli.main([*command, *overrides]) == 75
    assert capsys.readouterr().err == 'cnn-bench: stopped at step 2 of 4, saved; the same command goes on\n'


def test_a_second_ctrl_c_ends_at_once():
    code = (
        'import os, signal\n'
        'from cnn_bench.runtime.signals import TrainingStopSignals\n'
        'with TrainingStopSignals() as requests:\n'
        '    os.kill(os.getpid(), signal.SIGINT)\n'
        '    print(requests.poll(), flush=True)\n'
        '    os.kill(os.getpid(), signal.SIGINT)\n'
        '    print("went on")\n'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (130, 'True\n')


def test_a_thread_that_takes_no_handlers_trains_all_the_same():
    seen = []

    def poll():
        with TrainingStopSignals() as requests:
            seen.append(requests.poll())

    thread = threading.Thread(target=poll)
    thread.start()
    thread.join()
    assert seen == [False]


COMMAND = """
import gc, os, signal, sys, time
from cnn_bench import cli
from cnn_bench.runtime.signals import TrainingStopSignals

def in_a_function(number):
    os.kill(os.getpid(), number)
    time.sleep(60)

def in_an_import(number):
    class Crashes:  # as extension modules do that meet an exception while they are set up
        def find_spec(name, path, target=None):
            try:
                in_a_function(number)
            except BaseException:
                os.abort()
    sys.meta_path.insert(0, Crashes)
    import not_imported_yet

def in_a_garbage_callback(number):
    sent = []
    def callback(phase, info):
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)
    gc.callbacks.append(callback)
    gc.collect()
    time.sleep(60)

def under_a_bare_except(number):
    try:
        os.kill(os.getpid(), number)
        time.sleep(60)
    except BaseException:
        pass
    with TrainingStopSignals() as signals:
        sys.exit(f'the training sees it: {signals.poll()}')

def after_the_end(number):
    import atexit
    atexit.register(in_a_function, number)

cli._dispatch = lambda argv: globals()[argv[0]](int(argv[1])) or 0
sys.exit(cli.main())
"""


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1], ids=lambda number: number.name)
@pytest.mark.parametrize(
    'where', ['in_a_function', 'in_an_import', 'in_a_garbage_callback', 'under_a_bare_except', 'after_the_end']
)
def test_a_stop_is_a_stop_from_the_first_line_on(where, number):
    command = [sys.executable, '-c', COMMAND, where, str(int(number))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if where == 'under_a_bare_except':
        assert (result.returncode, result.stderr) == (1, 'the training sees it: True\n')
    else:
        assert result.returncode == (130 if number == signal.SIGINT else 75)
        said = '' if where == 'after_the_end' else 'cnn-bench: stopped; what was finished is kept\n'
        assert result.stderr == said
