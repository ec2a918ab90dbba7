"""Arrays in .npz files, as Keras, MedMNIST and the makers of KMNIST publish sets.

  mnist.npz           x_train, y_train, x_test, y_test                                         Keras
  pathmnist.npz       train_images, train_labels, val_images, ..., test_images, test_labels    MedMNIST
  k49-train-imgs.npz  and -train-labels, -test-imgs, -test-labels beside it, each with arr_0   KMNIST, Kuzushiji-49

Images are uint8 (n, h, w), (n, h, w, 1) or (n, h, w, 3), labels integers (n,) or (n, 1). MedMNIST's val is the split
'validation'. Arrays of objects, which are pickles, are refused. Images are read one after the other.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from cnn_bench.data.readers.found import Found, Request, of_arrays
from cnn_bench.errors import UserError

FORM = (
    '.npz: one file of the form that Keras (x_train, y_train, x_test, y_test) or MedMNIST (train_images, train_labels, '
    'val_images, ...) uses, or a directory with the four files of KMNIST or Kuzushiji-49 (k49-train-imgs.npz, ...)'
)
_KERAS = {split: (f'x_{split}', f'y_{split}') for split in ('train', 'test')}
_MEDMNIST = {
    split: (f'{stem}_images', f'{stem}_labels')
    for split, stem in {'train': 'train', 'test': 'test', 'validation': 'val'}.items()
}
_KMNIST = re.compile(r'(k49|kmnist)-train-imgs\.npz')
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_DAMAGE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
T = TypeVar('T')


@dataclass(frozen=True)
class Images:
    """The images of an array in an .npz file, which are read as they are iterated over."""

    path: Path
    array: str
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        shape = self.shape[1:]
        size = int(np.prod(shape))
        with zipfile.ZipFile(self.path) as archive, archive.open(f'{self.array}.npy') as file:
            _header(file)
            for _ in range(len(self)):
                content = _or_refuse(self.path, self.array, lambda: file.read(size))
                if len(content) < size:
                    raise UserError(f'{self.path}: {self.array} is cut')
                yield np.frombuffer(content, np.uint8).reshape(shape)


def recognises(path: Path) -> bool:
    """Whether `path` is an .npz file, or a directory with the training images of KMNIST or Kuzushiji-49."""
    return path.suffix == '.npz' if path.is_file() else bool(_kmnist(path))


def read(path: Path, request: Request) -> Found:
    """The set of an .npz file, or of the four in a directory.

    Raises:
      UserError: an array or a file is missing, damaged, or of another type or shape than images and labels have.
    """
    if path.is_dir():
        return _from_four(path, request)
    there = _arrays(path)
    form = max((_KERAS, _MEDMNIST), key=lambda form: sum(array in there for pair in form.values() for array in pair))
    wanted = {split: pair for split, pair in form.items() if split != 'validation' or set(pair) & set(there)}
    missing = [array for pair in wanted.values() for array in pair if array not in there]
    if missing:
        raise UserError(f'{path} has the arrays {", ".join(there) or "(none)"}, but no {", ".join(missing)}; {FORM}')
    splits = {split: (_images(path, x), _labels(path, y)) for split, (x, y) in wanted.items()}
    return of_arrays(path, '.npz', splits, name=request.name)


def _from_four(directory: Path, request: Request) -> Found:
    prefixes = _kmnist(directory)
    if len(prefixes) > 1:
        raise UserError(f'{directory} has the files of {" and ".join(prefixes)}; give each a directory of its own')
    files = {
        split: [directory / f'{prefixes[0]}-{split}-{kind}.npz' for kind in ('imgs', 'labels')]
        for split in ('train', 'test')
    }
    for path in (path for pair in files.values() for path in pair):
        if not path.is_file():
            raise UserError(f'{path} is missing')
        if 'arr_0' not in _arrays(path):
            raise UserError(f'{path} has no array arr_0')
    splits = {split: (_images(x, 'arr_0'), _labels(y, 'arr_0')) for split, (x, y) in files.items()}
    return of_arrays(directory, f'{prefixes[0]}-*.npz', splits, name=request.name)


def _kmnist(path: Path) -> list[str]:
    names = (entry.name for entry in path.iterdir()) if path.is_dir() else ()
    return sorted(match[1] for name in names if (match := _KMNIST.fullmatch(name)))


def _arrays(path: Path) -> list[str]:
    """The names of the arrays in an .npz file."""

    def names() -> list[str]:
        with zipfile.ZipFile(path) as archive:
            return sorted(name.removesuffix('.npy') for name in archive.namelist() if name.endswith('.npy'))

    return _or_refuse(path, '', names)


def _images(path: Path, array: str) -> Images | np.ndarray:
    """The images of an array; in memory only where the array is stored in Fortran's order."""
    shape, fortran, numbers = _or_refuse(path, array, lambda: _opened(path, array, _header))
    if numbers != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise UserError(f'{path}: {array} is {numbers} {shape}; images are uint8 (n, h, w) or (n, h, w, 1 or 3)')
    return _or_refuse(path, array, lambda: _opened(path, array, _whole)) if fortran else Images(path, array, shape)


def _labels(path: Path, array: str) -> np.ndarray:
    """The labels of an array, (n,)."""
    labels = _or_refuse(path, array, lambda: _opened(path, array, _whole))
    if labels.dtype.kind not in 'ui' or labels.ndim not in (1, 2) or labels.shape[1:] not in ((), (1,)):
        raise UserError(
            f'{path}: {array} is {labels.dtype} {labels.shape}; labels are integers (n,) or (n, 1), one an image'
        )
    return labels.ravel()


def _opened(path: Path, array: str, use: Callable[[BinaryIO], T]) -> T:
    with zipfile.ZipFile(path) as archive, archive.open(f'{array}.npy') as file:
        return use(file)


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, and dtype of an .npy file, which is read up to its data."""
    return _HEADERS[np.lib.format.read_magic(file)](file)


def _whole(file: BinaryIO) -> np.ndarray:
    return np.lib.format.read_array(file, allow_pickle=False)


def _or_refuse(path: Path, array: str, work: Callable[[], T]) -> T:
    """What `work` returns, with errors about damaged files in one line."""
    try:
        return work()
    except _DAMAGE as error:
        what = str(error).split('\n')[0] or type(error).__name__
        raise UserError(f'{path}{f": {array}" if array else ""} cannot be read: {what}') from None
