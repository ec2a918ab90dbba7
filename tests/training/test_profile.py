"""Traces of training steps, and the compilation cache."""

import gzip
import json
import os
import subprocess
import sys

import jax
import numpy as np

from cnn_bench.cli import main
from cnn_bench.runtime.compilation import cache_variables
from cnn_bench.training.profile import STEPS, Profiler


def _calls(monkeypatch):
    """What the profiler was asked for, in place of the profiler."""
    calls = []
    monkeypatch.setattr(jax.profiler, 'start_trace', lambda *args, **fields: calls.append('start'))
    monkeypatch.setattr(jax.profiler, 'stop_trace', lambda: calls.append('stop'))
    return calls


def _steps(calls):
    return lambda state, dataset, batches: calls.append(batches.shape[1])


def test_compiling_calls_are_not_traced(monkeypatch, tmp_path):
    calls = _calls(monkeypatch)
    with Profiler(tmp_path) as profiler:
        for count in (7, 3, 7, 3, 7, 3):
            profiler(_steps(calls), None, None, np.zeros((1, count)))
    assert STEPS == 10
    assert calls == [7, 3, 'start', 7, 3, 'stop', 7, 3]


def test_a_trace_ends_where_something_new_is_compiled_or_training_ends(monkeypatch, tmp_path):
    for counts, expected in {
        (2, 2, 2, 5, 2): [2, 'start', 2, 2, 'stop', 5, 2],
        (2, 2): [2, 'start', 2, 'stop'],
        (2,): [2],
    }.items():
        calls = _calls(monkeypatch)
        with Profiler(tmp_path) as profiler:
            for count in counts:
                profiler(_steps(calls), None, None, np.zeros((1, count)))
        assert calls == expected


def test_train_leaves_a_trace_that_can_be_read_and_the_same_metrics(tiny_data, tmp_path):
    small = ['--config.dataset.name=tiny', '--config.batch_size=18', '--config.total_epochs=2', '--config.devices=1']
    small.append('--config.dataset.validation_images=24')
    for name, asked in {'plain': [], 'traced': ['--profile']}.items():
        arguments = ['train', '--config', 'configs/lenet5.py', '--workdir', str(tmp_path / name), *small, *asked]
        assert main([*arguments, '--data-dir', tiny_data]) == 0
    assert not (tmp_path / 'plain' / 'profile').exists()
    [trace] = (tmp_path / 'traced' / 'profile').rglob('perfetto_trace.json.gz')
    with gzip.open(trace) as file:
        names = [event.get('name', '') for event in json.load(file)['traceEvents']]
    assert names.count('train') == 7  # of 2 x 4 steps, all but the one that was compiled
    assert list((tmp_path / 'traced' / 'profile').rglob('*.xplane.pb'))
    plain, traced = ((tmp_path / name / 'metrics.jsonl').read_bytes() for name in ('plain', 'traced'))
    assert plain == traced


def test_the_cache_holds_what_a_process_compiled(tmp_path):
    code = 'import jax; jax.jit(lambda x: x @ x + 1)(jax.numpy.ones((8, 8)))'
    environment = os.environ | cache_variables(tmp_path) | {'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0'}
    subprocess.run([sys.executable, '-c', code], env=environment, check=True)
    assert any(path.name.startswith('jit__lambda') for path in tmp_path.iterdir())
