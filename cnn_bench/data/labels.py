"""The labels of a whole split in a file beside its shards, so that choosing images by class reads no image."""

from pathlib import Path

import numpy as np


def write(directory: Path, split: str, labels: list[int]) -> None:
    """Write the labels of a split, in the order of its images."""
    np.save(_path(directory, split), np.array(labels, np.int32), allow_pickle=False)


def read(directory: Path, split: str, images: int) -> np.ndarray | None:
    """The labels of a split, int32 (n,); None where earlier versions wrote the set, without such a file.

    Raises ValueError where the file does not hold a label for each of the `images`.
    """
    path = _path(directory, split)
    if not path.is_file():
        return None
    labels = np.load(path, allow_pickle=False)
    if labels.dtype != np.int32 or labels.shape != (images,) or (labels < 0).any():
        raise ValueError(f'it does not hold the labels of {images:,} images')
    return labels


def name(split: str) -> str:
    """The name of a split's file of labels."""
    return f'{split}.labels.npy'


def _path(directory: Path, split: str) -> Path:
    return directory / name(split)
