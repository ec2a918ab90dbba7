"""Progress of training: a bar on a terminal, a line per evaluation elsewhere."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Shows the steps done, images per second, the last evaluation and the time that remains."""

    def __init__(self, name: str, total_steps: int, quiet: bool = False):
        """`quiet` shows nothing."""
        self.total, self.quiet = total_steps, quiet
        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn('{task.description}'),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn('{task.fields[rate]}  {task.fields[error]}'),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=total_steps, rate='compiling', error='')

    def __enter__(self) -> 'Progress':
        self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def start(self, step: int) -> None:
        """Training begins at `step`."""
        if step:
            self.say(f'resumed at step {step} of {self.total}')
        self._bar.reset(self._task, completed=step)

    def stage(self, number: int, count: int, params: dict[str, int]) -> None:
        """Stage `number` of `count`, from 0, begins; `params` counts its trained and frozen parameters."""
        if count > 1 or params['frozen_params']:
            of = f'stage {number + 1} of {count}: ' if count > 1 else ''
            self.say(f'{of}{params["trained_params"]:,} parameters trained, {params["frozen_params"]:,} frozen')

    def update(self, step: int, images_per_s: float | None) -> None:
        """`step` steps are done, at a mean speed of `images_per_s`."""
        rate = f'{images_per_s:,.0f} images/s' if images_per_s else ''
        self._bar.update(self._task, completed=step, rate=rate)

    def evaluated(self, part: str, epoch: float, metrics: dict) -> None:
        """A result on the validation or test images after `epoch` epochs."""
        text = f'{part} top-1 error {metrics["top1_err_pct"]:.2f} %'
        self._bar.update(self._task, error=text)
        self.say(f'epoch {epoch:g}: {text}, top-5 {metrics["top5_err_pct"]:.2f} %, loss {metrics["loss"]:.4f}')

    def say(self, line: str) -> None:
        """Print a line."""
        if self.quiet:
            return
        if self._bar.disable:
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False)
