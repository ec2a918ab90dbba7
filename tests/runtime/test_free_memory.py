"""How much memory there is: the least of what the devices, the limits, the job and the machine leave."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnn_bench.errors import RunFailed
from cnn_bench.runtime import memory

CPU = SimpleNamespace(memory_stats=lambda: None)


def _gpu(limit, used):
    return SimpleNamespace(memory_stats=lambda: {'bytes_limit': limit, 'bytes_in_use': used}, device_kind='H100')


def test_accelerators_say_how_much_they_have():
    assert memory.free_bytes([_gpu(10, 3), _gpu(8 << 30, 5)])[0] == 7 + (8 << 30) - 5
    assert memory.free_bytes([_gpu(8 << 30, 0)])[1] == '8.00 GiB are free on the 1 H100'


def test_a_cpu_has_no_more_than_the_machine():
    free, what = memory.free_bytes([CPU])
    assert 1 << 28 < free < os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') * 4  # swap counts
    assert what.startswith('this')


def test_a_job_has_no_more_than_its_control_groups(monkeypatch, tmp_path):
    (tmp_path / 'slurm/job_7').mkdir(parents=True)
    (tmp_path / 'slurm/memory.max').write_text('123456\n')
    (tmp_path / 'slurm/job_7/memory.max').write_text('max\n')
    (tmp_path / 'cgroup').write_text('0::/slurm/job_7\n')
    monkeypatch.setattr(memory, 'CGROUPS', tmp_path)
    monkeypatch.setattr(memory, 'Path', lambda p: tmp_path / 'cgroup' if p == '/proc/self/cgroup' else Path(p))
    assert memory.free_bytes([CPU]) == (123456, 'this job may take 0.00 GiB')


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='Linux alone limits writable memory')
def test_a_process_has_no_more_than_its_limits():
    code = (
        'import resource\n'
        'from cnn_bench.runtime import memory\n'
        'resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n'
        'kept = bytearray(100 << 20)\n'
        'class Cpu:\n'
        '    memory_stats = staticmethod(lambda: None)\n'
        'print(*memory.free_bytes([Cpu]))\n'
        'memory.require_program()\n'
    )
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    free, _, what = ran.stdout.strip().partition(' ')
    assert 0.8 * (1 << 30) < int(free) < (1 << 30) - (100 << 20)
    assert what.startswith('this process may still take 0.')
    assert ran.stderr.endswith('OutOfMemory: training takes at least 1.25 GiB; this process may have 1.00 GiB\n')


def test_it_is_an_error_of_both_kinds():
    assert issubclass(memory.OutOfMemory, RunFailed)
    assert memory.is_out_of_memory(memory.OutOfMemory('no room'))
    assert memory.is_out_of_memory(RuntimeError('RESOURCE_EXHAUSTED: 12 bytes'))
    assert not memory.is_out_of_memory(RuntimeError('something else'))
