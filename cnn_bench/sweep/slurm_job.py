"""What a job of Slurm does on its node: train one trial, and hand it to the job's next start when Slurm wants the node.

submitit pickles a TrialJob and calls it in the job. On the preemption signal, which comes before the end of the time
limit too, it calls `checkpoint` and requeues the job; the trial then goes on from its last checkpoint.
"""

import contextlib
import os
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import Popen

from submitit.helpers import DelayedSubmission

from cnn_bench.errors import Stopped
from cnn_bench.runtime import memory
from cnn_bench.runtime.compilation import cache_variables
from cnn_bench.sweep.process import spawn

POLL_S = 0.5
PREEMPTION_S = 600.0  # from Slurm's SIGTERM to what follows, at most


@dataclass
class TrialJob:
    """A trial as it is sent to a node: the arguments of its process, and the file that asks it to stop."""

    arguments: list[str]
    workdir: str  # exists, on a disk that all nodes share
    data_dir: str | None
    memory_gib: float  # 0: no limit
    stop: str
    _process: Popen | None = field(default=None, repr=False)

    def __call__(self) -> tuple[int, bool]:
        """Train, and return the exit status and whether processes were killed for lack of memory meanwhile."""
        kills = memory.kills()
        while not self._asked_to_stop():
            status = self._train()
            if status != Stopped.exit_status:
                return status, memory.kills() > kills
            self._await_preemption()
        return Stopped.exit_status, False

    def checkpoint(self) -> DelayedSubmission:
        """Have the trial save its state and end; return what goes on with it when the job is started again."""
        if self._process:
            self._process.terminate()
            with contextlib.suppress(ChildProcessError):  # not `wait`: this may have interrupted `poll`, which locks
                os.waitpid(self._process.pid, 0)
        return DelayedSubmission(replace(self, _process=None))

    def _train(self) -> int:
        cache = cache_variables(Path(tempfile.gettempdir()) / f'cnn_bench_compiled_{os.getuid()}')
        self._process = spawn(
            self.arguments, Path(self.workdir), self.data_dir, self.memory_gib, {**cache, **os.environ}
        )
        asked = False
        while self._process.poll() is None:
            time.sleep(POLL_S)
            if not asked and self._asked_to_stop():
                self._process.terminate()
                asked = True
        return self._process.returncode

    def _await_preemption(self) -> None:
        """Slurm sends SIGTERM to all processes of a job that it is about to preempt, and the trial stopped at it: wait
        for the signal by which submitit requeues the job, or for the job's end."""
        until = time.monotonic() + PREEMPTION_S
        while time.monotonic() < until and not self._asked_to_stop():
            time.sleep(POLL_S)

    def _asked_to_stop(self) -> bool:
        return os.path.exists(self.stop)
