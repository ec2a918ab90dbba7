"""The forms in which data sets are found on disks, one module each, and recognising which one a path has.

A reader has FORM, a line that describes what it reads; `recognises(path)`, which opens no more than it must, never
raises, and is true as soon as one file of the form is there, so that `read` can say which others are missing; and
`read(path, request)`, which returns what it found or raises UserError. Nothing is unpacked to disk, and no reader runs
code that a file holds.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from cnn_bench.data.readers import (
    cifar,
    folders,
    idx,
    imagenet,
    imagenet_v2,
    masks,
    npz,
    packed_folders,
    svhn,
    tiny_imagenet,
)
from cnn_bench.data.readers.entries import first_names, is_archive
from cnn_bench.errors import UserError

OF_PICTURES = (imagenet, tiny_imagenet, imagenet_v2, packed_folders, folders)  # readers of picture files
# Large archives of pictures first, as others would read them through; class folders last: a directory may hold archives
# and folders.
READERS = (imagenet, tiny_imagenet, imagenet_v2, packed_folders, masks, cifar, svhn, npz, idx, folders)
_SHOWN = 6  # names in the message


def forms() -> list[str]:
    """A line for each form that is known."""
    return [reader.FORM for reader in READERS]


def recognise(path: Path) -> ModuleType:
    """The reader of a file or directory.

    Raises:
      UserError: there is no such path, or it has no known form; the message says what was seen and what is known.
    """
    if not path.exists():
        raise UserError(f'{path} is not there; --from takes a directory or a file')
    found = _reader(path)
    if found:
        return found
    near = next((other for other in _beside(path) if _reader(other)), None)
    hint = f'; did you mean --from {near}?' if near else ''
    raise UserError(f'{path} has no form that is known: {_seen(path)}{hint}; known are: {"; ".join(forms())}')


def _reader(path: Path) -> ModuleType | None:
    return next((reader for reader in READERS if reader.recognises(path)), None)


def _beside(path: Path) -> Iterable[Path]:
    """What a user may have meant: an entry of the directory, or the directory of the file."""
    return sorted(path.iterdir())[:50] if path.is_dir() else [path.absolute().parent]


def _seen(path: Path) -> str:
    """What a path holds, in words."""
    if path.is_file():
        members = [name.rpartition('/')[2] for name in first_names(path, _SHOWN + 1)] if is_archive(path) else []
        return f'an archive with {_listed(members)}' if members else f'a file of {path.stat().st_size:,} bytes'
    with os.scandir(path) as entries:
        names = sorted(entry.name + '/' * entry.is_dir() for entry in entries)
    return f'a directory with {_listed(names)}' if names else 'an empty directory'


def _listed(names: list[str]) -> str:
    return ', '.join(names[:_SHOWN]) + (f', ... ({len(names)} in all)' if len(names) > _SHOWN else '')
