"""What a sweep asks of the thing that runs its trials: `local.Local`, `inline.Inline` or `ray_cluster.RayCluster`."""

from dataclasses import dataclass
from typing import Protocol

from cnn_bench.runs import RunDirectory
from cnn_bench.sweep.experiment import Trial


@dataclass(frozen=True)
class Ended:
    """A trial whose process ended, its files all in its run directory."""

    trial: Trial
    status: int | None  # exit status as subprocess has it; None: nobody knows it
    lost: str = ''  # why


class Executor(Protocol):
    """Trains the trials it is given. A context manager: leaving it ends those that still run."""

    def __enter__(self) -> 'Executor': ...

    def __exit__(self, *exception) -> None: ...

    def free(self) -> int:
        """How many more trials can start now."""

    def running(self) -> list[Trial]:
        """The trials that have been started and not ended."""

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Start or go on with a trial whose run directory is or will be `run`."""

    def ended(self) -> list[Ended]:
        """The trials that ended since the last time."""

    def stop(self) -> None:
        """Ask those that run to save their state and end. It may be called again and again."""
