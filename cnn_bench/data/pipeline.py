"""Batches of a split for training and evaluation, decoded, cropped and resized on the host by Grain.

The batches are a function of (split, seed, size, step): they depend neither on where a run was
interrupted nor on the number of threads or worker processes. The shards of one global batch hold the same
images whatever their count.
"""

import os
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_bench.data.preprocessing import Preprocessing, resize
from cnn_bench.data.split import Split

# An image uint8 (h, w, c) of any size -> what a network is shown of it: arrays uint8 (views, h', w', c)
Views = Callable[[np.ndarray], tuple[np.ndarray, ...]]
_MAX_THREADS = 8  # each prepares a batch of its own, so that they bound the memory too


@dataclass(frozen=True)
class RandomCrop:
    """Random-resized crops for training (Szegedy et al. 2015)."""

    scale: tuple[float, float] = (0.08, 1.0)  # least and greatest area, as a fraction of the image's
    ratio: tuple[float, float] = (3 / 4, 4 / 3)  # least and greatest width / height, for a square input


def stream(
    split: Split,
    batch_size: int,
    *,
    seed: int,
    preprocessing: Preprocessing,
    train: bool,
    random_crop: RandomCrop | None = None,
    views: Views | None = None,
    padding: tuple[int, int] = (1, 1),
    start_step: int = 0,
    workers: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> 'Batches':
    """Iterate over {'image': uint8 (batch_size, h, w, c), 'label': int32 (batch_size,)} at the network's input size.

    For training it never ends: each epoch is a permutation of its own, cut into batches without regard to the ends of
    epochs. For evaluation every image comes once, in order, and the last batches are filled up with black images of
    label -1, so that every shard has the same number of batches.

    Args:
      split: what to read.
      batch_size: images per batch of this shard.
      seed: of the order and the random crops, 0 to 2**32 - 1.
      preprocessing: crops and resizes images; they are not normalised here.
      train: batches for training or for evaluation.
      random_crop: in training, crops each image at random instead of at its centre.
      views: in evaluation, gives several views of each image instead of its centre crop; 'image' is then a tuple of
        arrays uint8 (batch_size, views, h, w, c).
      padding: height and width of the black images; whole pictures of one batch have to be alike.
      start_step: begin with the batch that a stream from 0 yields at that step.
      workers: processes that prepare batches; 0 prepares them in threads of this process.
      shard: (index, count): this shard takes the part at `index` of every `count * batch_size` consecutive images, so
        that the shards' batches, one after another, are the batch of a stream that is not sharded.
    """
    import grain

    index, count = shard
    if train:
        images = grain.MapDataset.source(split).seed(seed).shuffle()
        if random_crop:
            images = images.random_map(_Random(preprocessing, random_crop)).repeat()
        else:
            images = images.map(_Views(preprocessing.crop)).repeat()
    else:
        padded = _Padded(split, batch_size * count, padding)
        images = grain.MapDataset.source(padded).map(_Views(views or preprocessing.crop))
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
    """The iterator that `stream` returns.

    Its threads and processes end with `close()`, the end of a `with` block, its last reference, or the program.
    """

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
    """A split with black images of `size` (h, w) and label -1 behind it, up to a multiple of `multiple`."""

    def __init__(self, split: Split, multiple: int, size: tuple[int, int]):
        self._split, self._size = split, size
        self._length = -(-len(split) // multiple) * multiple

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict:
        if index < len(self._split):
            return self._split[index]
        return {'image': np.zeros((*self._size, self._split.info.channels), np.uint8), 'label': -1}


@dataclass(frozen=True)
class _Random:
    preprocessing: Preprocessing
    crop: RandomCrop

    def __call__(self, example: dict, rng: np.random.Generator) -> dict:
        image, size = example['image'], self.preprocessing.size
        aspect = size[1] / size[0]
        ratio = tuple(aspect * bound for bound in self.crop.ratio)
        box = random_box(rng, *image.shape[:2], self.crop.scale, ratio)
        return _example(resize(image, box, size, self.preprocessing.interpolation), example['label'])


@dataclass(frozen=True)
class _Views:
    views: Callable[[np.ndarray], Any]

    def __call__(self, example: dict) -> dict:
        return _example(self.views(example['image']), example['label'])


def _example(image: Any, label: int) -> dict:
    return {'image': image, 'label': np.int32(label)}


def random_box(
    rng: np.random.Generator,
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    attempts: int = 10,
) -> tuple[float, float, float, float]:
    """A random box in an image of height x width pixels, as (left, top, right, bottom) in whole pixels.

    Its area is uniform in `scale` times the image's, its width / height log-uniform in `ratio`. If none of
    `attempts` draws fits into the image, it is the largest centred box with an allowed ratio.
    """
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
