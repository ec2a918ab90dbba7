"""CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html) from their own archives, as .tar.gz or .tar, or
unpacked: the python version and the binary one, not that for MATLAB.

An archive is read through once, in the order of its files, and nothing is unpacked to disk; the images are in memory,
at most 180 MB. CIFAR-100 gets its 100 fine classes. The names of the classes are those of the archive.
"""

import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from cnn_bench.data.class_names import check_class_names
from cnn_bench.data.readers import pickled_arrays
from cnn_bench.data.readers.found import Found, Request, of_arrays
from cnn_bench.errors import UserError

FORM = (
    'CIFAR-10 and CIFAR-100: cifar-10-python.tar.gz, cifar-10-binary.tar.gz, cifar-100-python.tar.gz, '
    'cifar-100-binary.tar.gz, or what they unpack to'
)
_PIXELS = 3 * 32 * 32
_TEN = tuple(f'data_batch_{number}' for number in range(1, 6))
_ARCHIVES = ('.tar', '.tar.gz', '.tgz')
_FIRST = 30  # files that are looked at; CIFAR's archives have at most nine
Batch = tuple[np.ndarray, np.ndarray]  # rows of red, green and blue, uint8 (n, 3072), and labels (n,)


@dataclass(frozen=True)
class Version:
    """One of the four archives: the names of its files, and how a file of images and that of the classes are read."""

    words: str
    train: tuple[str, ...]
    test: str
    names: str
    batch: Callable[[bytes], Batch]
    class_names: Callable[[bytes], list[str]]

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that are read."""
        return (*self.train, self.test, self.names)


class _Damaged(Exception):
    """A file is not as it should be; the message says in what."""


def recognises(path: Path) -> bool:
    """Whether files of one of the four archives are in the directory or the archive `path`."""
    names = set()
    try:
        for name in islice(_names(path), _FIRST):
            names.add(name)
            if _version(names):
                return True
        return False
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return False


def read(path: Path, request: Request) -> Found:
    """The set in an archive of CIFAR, or in the directory that it unpacks to.

    Raises:
      UserError: a batch is missing, cut or damaged, holds a label that is no class, or is a pickle with code in it.
    """
    content: dict[str, bytes] = {}
    try:
        for name, file in request.track(_files(path), f'reading {path.name}', None):
            content[name] = file
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise UserError(f'{path} cannot be read: {error or "it is cut"}') from None
    version = _version(content)
    missing = [file for file in version.files if file not in content]
    if missing:
        raise UserError(f'{path} has no {", ".join(missing)}; {version.words} has {", ".join(version.files)}')
    names = tuple(_parsed(path, version.names, version.class_names, content))
    check_class_names(f'{path}: {version.names}', names)
    splits = {'train': version.train, 'test': (version.test,)}
    arrays = {}
    for split, files in splits.items():
        batches = [_parsed(path, file, version.batch, content) for file in files]
        rows, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        arrays[split] = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels
    return of_arrays(path, version.words, arrays, names)


def _parsed(path: Path, file: str, parse: Callable[[bytes], Batch | list[str]], content: dict[str, bytes]):
    try:
        return parse(content.pop(file))
    except pickled_arrays.Unsafe as unsafe:
        raise UserError(
            f'{path}: {file} is a pickle that names {unsafe}; only arrays and bytes are read, and no code is run'
        ) from None
    except (_Damaged, ValueError) as error:
        raise UserError(f'{path}: {file} cannot be read: {error}') from None


def _pickled(content: bytes, *keys: str) -> list:
    """The values of a pickled dictionary, whose keys are bytes where Python 2 wrote it."""
    held = pickled_arrays.load(content)
    if not isinstance(held, dict):
        raise _Damaged('it holds no dictionary')
    held = {key.decode('latin1') if isinstance(key, bytes) else key: value for key, value in held.items()}
    for key in keys:
        if key not in held:
            raise _Damaged(f'it has no {key!r}')
    return [held[key] for key in keys]


def _pickled_batch(labels_key: str) -> Callable[[bytes], Batch]:
    def batch(content: bytes) -> Batch:
        rows, labels = _pickled(content, 'data', labels_key)
        if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.shape[1:] != (_PIXELS,):
            raise _Damaged(f"'data' is no array of bytes (n, {_PIXELS})")
        labels = np.asarray(labels)
        if labels.dtype.kind not in 'ui' or labels.shape != (len(rows),):
            raise _Damaged(f'it has {len(rows)} images, and {labels_key!r} is no list of as many integers')
        return rows, labels

    return batch


def _pickled_names(key: str) -> Callable[[bytes], list[str]]:
    def names(content: bytes) -> list[str]:
        (found,) = _pickled(content, key)
        if not isinstance(found, list) or not all(isinstance(name, bytes | str) for name in found):
            raise _Damaged(f'{key!r} is no list of names')
        return [name.decode() if isinstance(name, bytes) else name for name in found]

    return names


def _binary_batch(label_bytes: int) -> Callable[[bytes], Batch]:
    """Reads records of labels, the finest last, and pixels."""

    def batch(content: bytes) -> Batch:
        record = label_bytes + _PIXELS
        if not content or len(content) % record:
            raise _Damaged(f'its {len(content):,} bytes are no whole number of records of {record:,}')
        records = np.frombuffer(content, np.uint8).reshape(-1, record)
        return records[:, label_bytes:], records[:, label_bytes - 1].astype(int)

    return batch


def _text_names(content: bytes) -> list[str]:
    return [line.strip() for line in content.decode().splitlines() if line.strip()]


_BINARY = tuple(f'{name}.bin' for name in _TEN)
VERSIONS = (
    Version(
        'CIFAR-10, python version',
        _TEN,
        'test_batch',
        'batches.meta',
        _pickled_batch('labels'),
        _pickled_names('label_names'),
    ),
    Version('CIFAR-10, binary version', _BINARY, 'test_batch.bin', 'batches.meta.txt', _binary_batch(1), _text_names),
    Version(
        'CIFAR-100, python version',
        ('train',),
        'test',
        'meta',
        _pickled_batch('fine_labels'),
        _pickled_names('fine_label_names'),
    ),
    Version(
        'CIFAR-100, binary version',
        ('train.bin',),
        'test.bin',
        'fine_label_names.txt',
        _binary_batch(2),
        _text_names,
    ),
)
_KNOWN = {file for version in VERSIONS for file in version.files}


def _version(names: Collection[str]) -> Version | None:
    """The archive with most files of these names, of which it takes two: one called 'test' may be anything."""
    counts = {version: sum(file in names for file in version.files) for version in VERSIONS}
    version = max(counts, key=counts.get)
    return version if counts[version] >= 2 else None


def _names(path: Path) -> Iterator[str]:
    """The names of the files in a directory or an archive, without their folders."""
    if path.is_dir():
        yield from (entry.name for entry in path.iterdir() if entry.is_file())
    elif path.name.endswith(_ARCHIVES):
        with tarfile.open(path, 'r|*') as archive:
            yield from (Path(member.name).name for member in archive if member.isfile())


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that is one of CIFAR's."""
    if path.is_dir():
        yield from ((entry.name, entry.read_bytes()) for entry in path.iterdir() if entry.name in _KNOWN)
        return
    with tarfile.open(path, 'r|*') as archive:
        for member in archive:
            if member.isfile() and Path(member.name).name in _KNOWN:
                yield Path(member.name).name, archive.extractfile(member).read()
