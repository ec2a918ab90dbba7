"""One process at a time in a directory: a lock that the system lifts when its holder ends, however it ends."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnn_bench.errors import UserError

LOCK = '.lock'
NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # some network file systems: nothing to be had from them


@contextmanager
def locked(directory: str | Path, what: str = 'trains') -> Iterator[None]:
    """Hold the lock of a `directory` that exists. Raises UserError where another process does, which `what` there."""
    with open(Path(directory) / LOCK, 'a') as file:  # it stays: to remove it would let two in
        if not _taken(file):
            raise UserError(f'another process {what} in {directory}; wait until it ends, or end it')
        yield


def is_locked(directory: str | Path) -> bool:
    """Whether a process holds the lock of `directory`, which need not exist."""
    try:
        with open(Path(directory) / LOCK) as file:
            return not _taken(file)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _taken(file) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS_HERE:
            raise
    return True
