"""The interface between a sweep and the executor that runs its trials: LocalExecutor, InlineExecutor,
RayExecutor or SlurmExecutor."""

from dataclasses import dataclass
from typing import Protocol

from cnn_bench.runs import RunDirectory
from cnn_bench.sweep.experiment import Trial


@dataclass(frozen=True)
class EndedTrial:
    """A trial whose process has ended and whose files are in its run directory."""

    trial: Trial
    status: int | None  # exit status as subprocess gives it; None: unknown
    lost: str = ''  # why it is unknown
    no_memory: bool = False  # whether the system killed processes for lack of memory while it ran


class Executor(Protocol):
    """Runs trials. It is a context manager that ends running trials on exit."""

    trains_here: bool  # whether they run in this process

    def __enter__(self) -> 'Executor': ...

    def __exit__(self, *exception) -> None: ...

    def free(self) -> int:
        """How many more trials can start now."""

    def running(self) -> list[Trial]:
        """The trials that have started and not ended."""

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Start a trial in the run directory `run`, or resume it there."""

    def forget(self, trial: Trial) -> None:
        """Remove what is kept of a trial outside its run directory, so that `start` starts it from its beginning."""

    def ended(self) -> list[EndedTrial]:
        """The trials that ended since the last call."""

    def stop(self) -> None:
        """Ask the running trials to save their state and end. It may be called repeatedly."""
