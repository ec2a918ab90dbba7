"""Files and directories that appear whole or not at all, and locks on directories.

What is being written lies beside its place under a hidden name that ends in the number of the process that writes it,
and is locked. A process that was killed leaves it there; the next that writes to the same place removes it.
"""

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from cnn_bench.errors import RunFailed, UserError

LOCK = '.lock'
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, or a limit on what a user or a file may take
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # of network file systems that cannot lock
TRIES, PAUSE_S = 5, 0.05  # for what another process or thread may hold for a moment: a lock, a directory


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
    remove_abandoned(path)
    temporary = _beside(path)
    try:
        with naming(path), open(temporary, 'wb') as file:
            try_lock(file.fileno())
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
def scratch_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory on the disk of `path`, to make its content in; at the end it is removed.

    The directories above `path` are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    outer = _beside(path)
    shutil.rmtree(outer, ignore_errors=True)  # of an earlier process with the number of this one
    outer.mkdir()
    try:
        with locked(outer, 'writes'):
            made = outer / 'content'
            made.mkdir()
            yield made
    finally:
        _remove_written(outer)


def _remove_written(directory: Path) -> None:
    """Remove a directory into which a thread of a library, whose write failed elsewhere, may still be writing."""
    for _ in range(TRIES):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            break
        time.sleep(PAUSE_S)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory, beside `path`, to be filled. It is renamed to `path`, or removed if the block raises.

    `path` must not exist; the directories above it are made.
    """
    with scratch_directory(path) as made, naming(path):
        yield made
        made.rename(path)


def remove_directory(path: Path) -> None:
    """Remove a directory, if there is one. Where this is killed half-way, what is left has no longer its name."""
    if path.is_dir():
        going = _beside(path)
        shutil.rmtree(going, ignore_errors=True)
        os.replace(path, going)
        shutil.rmtree(going)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` left beside it.

    Nothing is removed that a process of this machine may be writing, by its number, or one elsewhere, by its lock.
    """
    with suppress(OSError):  # of others, whose files these are
        for entry in path.parent.iterdir():
            stem, _, owner = entry.name.rpartition('.')
            if stem == f'.{path.name}' and owner.isdecimal() and not lives(int(owner)) and _is_held(entry) is False:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def lives(process: int) -> bool:
    """Whether this machine has a process of that number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another user's
        pass
    return True


@contextmanager
def locked(directory: str | Path, what: str = 'trains') -> Iterator[None]:
    """Hold the lock of an existing `directory`; the system releases it when the process ends, however it ends.

    Raises UserError where another process holds it; `what` is a verb that says what that process does there.
    """
    with open(Path(directory) / LOCK, 'a') as file:  # never removed: removing it would let two processes in
        for _ in range(TRIES):
            if try_lock(file.fileno()):
                break
            time.sleep(PAUSE_S)
        else:
            raise UserError(f'another process {what} in {directory}; wait until it ends, or end it')
        yield


def is_locked(directory: str | Path) -> bool | None:
    """Whether a process holds the lock of `directory`, which need not exist; None where that cannot be told."""
    return _is_held(Path(directory) / LOCK)


def try_lock(descriptor: int) -> bool:
    """Lock an open file or directory for as long as it is open; False where another process has locked it.

    True also on file systems without locks.
    """
    return _lock(descriptor, fcntl.LOCK_EX) is not False


def _beside(path: Path) -> Path:
    """The name under which this process writes `path`."""
    return path.with_name(f'.{path.name}.{os.getpid()}')


def _is_held(path: Path) -> bool | None:
    """Whether a process has locked a file, or the file LOCK of a directory; None where that cannot be told."""
    try:
        with open(path / LOCK if path.is_dir() else path) as file:
            got = _lock(file.fileno(), fcntl.LOCK_SH)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        return None
    return None if got is None else not got


def _lock(descriptor: int, how: int) -> bool | None:
    """Whether the lock was got; None on file systems without locks."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return None
    return True
