"""Running trials one after another in the process of the sweep."""

import contextlib
import signal
from dataclasses import dataclass, field
from pathlib import Path

from cnn_bench.errors import Stopped
from cnn_bench.runs import RunDirectory
from cnn_bench.runtime import garbage
from cnn_bench.sweep.executor import EndedTrial
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.outcome import attempt
from cnn_bench.sweep.process import LOG
from cnn_bench.training.session import train


@dataclass
class InlineExecutor:
    """An executor for many short trials, which share imports, data and traced functions.

    A trial that brings down the process, such as by running out of memory, ends the sweep; started again, it continues
    from there.
    """

    trains_here = True
    data_dir: str | None = None
    _ended: list[EndedTrial] = field(default_factory=list)

    def __enter__(self) -> 'InlineExecutor':
        self._seldom = garbage.collected_seldom()
        self._seldom.__enter__()
        return self

    def __exit__(self, *exception) -> None:
        self._seldom.__exit__(*exception)

    def free(self) -> int:
        """One, unless `ended` has yet to return a trial."""
        return 0 if self._ended else 1

    def running(self) -> list[Trial]:
        """The trial that `ended` has yet to return."""
        return [ended.trial for ended in self._ended]

    def start(self, trial: Trial, run: RunDirectory) -> None:
        """Run a trial to its end and return only then."""
        run.create()
        with _printing_to(run / LOG):
            status = attempt(lambda: train(trial.config, run.path, self.data_dir, until_step=trial.until_step), run)
        self._ended.append(EndedTrial(trial, status))
        if status == Stopped.exit_status:
            signal.raise_signal(signal.SIGTERM)  # for the sweep: the trial's own handler took the first one

    def forget(self, trial: Trial) -> None:
        """Does nothing: all of a trial is in its run directory."""

    def ended(self) -> list[EndedTrial]:
        """The trial that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Does nothing: the training handles signals itself."""


@contextlib.contextmanager
def _printing_to(path: Path):
    with open(path, 'w') as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        yield
