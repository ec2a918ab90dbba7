"""Progress of a sweep on stderr: a bar on a terminal, and a line for every trial that ends."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cnn_bench.errors import printable


class SweepProgress:
    """A bar with the number of trials that have ended, the progress of the running ones, and the remaining time."""

    def __init__(self, total: int, done: int):
        self.total, self.done, self.began = total, done, time.monotonic()
        self._console = Console(stderr=True, soft_wrap=True)
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn('{task.description}'),
            TimeElapsedColumn(),
            TextColumn('elapsed, about'),
            TimeRemainingColumn(),
            TextColumn('left'),
            console=self._console,
            disable=not self._console.is_terminal,
            speed_estimate_period=600,
        )
        self._task = self._bar.add_task('', total=total, completed=done)

    def __enter__(self) -> 'SweepProgress':
        self._bar.start()
        if self.done:
            self._console.print(f'{self.done} of {self.total} trials have been run already', highlight=False)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(printable(line), markup=False, highlight=False)

    def started(self, name: str) -> None:
        """Show that a trial has started."""
        self._bar.update(self._task, description=name)

    def update(self, running: list[tuple[str, float]]) -> None:
        """Show the running trials, each with the fraction that is done."""
        text = ', '.join(f'{name} {fraction:.0%}' for name, fraction in running)
        completed = self.done + sum(fraction for _, fraction in running)
        self._bar.update(self._task, completed=completed, description=text)

    def ended(self, name: str, result: str, done: int, total: int) -> None:
        """Print that a trial has ended or paused, and its result; `done` of `total` have ended."""
        self.done, self.total = done, total
        self._bar.update(self._task, total=total)
        elapsed = time.monotonic() - self.began
        self._console.print(
            printable(f'{self.done:>3}/{self.total}  {name}: {result}  [{elapsed:.0f} s]'),
            markup=False,
            highlight=False,
        )
