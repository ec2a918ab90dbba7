"""Running trials in processes on this machine."""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cnn_bench.runs import RunDirectory
from cnn_bench.runtime import memory
from cnn_bench.runtime.compilation import CACHE, cache_variables
from cnn_bench.sweep.executor import EndedTrial
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.process import spawn


@dataclass
class _Running:
    trial: Trial
    process: subprocess.Popen
    slot: dict[str, str]
    kills_before: int  # for lack of memory, on this machine
    stopping: bool = False


@dataclass
class LocalExecutor:
    """An executor with one process at a time in each slot. The trials share a compilation cache."""

    trains_here = False
    out: Path  # the sweep's directory
    slots: list[dict[str, str]]  # of `resources.assign`
    data_dir: str | None = None
    memory_gib: float = 0.0  # 0: no limit
    _running: list[_Running] = field(default_factory=list)

    def __post_init__(self):
        self._free = list(self.slots)

    def __enter__(self) -> 'LocalExecutor':
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
        """The trials that are running."""
        return [job.trial for job in self._running]

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Start a trial in a free slot. Raises UserError if its directory cannot be written."""
        run.create()
        slot = self._free.pop(0)
        environment = {**cache_variables(self.out / CACHE), **os.environ, **slot}
        kills = memory.kills()
        process = spawn(trial.arguments, run.path, self.data_dir, self.memory_gib, environment)
        self._running.append(_Running(trial, process, slot, kills))

    def forget(self, trial: Trial) -> None:
        """Does nothing: all of a trial is in its run directory."""

    def ended(self) -> list[EndedTrial]:
        """The trials that ended since the last call."""
        ended = [job for job in self._running if job.process.poll() is not None]
        self._running = [job for job in self._running if job not in ended]
        self._free += [job.slot for job in ended]
        kills = memory.kills() if ended else 0
        return [EndedTrial(job.trial, job.process.returncode, no_memory=kills > job.kills_before) for job in ended]

    def stop(self) -> None:
        """Ask each running trial, once, to save its state and end."""
        for job in self._running:
            if not job.stopping:
                job.process.terminate()
                job.stopping = True
