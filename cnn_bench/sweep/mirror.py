"""Copying a trial's run directory from the disk of a node to storage that all nodes reach, and back.

Storage is a directory or any fsspec URL (s3://, gs://, ...). Only the files that its manifest lists count, and the
manifest is replaced last: if a node dies during a push, the previous one remains valid. A push first writes the newest
checkpoint, which no longer changes; then the log, which therefore has all rows up to that checkpoint; then the
manifest. Only then does it delete files that are no longer listed.
"""

import json
import os
import posixpath
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from cnn_bench.runs import RunDirectory, schema

MANIFEST = '.mirror.json'
LOCAL_ONLY = ('.lock', MANIFEST)
TEMPORARY = '.part'


class Mirror:
    """The run directory `local` and its mirror at the URL `remote`."""

    def __init__(self, local: Path, remote: str):
        self.local = Path(local)
        self.fs, self.remote = file_system(remote)
        self._pushed: dict[str, list[int]] = {}  # path -> [bytes, time of change] when it was pushed

    def pull(self) -> None:
        """Copy the files of the mirror to the local directory, which is created."""
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
                continue  # the sweep removed the record of a failure to retry the trial
            os.replace(partial, path)

    def push(self) -> bool:
        """Copy the complete local files to the mirror.

        Returns False, and changes nothing, if the run deleted one of them meanwhile.
        """
        before = self._listed()
        try:
            checkpoint, others = newest_checkpoint(self.local), plain_files(self.local)
            for name in [*checkpoint, *others]:
                self._put(name)
        except FileNotFoundError:  # there is a newer checkpoint, which the next push copies
            return False
        present = sorted({*checkpoint, *others, *([] if checkpoint else _checkpoints(before))})
        self._write(MANIFEST, json.dumps(present).encode())
        for name in set(before) - set(present):
            self._remove(name)
        return True

    def remove(self) -> None:
        """Remove the mirror, its manifest first, without which its files count for nothing."""
        names = self._listed()
        for name in (MANIFEST, *names):
            self._remove(name)

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
        """Replace a file as a whole: object stores always do, on a file system it takes a temporary name."""
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


def file_system(storage: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a URL or a path, and the absolute path there. In the name of a path `::` means nothing."""
    if storage.startswith('/') or '://' not in storage:
        return LocalFileSystem(), os.path.abspath(os.path.expanduser(storage))
    return fsspec.core.url_to_fs(storage)


def newest_checkpoint(run: Path) -> list[str]:
    """Files of the newest complete checkpoint, relative to the run. FileNotFoundError if a newer one appears."""
    steps = RunDirectory(run).saved_steps()
    if not steps:
        return []
    directory = run / schema.CHECKPOINTS / str(steps[-1])
    files = sorted(path.relative_to(run).as_posix() for path in directory.rglob('*') if path.is_file())
    if RunDirectory(run).saved_steps() != steps:  # the old one may be being deleted
        raise FileNotFoundError(directory)
    return files


def plain_files(run: Path) -> list[str]:
    """The files outside checkpoints, JSON last, without those that are being written."""
    found = []
    for path in run.rglob('*'):
        name = path.relative_to(run).as_posix()
        hidden = path.name.startswith('.') or path.name.endswith(TEMPORARY)
        if path.is_file() and not hidden and not name.startswith(f'{schema.CHECKPOINTS}/') and name not in LOCAL_ONLY:
            found.append(name)
    return sorted(found, key=lambda name: (name.endswith('.json'), name == schema.SUMMARY, name))


def remove_empty(directory: Path, root: Path) -> None:
    """Remove `directory` and its parents below `root` as far as they are empty."""
    while directory != root and directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
        directory = directory.parent


def _checkpoints(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(f'{schema.CHECKPOINTS}/')]
