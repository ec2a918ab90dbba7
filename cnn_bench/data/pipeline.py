"""Batches of a split for training and evaluation, decoded, cropped and resized on the host in Grain's threads.

The batches are a function of (split, seed, size, step): they depend neither on where a run was interrupted nor on the
number of threads or worker processes. The shards of one global batch hold the same images, cropped alike, whatever
their count.

A thread prepares a whole batch, image by image: the file is read, decoded into memory that the thread uses again, and
resized to its place in the batch, so that nothing is copied. In memory are at most `_MAX_THREADS` + 2 batches, and in
each thread a file and a picture. Each worker process has as many threads and batches.
"""

import math
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cnn_bench.data import jpeg
from cnn_bench.data.described import CLASSIFICATION
from cnn_bench.data.fast_resize import resize_into
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.data.split import Split
from cnn_bench.errors import UserError

# An image uint8 (h, w, c) of any size -> what a network is shown of it: arrays uint8 (views, h', w', c)
Views = Callable[[np.ndarray], tuple[np.ndarray, ...]]
_MAX_THREADS = 8  # each prepares a batch of its own, so that they bound the memory too
_ENDLESS = 2**40  # batches for training
_ATTEMPTS = 10  # to place a random crop (Szegedy et al.'s code and torchvision)


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

    Random crops are resized by OpenCV, and decoded at a half, a quarter or an eighth of their size where that leaves as
    many pixels as the input has; `fast_resize` says by how much they differ from Pillow's. All else is decoded at full
    size and resized by Pillow, as in prediction.

    Args:
      split: what to read.
      batch_size: images per batch of this shard.
      seed: of the order and the random crops, 0 to 2**32 - 1.
      preprocessing: crops and resizes images; they are not normalised here.
      train: batches for training or for evaluation.
      random_crop: in training, crops each image at random instead of at its centre.
      views: in evaluation, gives several views of each image instead of its centre crop; 'image' is then a tuple of
        arrays uint8 (batch_size, views, h, w, c).
      padding: height and width of the black images that `views` is given; whole pictures of one batch have to be alike.
      start_step: begin with the batch that a stream from 0 yields at that step.
      workers: processes that prepare batches; 0 prepares them in threads of this process.
      shard: (index, count): this shard takes the part at `index` of every `count * batch_size` consecutive images, so
        that the shards' batches, one after another, are the batch of a stream that is not sharded.
    """
    import grain

    _check_has_labels(split)
    if train:
        order = _Shuffled(len(split), seed)
        crop = _Random(split, preprocessing, random_crop, seed) if random_crop else _Centre(split, preprocessing)
    else:
        order = range(len(split))
        crop = _Views(split, preprocessing, views, padding) if views else _Centre(split, preprocessing)
    batches = grain.MapDataset.source(_BatchByStep(order, crop, batch_size, shard))[start_step:]
    threads = min(_MAX_THREADS, _cores())
    batches = batches.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads + 1))
    if workers:
        from absl import flags

        if not flags.FLAGS.is_parsed():  # Grain's workers read flags of their own
            flags.FLAGS.mark_as_parsed()
        batches = batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers)).map(_copied)
        batches = grain.experimental.ThreadPrefetchIterDataset(batches, prefetch_buffer_size=1)  # copied meanwhile
    return Batches(iter(batches))


def _check_has_labels(split: Split) -> None:
    if split.info.task != CLASSIFICATION:
        raise UserError(
            f'{split.info.name} is for {split.info.task}: its images have to live on the devices, and to have the size '
            'that the network takes; prepare it with --shorter-side and leave config.dataset.size at 0'
        )


def _copied(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Out of the memory shared with the workers, which is scarce and must be given back in time."""
    return {name: np.array(array) for name, array in batch.items()}


