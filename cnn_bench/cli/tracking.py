"""Progress of long work, on stderr and only if that is a terminal."""

import contextlib
import sys
from collections.abc import Iterable, Iterator


@contextlib.contextmanager
def tracking() -> Iterator:
    """Give a function track(items, description, total) that yields the items and shows the progress; `total` may be
    None, for unknown."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(file=sys.stderr)
    shown = {'console': console, 'transient': True, 'disable': not console.is_terminal}
    with Progress(*columns, **shown, redirect_stdout=False) as bar:  # stdout may be a file

        def track(items: Iterable, description: str, total: int | None) -> Iterator:
            return bar.track(items, total=total, description=description)

        yield track
