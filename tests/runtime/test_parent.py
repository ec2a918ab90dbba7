"""A process that dies with the one that started it."""

import signal
import subprocess
import sys
import time

import pytest

from cnn_bench.runtime import parent

STARTER = '''
import subprocess, sys, os, time
waits = """import sys, time
from cnn_bench.runtime import parent
parent.die_with(int(sys.argv[1]))
print("up", flush=True)
time.sleep(600)"""
process = subprocess.Popen([sys.executable, '-c', waits, str(os.getpid())], start_new_session=True)
print(process.pid, flush=True)
time.sleep(600)
'''
PATIENCE_S = 120


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='Linux alone tells a process that its parent died')
def test_it_dies_with_its_parent():
    starter = subprocess.Popen([sys.executable, '-c', STARTER], stdout=subprocess.PIPE, text=True)
    pid = int(starter.stdout.readline())
    assert starter.stdout.readline() == 'up\n'
    assert _runs(pid)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    deadline = time.monotonic() + PATIENCE_S
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='the same')
def test_it_does_not_begin_where_the_parent_is_gone():
    with pytest.raises(SystemExit, match='the process 1234567 that started this one has ended'):
        _die_with(1_234_567)


def _die_with(number: int) -> None:
    """`die_with` without its request to the kernel, which would last as long as the tests' own process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parent.ctypes, 'CDLL', lambda *a, **k: type('C', (), {'prctl': staticmethod(lambda *a: 0)}))
        parent.die_with(number)


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie, which is one that nobody has waited for yet."""
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except FileNotFoundError:
        return False
