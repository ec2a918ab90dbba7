"""A trial's run directory on the disk of one node, mirrored in a place that all nodes reach.

The place is a directory or any fsspec URL (s3://, gs://, ...). What counts as there is what its manifest lists, which
is replaced last: a push that a dying node cuts short leaves the one before it. A checkpoint goes first, as it does not
change any more once it is whole, then the log, which so has all rows up to it, then the manifest; only then what the
manifest lists no more is deleted.
"""

import json
import os
import posixpath
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from cnn_bench.runs import schema

MANIFEST = '.mirror.json'
LOCAL_ONLY = ('.lock', MANIFEST)
TEMPORARY = '.part'


class Mirror:
    """The run directory `local` and its mirror at the URL `remote`."""

    def __init__(self, local: Path, remote: str):
        self.local = Path(local)
        self.fs, self.remote = fsspec.core.url_to_fs(remote)
        self._pushed: dict[str, list[int]] = {}  # path -> [bytes, time of change], of what the mirror has from here

    def pull(self) -> None:
        """Bring what the mirror has to the local directory, which is made."""
        self.local.mkdir(parents=True, exist_ok=True)
        for name in self._listed():
            path = self.local / name
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(path.name + TEMPORARY)
            try:
                self.fs.get_file(self._at(name), str(partial))
            except FileNotFoundError:
                if name.startswith(f'{schema.CHECKPOINTS}/'):
                    raise
                continue  # the record of a failure that is to be tried again
            os.replace(partial, path)

    def push(self) -> bool:
        """Bring what is whole to the mirror. False where the run deleted a file meanwhile, and nothing has changed."""
        before = self._listed()
        try:
            checkpoint, others = newest_checkpoint(self.local), plain_files(self.local)
            for name in [*checkpoint, *others]:
                self._put(name)
        except FileNotFoundError:  # a newer checkpoint is there: the next push takes that
            return False
        there = sorted({*checkpoint, *others, *([] if checkpoint else _checkpoints(before))})
        self._write(MANIFEST, json.dumps(there).encode())
        for name in set(before) - set(there):
            self._remove(name)
        return True

    def _listed(self) -> list[str]:
        try:
            return json.loads(self.fs.cat_file(self._at(MANIFEST)))
        except FileNotFoundError:
            return []

    def _at(self, name: str) -> str:
        return posixpath.join(self.remote, name)

    def _put(self, name: str) -> None:
        status = (self.local / name).stat()
        mark = [status.st_size, status.st_mtime_ns]
        if self._pushed.get(name) != mark:
            self._write(name, (self.local / name).read_bytes())
            self._pushed[name] = mark

    def _write(self, name: str, content: bytes) -> None:
        """Object stores replace an object whole; on a file system that takes a second name."""
        path = self._at(name)
        if not isinstance(self.fs, LocalFileSystem):
            self.fs.pipe_file(path, content)
            return
        self.fs.makedirs(posixpath.dirname(path), exist_ok=True)
        self.fs.pipe_file(path + TEMPORARY, content)
        os.replace(path + TEMPORARY, path)

    def _remove(self, name: str) -> None:
        try:
            self.fs.rm_file(self._at(name))
        except FileNotFoundError:
            return
        if isinstance(self.fs, LocalFileSystem):
            remove_empty(Path(self._at(name)).parent, Path(self.remote))


def newest_checkpoint(run: Path) -> list[str]:
    """The files of the newest whole checkpoint, relative to the run. FileNotFoundError where a newer one came."""
    steps = _steps(run)
    if not steps:
        return []
    directory = run / schema.CHECKPOINTS / str(steps[-1])
    files = sorted(path.relative_to(run).as_posix() for path in directory.rglob('*') if path.is_file())
    if _steps(run) != steps:  # this one may be on its way out
        raise FileNotFoundError(directory)
    return files


def plain_files(run: Path) -> list[str]:
    """The files outside checkpoints, small JSON last; none of those that are being written."""
    found = []
    for path in run.rglob('*'):
        name = path.relative_to(run).as_posix()
        hidden = path.name.startswith('.') or path.name.endswith(TEMPORARY)
        if path.is_file() and not hidden and not name.startswith(f'{schema.CHECKPOINTS}/') and name not in LOCAL_ONLY:
            found.append(name)
    return sorted(found, key=lambda name: (name.endswith('.json'), name == schema.SUMMARY, name))


def remove_empty(directory: Path, root: Path) -> None:
    """Remove `directory` and those above it that are empty, up to `root`."""
    while directory != root and directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
        directory = directory.parent


def _steps(run: Path) -> list[int]:
    directory = run / schema.CHECKPOINTS
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal()) if directory.is_dir() else []


def _checkpoints(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(f'{schema.CHECKPOINTS}/')]
