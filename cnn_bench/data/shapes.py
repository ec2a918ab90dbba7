"""The sizes of a split's images, without decoding them."""

import io

import numpy as np
from PIL import Image

from cnn_bench.data.split import Split

_CHUNK = 256  # records per read, in memory at a time


def image_sizes(split: Split) -> np.ndarray:
    """Height and width of every image of a split, int (n, 2). Raises UserError for a damaged image."""
    if split.info.image_shape is not None:
        return np.tile(split.info.image_shape[:2], (len(split), 1))
    found = np.empty((len(split), 2), int)
    for start in range(0, len(split), _CHUNK):
        indices = list(range(start, min(start + _CHUNK, len(split))))
        for index, record in zip(indices, split.encoded(indices), strict=True):
            found[index] = _size(split, index, record['image'])
    return found


def _size(split: Split, index: int, encoded: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError):
        return split.decode(index, encoded).shape[:2]  # says which image is damaged
