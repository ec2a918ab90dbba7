"""Batches of a split for training and evaluation, decoded, cropped and resized on the host by Grain.

The batches are a function of (split, seed, size, step): they depend neither on where a run was
interrupted nor on the number of threads or worker processes. The shards of one global batch hold the same
images whatever their count.
"""

import os
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cnn_bench.data.split import Split

_MAX_THREADS = 8  # each prepares a batch of its own, so that they bound the memory too


def stream(
    split: Split,
    batch_size: int,
    *,
    seed: int,
    size: int,
    train: bool,
    start_step: int = 0,
    workers: int = 0,
    shard: tuple[int, int] = (0, 1),
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    crop_fraction: float = 0.875,
    interpolation: str = 'bilinear',
) -> 'Batches':
    """Iterates over {'image': uint8 (batch_size, size, size, c), 'label': int32 (batch_size,)}.

    For training without end: every epoch is a permutation of its own, cut into batches without regard to
    epochs' ends, and each image is cropped and resized at random (Szegedy et al. 2015). For evaluation
    once, in order: resized so that the shorter side is size / crop_fraction, centre-cropped, and the last
    batches filled up with black images of label -1, so that every shard has the same number of batches.

    Args:
      split: what to read.
      batch_size: images per batch of this shard.
      seed: of the order and the crops, 0 to 2**32 - 1.
      size: height and width of the images that come out.
      train: which of the two ways.
      start_step: begin with the batch that a stream from 0 gives in that place.
      workers: processes that prepare batches; 0 prepares them in threads of this process.
      shard: (index, count): of every `count * batch_size` images in a row this shard takes the part at `index`, so that
        the shards' batches, one after another, are the batch of a stream that is not sharded.
      scale: a crop's least and greatest area as a fraction of the image's.
      ratio: a crop's least and greatest width / height.
      crop_fraction: side of the centre crop as a fraction of the resized image's shorter side.
      interpolation: of resizing: 'bilinear' or 'bicubic', always with antialiasing.
    """
    import grain

    index, count = shard
    if train:
        crop = _RandomCrop(size, scale, ratio, interpolation)
        images = grain.MapDataset.source(split).seed(seed).shuffle().random_map(crop).repeat()
    else:
        images = grain.MapDataset.source(_Padded(split, batch_size * count)).map(
            _CentreCrop(size, crop_fraction, interpolation)
        )
    # Repeated, then sharded, then batched, all by index: that is what makes the batches independent of the rest.
    own = images if count == 1 else grain.MapDataset.source(_Share(images, batch_size, index, count))
    batches = own.batch(batch_size)[start_step:]
    threads = min(_MAX_THREADS, os.cpu_count() or 1)
    batches = batches.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads))
    if workers:
        from absl import flags

        if not flags.FLAGS.is_parsed():  # Grain's workers read flags of their own
            flags.FLAGS.mark_as_parsed()
        batches = batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return Batches(iter(batches), copy=workers > 0)


class Batches(Iterator[dict[str, np.ndarray]]):
    """The iterator that `stream` returns. `close()`, or the end of a `with` block, ends its threads and
    processes; so do its last reference and the end of the program."""

    def __init__(self, iterator, copy: bool):
        self._held = [iterator]
        self._copy = copy
        # Grain's own clean-up fails, noisily, in an interpreter that is already being taken down.
        self.close = weakref.finalize(self, _close, self._held)

    def __next__(self) -> dict[str, np.ndarray]:
        if not self._held:
            raise StopIteration
        batch = next(self._held[0])
        if self._copy:  # out of the memory shared with the workers, which is scarce and must be given back in time
            batch = {name: np.array(array) for name, array in batch.items()}
        return batch

    def __enter__(self) -> 'Batches':
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _close(held: list) -> None:
    held.pop().close()


class _Share:
    """Of every `count * block` items in a row the block at `index`."""

    def __init__(self, items, block: int, index: int, count: int):
        self._items, self._block, self._index, self._count = items, block, index, count

    def __len__(self) -> int:
        return len(self._items) // (self._block * self._count) * self._block

    def __getitem__(self, position: int) -> dict:
        row, place = divmod(position, self._block)
        return self._items[(row * self._count + self._index) * self._block + place]


class _Padded:
    """A split with black images of label -1 behind it, up to a multiple of `multiple`."""

    def __init__(self, split: Split, multiple: int):
        self._split = split
        self._length = -(-len(split) // multiple) * multiple

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict:
        if index < len(self._split):
            return self._split[index]
        return {'image': np.zeros((1, 1, self._split.info.channels), np.uint8), 'label': -1}


@dataclass(frozen=True)
class _RandomCrop:
    size: int
    scale: tuple[float, float]
    ratio: tuple[float, float]
    interpolation: str = 'bilinear'

    def __call__(self, example: dict, rng: np.random.Generator) -> dict:
        box = random_box(rng, *example['image'].shape[:2], self.scale, self.ratio)
        return _example(resize(example['image'], box, self.size, self.interpolation), example['label'])


@dataclass(frozen=True)
class _CentreCrop:
    size: int
    fraction: float
    interpolation: str = 'bilinear'

    def __call__(self, example: dict) -> dict:
        box = centre_box(*example['image'].shape[:2], self.fraction)
        return _example(resize(example['image'], box, self.size, self.interpolation), example['label'])


def _example(image: np.ndarray, label: int) -> dict:
    return {'image': image, 'label': np.int32(label)}


def random_box(
    rng: np.random.Generator,
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    attempts: int = 10,
) -> tuple[float, float, float, float]:
    """A random part of an image of height x width pixels, as (left, top, right, bottom) in whole pixels:
    area uniform in `scale` times the image's, width / height log-uniform in `ratio`. Where `attempts`
    draws do not fit into the image, the largest centred part whose ratio is allowed."""
    for _ in range(attempts):
        area = height * width * rng.uniform(*scale)
        aspect = np.exp(rng.uniform(*np.log(ratio)))
        w, h = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = rng.integers(width - w + 1), rng.integers(height - h + 1)
            return int(left), int(top), int(left + w), int(top + h)
    aspect = np.clip(width / height, *ratio)
    w, h = min(width, round(height * aspect)), min(height, round(width / aspect))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def centre_box(height: int, width: int, fraction: float) -> tuple[float, float, float, float]:
    """The centred square whose side is `fraction` of the shorter side, as (left, top, right, bottom) in pixels. To
    resize it is the same as to resize the image and crop its centre, without rounding in between."""
    side = min(height, width) * fraction
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def resize(
    image: np.ndarray, box: tuple[float, float, float, float], size: int, interpolation: str = 'bilinear'
) -> np.ndarray:
    """The part `box` of an image, uint8 (h, w, c), resized to uint8 (size, size, c), with antialiasing."""
    if box == (0, 0, size, size) == (0, 0, *image.shape[1::-1]):
        return image
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    resized = np.asarray(picture.resize((size, size), Image.Resampling[interpolation.upper()], box=box))
    return resized[:, :, None] if resized.ndim == 2 else resized
