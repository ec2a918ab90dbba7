"""Starting the process of a trial, on whatever machine."""

import os
import subprocess
import sys
from pathlib import Path

from cnn_bench.runtime.memory import GIB

LOG = 'log.txt'  # what the trial prints, in its run directory


def spawn(
    arguments: list[str], workdir: Path, data_dir: str | None, memory_gib: float, environment: dict[str, str]
) -> subprocess.Popen:
    """Start a worker that trains by `arguments` (`--config FILE --config.FIELD=VALUE ...`) in `workdir`, which exists.

    The worker has a session of its own, so that Ctrl-C at a terminal reaches the sweep alone, which passes it on.
    """
    command = [sys.executable, '-m', 'cnn_bench.sweep.worker', '--parent', str(os.getpid()), '--workdir', str(workdir)]
    command += ['--memory-limit', str(int(memory_gib * GIB))] if memory_gib else []
    command += ['--data-dir', str(data_dir)] if data_dir else []
    with open(workdir / LOG, 'w') as log:
        return subprocess.Popen(
            [*command, *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={'PYTHONUNBUFFERED': '1', **environment},
            start_new_session=True,
        )
