"""Progress of a sweep on stderr: bars on a terminal, and a line for every trial that ends."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from cnn_bench.errors import printable

ROWS = 8  # of running trials at a time


class SweepProgress:
    """A bar with the number of trials that have ended, and one for each running trial; both with the time that has
    passed and about what is left. A trial is known by a key of the caller's."""

    def __init__(self, total: int, done: int):
        self.total, self.done, self.began = total, done, time.monotonic()
        self._console = Console(file=sys.stderr, soft_wrap=True)  # a trial in this process redirects sys.stderr
        self._bar = Progress(
            TextColumn('{task.description}', markup=False, table_column=Column(ratio=1, overflow='fold')),
            BarColumn(bar_width=10),
            TextColumn('{task.fields[count]}', justify='right'),
            TimeElapsedColumn(),
            TextColumn('passed,'),
            TimeRemainingColumn(),
            TextColumn('left'),
            console=self._console,
            disable=not self._console.is_terminal,
            speed_estimate_period=600,
            get_time=time.monotonic,
            redirect_stdout=False,
            expand=True,
        )
        self._sweep = self._bar.add_task('sweep', total=total, completed=done, count=self._count())
        self._trials: dict[str, tuple[TaskID, float]] = {}  # of the running ones: their bar and when they started

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

    def asked_to_stop(self) -> None:
        """Answer Ctrl-C."""
        self.say('saving the running trials, one moment; again to abort')

    def started(self, key: str, name: str) -> None:
        """Show that a trial starts."""
        shown = len(self._trials) < ROWS
        bar = self._bar.add_task(printable(name), total=1.0, count='0%', visible=shown)
        self._trials[key] = bar, time.monotonic()

    def update(self, running: dict[str, float]) -> None:
        """Show the fraction that is done of each running trial."""
        for number, (key, fraction) in enumerate(running.items()):
            self._bar.update(self._trials[key][0], completed=fraction, count=f'{fraction:.0%}', visible=number < ROWS)
        self._bar.update(self._sweep, total=self.total, completed=self.done + sum(running.values()))

    def ended(self, key: str, name: str, result: str, done: int, total: int) -> None:
        """Print that a trial has ended or paused, and its result; `done` of `total` have ended."""
        self.done, self.total = done, total
        bar, started = self._trials.pop(key)
        self._bar.remove_task(bar)
        self._bar.update(self._sweep, total=total, count=self._count())
        now = time.monotonic()
        times = f'[{now - started:.0f} s; sweep {now - self.began:.0f} s]'
        self.say(f'{self.done:>3}/{self.total}  {name}: {result}  {times}')

    def _count(self) -> str:
        return f'{self.done}/{self.total}'
