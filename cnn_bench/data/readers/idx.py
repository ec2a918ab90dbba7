"""The IDX files of MNIST and the sets like it (http://yann.lecun.com/exdb/mnist/): greyscale images of one size.

They are known under the names that their publishers give them, plain or gzipped, with a dash or a point before `idx`:

  train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-...     MNIST, Fashion-MNIST, KMNIST
  emnist-letters-train-images-idx3-ubyte, ...-test-...           EMNIST's six: letters, balanced, digits, ...
  qmnist-train-images-idx3-ubyte, qmnist-train-labels-idx2-int   QMNIST, whose labels are the first of eight columns

EMNIST's files hold every image transposed: rows are columns. They are turned upright here, so that a network trained on
MNIST sees characters the right way round.
"""

import gzip
import re
import zlib
from pathlib import Path

import numpy as np

from cnn_bench.data.readers.found import Found, Request, of_arrays
from cnn_bench.errors import UserError

FORM = (
    'IDX files of MNIST, Fashion-MNIST, KMNIST, QMNIST or EMNIST (train-images-idx3-ubyte, ..., plain or .gz): '
    'their directory, or one of them where it holds several sets'
)
_NAME = re.compile(
    r'(?P<set>(?:[\w-]+-)?)(?P<split>train|t10k|test)-(?P<kind>images|labels)[-.]idx(?:1|2|3)-(?:ubyte|int)(?:\.gz)?'
)
_SPLITS = {'train': 'train', 't10k': 'test', 'test': 'test'}
_TYPES = {8: '>u1', 12: '>i4'}  # the third byte of a file -> its numbers
_TRANSPOSED = 'emnist-'


def recognises(path: Path) -> bool:
    """Whether `path` is such a file, or a directory with one."""
    return bool(_sets(path))


def read(path: Path, request: Request) -> Found:
    """The set of a directory with four IDX files, or of one of them and the three beside it.

    Raises:
      UserError: a file is missing, damaged or not of the expected kind, or the directory holds several sets.
    """
    sets = _sets(path)
    if len(sets) > 1:
        known = ', '.join(f'{prefix}train-images-idx3-ubyte' for prefix in sorted(sets))
        raise UserError(f'{path} has the files of {len(sets)} sets ({known}); give one file of the set to --from')
    (prefix,) = sets
    directory = path if path.is_dir() else path.parent
    splits = {split: read_split(directory, split, prefix) for split in ('train', 'test')}
    name = prefix.rstrip('-').replace('-', '_') if prefix.startswith(_TRANSPOSED) else request.name
    return of_arrays(directory, f'IDX files {prefix}*' if prefix else 'IDX files', splits, name=name)


def read_split(directory: Path, split: str, prefix: str = '') -> tuple[np.ndarray, np.ndarray]:
    """The images of a split, uint8 (n, h, w), and their labels, integers (n,), from the files that begin with `prefix`.

    Raises:
      UserError: a file is missing, damaged or not of the expected kind.
    """
    files = _sets(directory).get(prefix, {})
    images, labels = (_array(_found(files, directory, prefix, split, kind)) for kind in ('images', 'labels'))
    for array, allowed, what in ((images, (3,), 'images'), (labels, (1, 2), 'labels')):
        if array.ndim not in allowed or (what == 'images' and array.dtype != np.uint8):
            raise UserError(f'{directory}: the {prefix}{split} {what} are {array.dtype} of {array.ndim} dimension(s)')
    if prefix.startswith(_TRANSPOSED):
        images = images.transpose(0, 2, 1)
    return images, labels if labels.ndim == 1 else labels[:, 0]


def _sets(path: Path) -> dict[str, dict[tuple[str, str], Path]]:
    """Prefix of a set -> (split, 'images' or 'labels') -> file, of the IDX files in a directory, or of one of them."""
    sets: dict[str, dict[tuple[str, str], Path]] = {}
    paths = path.iterdir() if path.is_dir() else [path]
    for file in sorted(paths, key=lambda file: (file.suffix == '.gz', file.name)):  # plain before gzipped
        if (match := _NAME.fullmatch(file.name)) and file.is_file():
            place = _SPLITS[match['split']], match['kind']
            sets.setdefault(match['set'], {}).setdefault(place, file)
    return sets


def _found(files: dict, directory: Path, prefix: str, split: str, kind: str) -> Path:
    if (split, kind) not in files:
        usual = {'train': 'train', 'test': 'test' if prefix else 't10k'}[split]
        ending = {'images': 'images-idx3-ubyte', 'labels': 'labels-idx1-ubyte'}[kind]
        raise UserError(f'{directory / f"{prefix}{usual}-{ending}"} is missing (or with .gz)')
    return files[split, kind]


def _array(path: Path) -> np.ndarray:
    """The array of an IDX file: 0 0, type, dimensions; big-endian sizes; data."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == '.gz' else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f'{path} cannot be read: {error}') from None
    if len(content) < 4 or content[:2] != b'\0\0' or content[2] not in _TYPES or content[3] not in (1, 2, 3):
        raise UserError(f'{path} is not an IDX file of bytes or integers')
    numbers, dimensions = np.dtype(_TYPES[content[2]]), content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise UserError(f'{path} is not an IDX file of bytes or integers')
    shape = np.frombuffer(content, '>u4', count=dimensions, offset=4).astype(int)
    size = header + int(shape.prod()) * numbers.itemsize
    if len(content) != size:
        raise UserError(f'{path} has {len(content):,} bytes, but its header says {size:,}')
    return np.frombuffer(content, numbers, offset=header).reshape(shape)
