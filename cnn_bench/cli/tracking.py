"""Progress of long work, on stderr and only if that is a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar('T')


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


def status(items: Sequence[T], describe: Callable[[T], str]) -> Iterator[T]:
    """Yield the items, and show the description and the number of the one that is being worked on."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console

    with Console(stderr=True).status('') as shown:
        for number, item in enumerate(items, 1):
            shown.update(f'{describe(item)} ({number} of {len(items)})')
            yield item
