"""Running trials as processes on this machine."""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cnn_bench.runs import RunDirectory
from cnn_bench.runtime.compilation import CACHE, cache_variables
from cnn_bench.sweep.executor import Ended
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.process import spawn


@dataclass
class _Running:
    trial: Trial
    process: subprocess.Popen
    slot: dict[str, str]
    asked: bool = False  # to stop


@dataclass
class Local:
    """An executor with a process per slot of `slots.assign` at once. The trials share what they have compiled."""

    out: Path  # the sweep's directory
    slots: list[dict[str, str]]
    data_dir: str | None = None
    memory_gib: float = 0.0  # 0: any
    _running: list[_Running] = field(default_factory=list)

    def __post_init__(self):
        self._free = list(self.slots)

    def __enter__(self) -> 'Local':
        return self

    def __exit__(self, kind: type | None, *exception) -> None:
        number = signal.SIGKILL if kind is KeyboardInterrupt else signal.SIGTERM
        for job in self._running:
            job.process.send_signal(number)
        for job in self._running:
            job.process.wait()

    def free(self) -> int:
        """How many more trials can start now."""
        return len(self._free)

    def running(self) -> list[Trial]:
        """The trials under way."""
        return [job.trial for job in self._running]

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Start a trial in a free slot. Raises UserError where its directory cannot be written."""
        run.create()
        slot = self._free.pop(0)
        environment = {**cache_variables(self.out / CACHE), **os.environ, **slot}
        process = spawn(trial.arguments, run.path, self.data_dir, self.memory_gib, environment)
        self._running.append(_Running(trial, process, slot))

    def ended(self) -> list[Ended]:
        """The trials that ended since the last time."""
        over = [job for job in self._running if job.process.poll() is not None]
        self._running = [job for job in self._running if job not in over]
        self._free += [job.slot for job in over]
        return [Ended(job.trial, job.process.returncode) for job in over]

    def stop(self) -> None:
        """Ask each of those that run, once, to save its state and end."""
        for job in self._running:
            if not job.asked:
                job.process.terminate()
                job.asked = True
