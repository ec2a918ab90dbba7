"""Paths for Orbax, which finds files with `glob` and takes the path of the directory as part of the pattern, and which
reads no path that is not UTF-8."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import jax

from cnn_bench.files import lives
from cnn_bench.text import is_one_line

SPECIAL = '[]*?\\{}'


@contextmanager
def orbax_path(directory: Path) -> Iterator[Path]:
    """A path to `directory`, whose parent exists, of text without characters that have a meaning in a pattern.

    Where there are any, it leads through a link to the parent in the temporary directory, which is removed at the end.
    In a run of several processes they need the same path, so they share a link, which stays.
    """
    directory = directory.absolute()
    if is_one_line(str(directory.parent)) and not set(SPECIAL) & set(str(directory.parent)):
        yield directory
        return
    several = jax.process_count() > 1
    name = hashlib.sha256(os.fsencode(directory.parent)).hexdigest()[:20]
    shared = Path(tempfile.gettempdir()) / f'cnn_bench_{os.getuid()}_{name}'
    link = shared if several else shared.with_name(f'{shared.name}_{os.getpid()}')
    for other in shared.parent.glob(f'{shared.name}_*'):  # of processes that were killed
        if not lives(int(other.name.rpartition('_')[2])):
            other.unlink(missing_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(directory.parent)
    try:
        yield link / directory.name
    finally:
        if not several:
            link.unlink(missing_ok=True)
