"""Trials in the sweep's own process."""

import json
import signal

import pytest

from cnn_bench import runs
from cnn_bench.errors import RunFailed, Stopped
from cnn_bench.runs import schema
from cnn_bench.sweep import Experiment, Sweep, inline_executor
from cnn_bench.sweep.inline_executor import InlineExecutor
from cnn_bench.sweep.local_executor import LocalExecutor
from cnn_bench.sweep.process import LOG


def _sweep(experiment, out, data_dir, executor):
    Sweep(Experiment.load(experiment), 'demo', 1, out, data_dir).run(executor)


def test_a_trial_logs_what_it_logs_in_a_process_of_its_own(write, tmp_path, tiny_data):
    experiment, logs = write(variants={'good': {}}), []
    executors = {'inline': InlineExecutor(tiny_data), 'local': LocalExecutor(tmp_path / 'local', [{}], tiny_data)}
    for name, executor in executors.items():
        _sweep(experiment, tmp_path / name, tiny_data, executor)
        [run] = (tmp_path / name / 'trials').iterdir()
        logs.append((run.name, (run / schema.METRICS).read_text()))
        assert 'epoch 1' in (run / LOG).read_text()
    assert logs[0] == logs[1]


def test_what_fails_is_recorded_and_the_rest_goes_on(write, tmp_path, tiny_data, monkeypatch):
    real = inline_executor.train

    def train(config, *arguments, **options):
        if config.name == 'crashing':
            raise RuntimeError('the disk fell off')
        return real(config, *arguments, **options)

    monkeypatch.setattr(inline_executor, 'train', train)
    bad = {'optimizer.learning_rate': 1e8, 'optimizer.weight_decay': 1e8}
    experiment = write(variants={'bad': bad, 'crashing': {}, 'refused': {'init_from': 'nowhere'}, 'good': {}})
    with pytest.raises(RunFailed, match='3 of 4 trials failed'):
        _sweep(experiment, tmp_path / 'out', tiny_data, InlineExecutor(tiny_data))
    states = runs.load(tmp_path / 'out').set_index('label').state
    assert dict(states) == {'bad': 'diverged', 'crashing': 'crashed', 'refused': 'refused', 'good': 'finished'}
    reasons = {t['name']: t.get('reason', '') for t in json.loads((tmp_path / 'out/sweep.json').read_text())['trials']}
    assert 'the loss of step' in reasons['bad']
    assert reasons['crashing'] == 'RuntimeError: the disk fell off'
    assert 'nowhere' in reasons['refused']


def test_a_signal_stops_the_trial_and_the_sweep(write, tmp_path, tiny_data, monkeypatch):
    """The handler of the training takes it; the sweep is told."""
    real, before = inline_executor.train, signal.getsignal(signal.SIGTERM)

    def train(*arguments, **options):
        monkeypatch.setattr('cnn_bench.training.loop.Trainer._stop_if_asked', _ask_then_stop)
        return real(*arguments, **options)

    def _ask_then_stop(trainer):
        signal.raise_signal(signal.SIGTERM)
        assert trainer.signals.poll()
        raise Stopped('stopped')

    monkeypatch.setattr(inline_executor, 'train', train)
    experiment, out = write(variants={'a': {}, 'b': {}}), tmp_path / 'out'
    with pytest.raises(Stopped, match='0 of 2 finished'):
        _sweep(experiment, out, tiny_data, InlineExecutor(tiny_data))
    assert len(list((out / 'trials').iterdir())) == 1
    assert signal.getsignal(signal.SIGTERM) == before
    monkeypatch.undo()
    _sweep(experiment, out, tiny_data, InlineExecutor(tiny_data))
    assert set(runs.load(out).state) == {'finished'}
