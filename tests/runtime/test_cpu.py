"""What is chosen for a CPU before JAX starts."""

import os
import subprocess
import sys

import pytest

from cnn_bench.runtime import cpu

FLAG = '--xla_cpu_experimental_ynn_fusion_type='


@pytest.mark.parametrize(
    ('jaxlib', 'before', 'after'),
    [
        ('0.10.2', None, FLAG),
        ('0.10.0', '--xla_a=1 --xla_b', f'--xla_a=1 --xla_b {FLAG}'),
        ('0.10.2', f'{FLAG}dot --xla_a=1', f'{FLAG}dot --xla_a=1'),  # what the user sets stays
        ('0.11.0', '--xla_a=1', '--xla_a=1'),  # others may not know the flag, and would not start
        ('0.9.1', None, None),
        ('', None, None),
    ],
)
def test_kernels_of_a_version_of_xla(monkeypatch, jaxlib, before, after):
    monkeypatch.setattr(cpu, '_jaxlib', lambda: jaxlib)
    monkeypatch.setenv('XLA_FLAGS', before or '')
    if before is None:
        monkeypatch.delenv('XLA_FLAGS')
    for _ in range(2):  # once more changes nothing
        cpu.choose_kernels()
        assert os.environ.get('XLA_FLAGS') == after


KEEPS = """
import cnn_bench, numpy as np
def resident():
    lines = open('/proc/self/status').read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmRSS'))
array = np.ones(2**24)  # 128 MiB
held = resident()
del array
print(held - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='glibc is asked')
@pytest.mark.parametrize(('variables', 'kept'), [({}, True), ({'MALLOC_ARENA_MAX': '8'}, False)])
def test_freed_memory_is_kept_unless_the_user_says_otherwise(variables, kept):
    environment = {name: value for name, value in os.environ.items() if not name.startswith('MALLOC_')}
    command = [sys.executable, '-c', KEEPS]
    done = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=True)
    assert (int(done.stdout) < 2**16) == kept  # of 2^17 KiB
