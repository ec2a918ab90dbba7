"""Running trials in the sweep's own process, one after another."""

import contextlib
import gc
import signal
from dataclasses import dataclass, field
from pathlib import Path

from cnn_bench.errors import Stopped
from cnn_bench.runs import RunDirectory
from cnn_bench.sweep.executor import Ended
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.outcome import attempt
from cnn_bench.sweep.process import LOG
from cnn_bench.training.loop import train

GARBAGE = 100_000  # objects more than there were, before they are looked through


@dataclass
class Inline:
    """An executor without processes: what one trial has imported, read and traced is there for the next.

    For many short trials. One that takes the process with it, for want of memory say, takes the sweep with it; the same
    sweep goes on from there.
    """

    data_dir: str | None = None
    _over: list[Ended] = field(default_factory=list)

    def __enter__(self) -> 'Inline':
        # Tracing makes many objects that stay: looking through them, and all that was imported, takes a fifth of it.
        gc.freeze()
        self._threshold = gc.get_threshold()
        gc.set_threshold(GARBAGE, *self._threshold[1:])
        return self

    def __exit__(self, *exception) -> None:
        gc.set_threshold(*self._threshold)
        gc.unfreeze()

    def free(self) -> int:
        """One, but while a trial that ended has not been taken note of."""
        return 0 if self._over else 1

    def running(self) -> list[Trial]:
        """The trial that ended and has not been taken note of."""
        return [ended.trial for ended in self._over]

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Run a trial to its end."""
        run.create()
        with _printing_to(run / LOG):
            status = attempt(lambda: train(trial.config, run.path, self.data_dir), run)
        self._over.append(Ended(trial, status))
        if status == Stopped.exit_status:
            signal.raise_signal(signal.SIGTERM)  # which training took for itself

    def ended(self) -> list[Ended]:
        """The trial that ended since the last time."""
        over, self._over = self._over, []
        return over

    def stop(self) -> None:
        """Nothing: a signal reaches the training itself."""


@contextlib.contextmanager
def _printing_to(path: Path):
    with open(path, 'w') as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        yield