class Batches(Iterator[dict[str, np.ndarray]]):
    """The iterator that `stream` returns.

    Its threads and processes end with `close()`, the end of a `with` block, its last reference, or the program.
    """

    def __init__(self, iterator):
        self._held = [iterator]
        # Grain's own clean-up fails, noisily, in an interpreter that is already being taken down.
        self.close = weakref.finalize(self, _close, self._held)

    def __next__(self) -> dict[str, np.ndarray]:
        if not self._held:
            raise StopIteration
        return next(self._held[0])

    def __enter__(self) -> 'Batches':
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _cores() -> int:
    """How many cores this process may use: a trial of a sweep has some of its own."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def _close(held: list) -> None:
    held.pop().close()


class _BatchByStep:
    """A shard's batch of each step: the images at its positions of the stream, as `crop` prepares them."""

    def __init__(self, order: '_Shuffled | range', crop: '_Centre | _Random', size: int, shard: tuple[int, int]):
        self._order, self._crop, self._size = order, crop, size
        self._index, self._count = shard

    def __len__(self) -> int:
        return min(_ENDLESS, -(-len(self._order) // (self._size * self._count)))

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        first = (step * self._count + self._index) * self._size
        positions = range(first, min(first + self._size, max(first, len(self._order))))
        labels = np.full(self._size, -1, np.int32)
        images = self._crop.images(labels, [self._order[position] for position in positions], first)
        return {'image': images, 'label': labels}


class _Shuffled:
    """The image at each position of an endless stream: every epoch is a permutation by (seed, epoch)."""

    def __init__(self, images: int, seed: int):
        self._images, self._seed = images, seed
        self._known: dict[int, np.ndarray] = {}  # the newest epochs' permutations

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, self._images)
        known = self._known
        if epoch not in known:  # replaced whole: other threads read it. Batches of two epochs may be in the making.
            order = np.random.default_rng((self._seed, epoch)).permutation(self._images).astype(np.int32)
            self._known = known = {**{e: o for e, o in known.items() if e == epoch - 1}, epoch: order}
        return int(known[epoch][place])


class _Centre:
    """Prepares images as evaluation and prediction do."""

    def __init__(self, split: Split, preprocessing: Preprocessing):
        self._split, self._preprocessing = split, preprocessing
        self._buffer = jpeg.Buffer()

    def images(self, labels: np.ndarray, indices: list[int], first: int) -> np.ndarray:
        """The images at `indices`, from position `first` of the stream on, (len(labels), h, w, c), black ones behind
        them. Their labels are put into `labels`."""
        images = np.empty((len(labels), *self._preprocessing.size, self._split.info.channels), np.uint8)
        images[len(indices) :] = 0
        for place, pixels in self._decoded(labels, indices):
            images[place] = self._preprocessing.crop(pixels)
        return images

    def _decoded(self, labels: np.ndarray, indices: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Each image's place and its pixels, which the next one overwrites."""
        for place, index in enumerate(indices):
            [record] = self._split.encoded([index])  # one at a time: as fast as many, and they need less memory
            labels[place] = record['label']
            yield place, self._split.decode(index, record['image'], self._buffer)


class _Views(_Centre):
    """Shows several views of each image."""

    def __init__(self, split: Split, preprocessing: Preprocessing, views: Views, padding: tuple[int, int]):
        super().__init__(split, preprocessing)
        self._views, self._padding = views, padding

    def images(self, labels: np.ndarray, indices: list[int], first: int) -> tuple[np.ndarray, ...]:
        """As of `_Centre`, a tuple of arrays (len(labels), views, h, w, c)."""
        black = np.zeros((*self._padding, self._split.info.channels), np.uint8)
        shown = [tuple(map(np.array, self._views(pixels))) for _, pixels in self._decoded(labels, indices)]
        shown += [self._views(black)] * (len(labels) - len(indices))
        return tuple(map(np.stack, zip(*shown, strict=True)))


class _Random(_Centre):
    """Prepares random-resized crops; an image's crop is a function of (seed, position in the stream)."""

    def __init__(self, split: Split, preprocessing: Preprocessing, crop: RandomCrop, seed: int):
        super().__init__(split, preprocessing)
        aspect = preprocessing.size[1] / preprocessing.size[0]
        self._scale, self._ratio = crop.scale, tuple(aspect * bound for bound in crop.ratio)
        self._seed = seed

    def images(self, labels: np.ndarray, indices: list[int], first: int) -> np.ndarray:
        """As of `_Centre`, cropped at random."""
        images = np.empty((len(labels), *self._preprocessing.size, self._split.info.channels), np.uint8)
        drawn = draws(self._seed, first, len(indices))
        for place, index in enumerate(indices):
            [record] = self._split.encoded([index])
            self._put(images[place], index, record['image'], drawn[place])
            labels[place] = record['label']
        return images

    def _put(self, out: np.ndarray, index: int, encoded: bytes, drawn: list[list[float]]) -> None:
        image, size = None, jpeg.size(encoded)
        if size:
            box = random_box(drawn, *size, self._scale, self._ratio)
            scale = jpeg.scale_for(box, out.shape[:2])
            image = jpeg.decode_part(encoded, out.shape[2], self._buffer, box[3], scale)
            box = tuple(round(side / scale) for side in box)
        if image is None:
            image = self._split.decode(index, encoded, self._buffer)
            box = random_box(drawn, *image.shape[:2], self._scale, self._ratio)
        resize_into(out, image, box, self._preprocessing.interpolation)


def draws(seed: int, first: int, count: int) -> list[list[list[float]]]:
    """(count, _ATTEMPTS, 4) numbers, uniform in 0..1, of the positions `first` to `first + count - 1` of a stream.

    Those of a position are the same whatever `first` and `count` are: the generator counts (Salmon et al. 2011).
    """
    blocks = 4 * _ATTEMPTS // 4  # of a position; Philox gives 4 numbers for each count
    generator = np.random.Generator(np.random.Philox(key=seed, counter=first * blocks))
    return generator.random((count, _ATTEMPTS, 4)).tolist()


def random_box(
    drawn: list[list[float]],
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[int, int, int, int]:
    """A random box in an image of height x width pixels, as (left, top, right, bottom) in whole pixels.

    Its area is uniform in `scale` times the image's, its width / height log-uniform in `ratio`. `drawn` has four
    numbers in 0..1 for each attempt; if none fits into the image, it is the largest centred box with an allowed ratio.
    """
    low, high = map(math.log, ratio)
    for of_area, of_aspect, x, y in drawn:
        area = height * width * (scale[0] + of_area * (scale[1] - scale[0]))
        aspect = math.exp(low + of_aspect * (high - low))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(x * (width - w + 1)), int(y * (height - h + 1))
            return left, top, left + w, top + h
    aspect = min(max(width / height, ratio[0]), ratio[1])
    w, h = min(width, round(height * aspect)), min(height, round(width / aspect))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h
