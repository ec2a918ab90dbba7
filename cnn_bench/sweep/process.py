"""The process of a trial: how it is started, on whatever machine."""

import os
import subprocess
import sys
from pathlib import Path

LOG = 'log.txt'  # what it prints, in the run directory
GIB = 1 << 30


def spawn(arguments: list[str], workdir: Path, data_dir: str | None, memory_gib: float, environment: dict):
    """Start `cnn-bench train` with `arguments` in `workdir`, which exists; return its subprocess.Popen.

    It is in a session of its own, so that a Ctrl-C at a terminal reaches the sweep alone, which passes it on.
    """
    child = [sys.executable, '-m', 'cnn_bench.sweep.child', '--parent', str(os.getpid())]
    limit = ['--memory-limit', str(int(memory_gib * GIB))] if memory_gib else []
    command = [*child, *limit, 'train', *arguments, '--workdir', str(workdir)]
    command += ['--data-dir', str(data_dir)] if data_dir else []
    with open(workdir / LOG, 'w') as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={'PYTHONUNBUFFERED': '1', **environment},
            start_new_session=True,
        )
