"""Files and directories that appear whole or not at all, and locks on directories."""

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cnn_bench.errors import RunFailed, UserError

LOCK = '.lock'
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, or a limit on what a user or a file may take
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # of network file systems that cannot lock


def no_room(error: BaseException) -> bool:
    """Whether an error, of whatever library, says that a disk is full or a limit reached."""
    return getattr(error, 'errno', None) in NO_ROOM or any(os.strerror(number) in str(error) for number in NO_ROOM)


def reason(error: BaseException) -> str:
    """The reason that an error gives, in a line: what a full disk is called, or its own first line."""
    known = (os.strerror(number) for number in NO_ROOM)
    own = getattr(error, 'strerror', None) or next(iter(str(error).splitlines()), '')[:200] or type(error).__name__
    return next((words for words in known if words in str(error)), own)


def cannot_write(what: object, error: BaseException) -> UserError:
    """The error for something that cannot be written because of `error`: RunFailed where there is no room for it."""
    return (RunFailed if no_room(error) else UserError)(f'cannot write {what}: {reason(error)}')


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it to `path`, which holds the old content or the new."""
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        with naming(path), open(temporary, 'wb') as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises OSError, and ValueError for what is no JSON in UTF-8 or nested too deep."""
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except RecursionError:
        raise ValueError('it is nested too deep') from None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say in an error of the system that names no file, such as that of a full disk, that `path` was being written."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory, beside `path`, to be filled. It is renamed to `path`, or removed if the block raises.

    `path` must not exist; the directories above it are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{path.name}-', dir=path.parent) as scratch:
        made = Path(scratch) / path.name
        made.mkdir()
        with naming(path):
            yield made
        made.rename(path)


@contextmanager
def locked(directory: str | Path, what: str = 'trains') -> Iterator[None]:
    """Hold the lock of an existing `directory`; the system releases it when the process ends, however it ends.

    Raises UserError where another process holds it; `what` is a verb that says what that process does there.
    """
    with open(Path(directory) / LOCK, 'a') as file:  # never removed: removing it would let two processes in
        if not try_lock(file.fileno()):
            raise UserError(f'another process {what} in {directory}; wait until it ends, or end it')
        yield


def is_locked(directory: str | Path) -> bool:
    """Whether a process holds the lock of `directory`, which need not exist."""
    try:
        with open(Path(directory) / LOCK) as file:
            return not try_lock(file.fileno())
    except (FileNotFoundError, NotADirectoryError):
        return False


def try_lock(descriptor: int) -> bool:
    """Lock an open file or directory for as long as it is open; False where another process has locked it.

    True also on file systems without locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True
