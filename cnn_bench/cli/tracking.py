"""Progress of long work on stderr, where that is a terminal: a bar, how many of how many, the time left."""

import contextlib
import sys
from collections.abc import Iterable, Iterator


@contextlib.contextmanager
def tracking() -> Iterator:
    """A function track(items, description, total) that gives the items back and shows how far it is; total None: not
    known."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(file=sys.stderr)
    shown = {'console': console, 'transient': True, 'disable': not console.is_terminal}
    with Progress(*columns, **shown, redirect_stdout=False) as bar:  # stdout may be a file; it is not for stderr

        def track(items: Iterable, description: str, total: int | None) -> Iterator:
            return bar.track(items, total=total, description=description)

        yield track
