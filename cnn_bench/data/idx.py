"""The IDX files of MNIST and similar sets (http://yann.lecun.com/exdb/mnist/): greyscale images of one size."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

PREFIXES = {'train': 'train', 'test': 't10k'}
IMAGES, LABELS = 'images-idx3-ubyte', 'labels-idx1-ubyte'
CLASS_NAMES = {
    'fashion_mnist': (
        'T-shirt/top',
        'Trouser',
        'Pullover',
        'Dress',
        'Coat',
        'Sandal',
        'Shirt',
        'Sneaker',
        'Bag',
        'Ankle boot',
    ),
}


def is_idx(directory: Path) -> bool:
    """Whether `directory` has any of the four IDX files."""
    return any(_path(directory, prefix, kind).exists() for prefix in PREFIXES.values() for kind in (IMAGES, LABELS))


def read(directory: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The images of a split, uint8 (n, h, w), and their labels, uint8 (n,), from gzipped or plain files.

    Raises:
      UserError: a file is missing or is not the expected kind of IDX file, or images and labels do not match.
    """
    prefix = PREFIXES[split]
    images = _array(_path(directory, prefix, IMAGES), dimensions=3)
    labels = _array(_path(directory, prefix, LABELS), dimensions=1)
    if len(images) != len(labels) or not len(images):
        raise UserError(f'{directory}: {len(images)} {prefix} images with {len(labels)} labels')
    return images, labels


def examples(images: np.ndarray, labels: np.ndarray) -> Iterator[Example]:
    """Each image as a PNG, with its label. `images` is uint8 (n, h, w)."""
    for pixels, label in zip(images, labels, strict=True):
        yield Example(encode_png(pixels), pixels[:, :, None], int(label))


def encode_png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (h, w) or (h, w, 3), as the smallest PNG that Pillow writes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format='PNG', optimize=True)
    return buffer.getvalue()


def class_names(name: str, num_classes: int, first: int = 0) -> tuple[str, ...]:
    """The class names of the set `name` if they are known, else its labels from `first` on: '0', '1', ..."""
    return CLASS_NAMES.get(name) or tuple(map(str, range(first, first + num_classes)))


def _path(directory: Path, prefix: str, kind: str) -> Path:
    """The file under one of its usual names, plain or gzipped: train-images-idx3-ubyte, train-images.idx3-ubyte."""
    names = (f'{prefix}-{kind}', f'{prefix}-{kind.replace("-", ".", 1)}')
    paths = [directory / f'{name}{ending}' for ending in ('', '.gz') for name in names]
    return next((path for path in paths if path.exists()), paths[0])


def _array(path: Path, dimensions: int) -> np.ndarray:
    """One IDX file of unsigned bytes: magic 0 0 8 `dimensions`, big-endian sizes, data."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == '.gz' else path.read_bytes()
    except FileNotFoundError:
        raise UserError(f'{path} is missing (or with .gz)') from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f'{path} cannot be read: {error}') from None
    header = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) < header:
        raise UserError(f'{path} is not an IDX file of unsigned bytes with {dimensions} dimension(s)')
    shape = np.frombuffer(content, '>u4', count=dimensions, offset=4).astype(int)
    if len(content) != header + shape.prod():
        raise UserError(f'{path} has {len(content):,} bytes, but its header says {header + shape.prod():,}')
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
