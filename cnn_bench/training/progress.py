"""What a training run shows on stderr: what it is doing and how far it is on a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cnn_bench.errors import printable
from cnn_bench.runs.columns import ERRORS

EVERY_S = 0.5  # between two looks at steps that are not logged yet


class Progress:
    """Shows a run, while it is entered.

    On a terminal it says what the run is doing and for how long, and once its length is known a bar with the step, the
    epoch and the time left, and below it loss, learning rate, error so far and images per second. Lines stay above.
    Elsewhere it prints a line for each row of the log.
    """

    def __init__(self, quiet: bool = False):
        """`quiet` shows nothing."""
        self.quiet = quiet
        self.step = self.total = self.steps_per_epoch = self.batch_size = 0
        self._console = Console(stderr=True, soft_wrap=True)
        self._began, self._doing, self._trains = time.monotonic(), 'starting', False
        self._numbers: dict[str, str] = {}
        self._first: tuple[float, int] | None = None  # when the first step of this session was seen done, and which
        self._steps_per_s, self._ends, self._looked = 0.0, 0.0, 0.0
        self._spinner = Spinner('dots')
        shown = self._console.is_terminal and not self._console.is_dumb_terminal and not quiet
        options = {'console': self._console, 'transient': True, 'redirect_stdout': False}  # stdout may be a file
        self._live = Live(get_renderable=self._rendered, refresh_per_second=8, **options) if shown else None

    def __enter__(self) -> 'Progress':
        if self._live:
            self._live.start(refresh=True)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def phase(self, doing: str) -> None:
        """Show what the run is doing now."""
        if doing != self._doing:
            self._doing = doing
            self._refresh()

    def start(self, step: int, total: int, steps_per_epoch: int, batch_size: int) -> None:
        """Training begins at `step` of `total`."""
        self.step, self.total = step, total
        self.steps_per_epoch, self.batch_size, self._trains = steps_per_epoch, batch_size, True
        if step:
            self.say(f'resumed at step {step} of {total}')

    def stage(self, number: int, count: int, params: dict[str, int]) -> None:
        """Stage `number` of `count`, from 0, begins; `params` counts its trained and frozen parameters."""
        if count > 1 or params['frozen_params']:
            of = f'stage {number + 1} of {count}: ' if count > 1 else ''
            self.say(f'{of}{params["trained_params"]:,} parameters trained, {params["frozen_params"]:,} frozen')

    def look(self, step: int, pending: Sequence[Mapping[str, Any]], rate: Callable[[int], float]) -> None:
        """Show the newest step that is done. This waits for no device, and most calls do nothing.

        `pending` are the metrics, on the device, of the last steps up to `step` that no row of the log holds yet, as
        arrays (steps,); `rate(n)` is the learning rate of step number n, from 0.
        """
        now, is_first = time.monotonic(), self._first is None
        if not is_first and (self._live is None or now - self._looked < EVERY_S):
            return
        self._looked = now
        for metrics in reversed(pending):
            loss = metrics['loss']
            if isinstance(loss, np.ndarray) or loss.is_ready():
                self._done(step)
                self._show(float(np.asarray(loss)[-1]), rate(step - 1))
                if self._steps_per_s:
                    self._numbers['rate'] = _rate(self._steps_per_s * self.batch_size)
                if is_first:
                    self._refresh()
                return
            step -= len(loss)

    def logged(self, rows: list[dict], images_per_s: float | None) -> None:
        """The newest rows of the log for training, and the mean speed of training."""
        self._done(rows[-1]['step'])
        for row in rows:
            self._show(row['loss'], row['learning_rate'])
            rate = images_per_s or self._steps_per_s * self.batch_size
            self._numbers |= {'rate': _rate(rate)} if rate else {}
            if self._live is None:
                numbers = [self._numbers[name] for name in ('loss', 'learning rate', 'rate') if name in self._numbers]
                left = [f'{_clock(self._left())} left'] if self._ends else []
                self.say(', '.join([f'step {row["step"]} of {self.total}', _epoch(row['epoch']), *numbers, *left]))

    def evaluated(self, part: str, epoch: float, metrics: dict) -> None:
        """A result on the validation or test images after `epoch` epochs."""
        errors = [(ERRORS[name], value) for name, value in metrics.items() if name in ERRORS]
        self._numbers['error'] = f'{part} error {errors[0][1]:.2f} %'
        texts = [f'{words} {value:.2f} %' for words, value in errors]
        self.say(f'{_epoch(epoch)}: {part} {", ".join(texts)}, loss {metrics["loss"]:.4f}')

    def asked_to_stop(self) -> None:
        """Answer Ctrl-C."""
        self.say(f'{"saving" if self._trains else "stopping"}, one moment; again to abort')

    def say(self, line: str) -> None:
        """Print a line."""
        if self._live:
            self._console.print(printable(line), markup=False, highlight=False)
        elif not self.quiet:
            print(printable(line), file=sys.stderr, flush=True)

    def _refresh(self) -> None:
        if self._live:
            self._live.refresh()

    def _done(self, step: int) -> None:
        """Estimate speed and end from the steps since the first that was seen done: compiling does not count."""
        now, self.step = time.monotonic(), step
        self._first = self._first or (now, step)
        before, first = self._first
        if step > first:
            self._steps_per_s = (step - first) / (now - before)
            self._ends = now + (self.total - step) / self._steps_per_s

    def _left(self) -> float:
        return max(0.0, self._ends - time.monotonic())

    def _show(self, loss: float, learning_rate: float) -> None:
        self._numbers |= {'loss': f'loss {loss:.4f}', 'learning rate': f'learning rate {learning_rate:.3g}'}

    def _rendered(self) -> RenderableType:
        """What the terminal shows now; another thread than that which trains asks for it."""
        elapsed = _clock(time.monotonic() - self._began)
        if not self._trains:
            self._spinner.update(text=Text(f'{self._doing}  {elapsed}'))
            return self._spinner
        left = f', {_clock(self._left())} left' if self._ends else ''
        at = f'step {self.step:,} of {self.total:,}  {_epoch(self.step / self.steps_per_epoch)}  {elapsed}{left}'
        line = Table.grid(expand=True, padding=(0, 1))
        line.add_column(no_wrap=True, min_width=12)  # of the longest word, so that the bar keeps its length
        line.add_column(ratio=1)
        line.add_column(no_wrap=True)
        self._spinner.update(text=Text(self._doing))
        line.add_row(self._spinner, ProgressBar(self.total, self.step), Text(at))
        order = ('loss', 'learning rate', 'error', 'rate')
        return Group(line, Text('  '.join(self._numbers[name] for name in order if name in self._numbers)))


def _epoch(epoch: float) -> str:
    return f'epoch {round(epoch, 2):.10g}'


def _rate(images_per_s: float) -> str:
    return f'{images_per_s:,.0f} images/s'


def _clock(seconds: float) -> str:
    """h:mm:ss."""
    minutes, seconds = divmod(int(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02d}:{seconds:02d}'
