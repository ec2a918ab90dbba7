"""Writes the files that the tests prepare data sets from."""

import gzip
from pathlib import Path

import numpy as np
from PIL import Image


def write_idx(directory: Path, arrays, compress: bool = True) -> Path:
    """The four IDX files of `arrays`, in the format's own words: magic, big-endian sizes, data."""
    directory.mkdir(parents=True, exist_ok=True)
    for split, prefix in {'train': 'train', 'test': 't10k'}.items():
        for array, kind in zip(arrays[split], ('images-idx3-ubyte', 'labels-idx1-ubyte'), strict=True):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, '>i4').tobytes()
            path = directory / f'{prefix}-{kind}'
            if compress:
                path.with_name(path.name + '.gz').write_bytes(gzip.compress(header + array.tobytes()))
            else:
                path.write_bytes(header + array.tobytes())
    return directory


def save_image(path: Path, pixels: np.ndarray, **options) -> Path:
    """An image file with those pixels; its format is the suffix's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path
