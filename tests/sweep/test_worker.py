"""A trial's process may be held to an amount of memory."""

import subprocess
import sys


def test_a_memory_limit_holds():
    code = 'from cnn_bench.sweep.worker import limit_memory\nlimit_memory(1 << 30)\nb = bytearray(2 << 30)'
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert ran.returncode == 1
    assert 'MemoryError' in ran.stderr
