"""Progress of `cnn-bench measure` on stderr: a bar with the time that is left on a terminal, and lines."""

from types import TracebackType

from cnn_bench.errors import printable


class Bar:
    """A `measure.session.Progress`, to be entered while it is used."""

    def __init__(self):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as TimeLeftColumn

        self._console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn('{task.description}', markup=False),
            TimeElapsedColumn(),
            TextColumn('so far,'),
            TimeLeftColumn(),
            TextColumn('left'),
            expand=True,
            console=self._console,
            disable=not self._console.is_terminal,
            speed_estimate_period=600,
            redirect_stdout=False,
        )
        self._task = self._bar.add_task('starting', total=None)

    def __enter__(self) -> 'Bar':
        self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def begin(self, total: float) -> None:
        """So much work there is, in seconds as guessed."""
        self._bar.update(self._task, total=total)

    def advance(self, work: float, doing: str) -> None:
        """So much was done; what is done next."""
        self._bar.update(self._task, advance=work, description=doing)

    def say(self, line: str) -> None:
        """Print a line, on a terminal wrapped at words."""
        whole = not self._console.is_terminal
        self._console.print(printable(line), markup=False, highlight=False, soft_wrap=whole)
