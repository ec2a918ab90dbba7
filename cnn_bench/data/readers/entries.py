"""The files of a directory, a tar archive (compressed or not, tars in it too) or a .zip, one after the other.

Nothing is unpacked to disk. Of an archive, one file is in memory at a time; of an uncompressed tar, what is not wanted
is skipped without being read.
"""

import contextlib
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cnn_bench.data.readers.picture_stream import Packed, Source
from cnn_bench.errors import UserError

TARS = ('.tar', '.tar.gz', '.tgz', '.tar.bz2', '.tar.xz')
ZIP = '.zip'
_CLASS_TAR = re.compile(r'n\d{8}\.tar')  # as ImageNet's archive of training images holds them
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


@dataclass(frozen=True)
class Entry:
    """A file: its path below the directory or in the archive, what messages call it, its size in bytes, and a function
    that reads it, which may be called only before the next entry is asked for."""

    name: str
    where: str
    size: int
    read: Callable[[], bytes]
    path: str | None = None  # where it is a file of its own

    def source(self) -> Source:
        """The picture that it is, with its content where it lies in an archive."""
        return Packed(self.where, self.read()) if self.path is None else self.path


def is_archive(path: Path) -> bool:
    """Whether `path` is a file that is called as archives are."""
    return path.name.lower().endswith((*TARS, ZIP)) and path.is_file()


def entries(path: Path) -> Iterator[Entry]:
    """The files of a directory, sorted, or of an archive, in its own order. Hidden ones are left out.

    In an archive as ImageNet's, of tars that are called by a WordNet id, files are those of the inner tars, and the
    first folder of their names is that id.

    Raises:
      UserError: the archive is damaged or cut.
    """
    if path.is_dir():
        found = _of_directory(path)
    elif path.name.lower().endswith(ZIP):
        found = _of_zip(path)
    else:
        found = _of_tar(path)
    with _said(path):
        for entry in found:
            if not any(part.startswith('.') for part in entry.name.split('/')):
                yield entry


def subfolders(path: Path) -> list[str]:
    """The names of the folders in a directory that are not hidden; none where it cannot be read."""
    with contextlib.suppress(OSError), os.scandir(path) as found:
        return [entry.name for entry in found if entry.is_dir() and not entry.name.startswith('.')]
    return []


def first_names(path: Path, most: int) -> list[str]:
    """The names of the first files, or those before a damaged place; none where `path` is no archive or directory."""
    names: list[str] = []
    with contextlib.suppress(UserError, OSError):
        for entry in entries(path):
            names.append(entry.name)
            if len(names) == most:
                break
    return names


def contents(path: Path, files: Collection[str]) -> dict[str, bytes]:
    """The content of those entries whose name, without folders, is one of `files`. Ends when all are found."""
    found: dict[str, bytes] = {}
    for entry in entries(path):
        name = entry.name.rpartition('/')[2]
        if name in files:
            found.setdefault(name, entry.read())
            if len(found) == len(files):
                break
    return found


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turns errors of damaged archives into a UserError that names the archive."""
    try:
        yield
    except _DAMAGE as error:
        raise UserError(f'{path} cannot be read: {str(error) or "it is cut"}') from None


def _of_directory(root: Path) -> Iterator[Entry]:
    entered = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        if os.path.realpath(folder) in entered:  # a link that leads back
            folders.clear()
            continue
        entered.add(os.path.realpath(folder))
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        below = os.path.relpath(folder, root)
        prefix = '' if below == '.' else below.replace(os.sep, '/') + '/'
        for file in sorted(files):
            path = os.path.join(folder, file)
            if _CLASS_TAR.fullmatch(file):
                yield from _below(prefix + file, _of_tar(Path(path)))
            else:
                yield Entry(prefix + file, path, os.path.getsize(path), Path(path).read_bytes, path)


def _of_zip(path: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise UserError(f'{path} is encrypted')
            if not info.is_dir():
                read = partial(_whole, path, partial(archive.read, info))
                yield Entry(info.filename, f'{path}: {info.filename}', info.file_size, read)


def _of_tar(path: Path) -> Iterator[Entry]:
    seekable = _is_plain(path)
    with tarfile.open(path, 'r:' if seekable else 'r|*') as archive:
        yield from _members(archive, path, f'{path}: ', seekable)


def _is_plain(path: Path) -> bool:
    """Whether a tar is not compressed: then what is not wanted can be skipped."""
    try:
        tarfile.open(path, 'r:').close()
    except tarfile.ReadError:
        return False
    return True


def _members(archive: tarfile.TarFile, path: Path, before: str, seekable: bool) -> Iterator[Entry]:
    while (member := archive.next()) is not None:
        archive.members.clear()  # which would keep a kilobyte for each of a million files
        if not member.isreg():
            continue
        name = member.name.removeprefix('./')
        content = archive.extractfile(member)
        if _CLASS_TAR.fullmatch(name.rpartition('/')[2]):
            with tarfile.open(fileobj=content, mode='r:' if seekable else 'r|') as inner:
                yield from _below(name, _members(inner, path, f'{before}{name}: ', seekable))
        else:
            yield Entry(name, before + name, member.size, partial(_whole, path, content.read))


def _below(name: str, inner: Iterator[Entry]) -> Iterator[Entry]:
    """The files of an inner tar, in a folder that is called as it is."""
    folder = name.removesuffix('.tar')
    for entry in inner:
        yield replace(entry, name=f'{folder}/{entry.name}')


def _whole(path: Path, read: Callable[[], bytes]) -> bytes:
    with _said(path):
        return read()
