"""Where batches come from: a data set that lives on the devices, or one that is streamed to them.

Both give the batch of any step from the step's number alone, so a resumed run sees what an undisturbed one would.
Batch sizes are over all devices; where these are of several processes, each gets its consecutive share of every batch.
"""

from collections.abc import Iterator

import jax
import numpy as np
from ml_collections import ConfigDict

from cnn_bench import data
from cnn_bench.errors import UserError
from cnn_bench.recipe import call
from cnn_bench.runtime import parallel

RESIDENT_BYTES = 2 << 30  # a set up to this size lives on the device unless the recipe says otherwise


class Resident:
    """A whole split on every device as uint8; a batch is the indices of its images."""

    def __init__(self, split: data.Split, devices: list[jax.Device]):
        images, labels = data.load_arrays(split)
        self.labels = labels
        self.devices, self.own = devices, parallel.own_share(devices)
        self.dataset = parallel.replicate((images, labels), devices)

    def __len__(self) -> int:
        return len(self.labels)

    @staticmethod
    def pick(dataset: tuple, indices: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images (n, h, w, c) uint8 and labels (n,) at `indices`; the label is -1 where the index is."""
        images, labels = dataset
        return images[indices], jax.numpy.where(indices < 0, -1, labels[indices])

    def train_batches(self, seed: int, batch_size: int, first: int, count: int) -> np.ndarray:
        """Indices (devices, count, n) of `count` steps from step `first` on; they must lie in one epoch.

        Each epoch is a permutation by (seed, epoch), of which the last partial batch is left out.
        """
        epoch, at = divmod(first, len(self) // batch_size)
        order = np.random.default_rng((seed, epoch)).permutation(len(self)).astype(np.int32)
        chosen = order[at * batch_size : (at + count) * batch_size].reshape(count, batch_size)
        return parallel.split(chosen, self.devices, axis=1)[self.own]

    def eval_batches(self, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Indices (devices, n) of every image once, in order, and their labels; both filled up with -1 at the end."""
        padded = np.full(-(-len(self) // batch_size) * batch_size, -1, np.int32)
        padded[: len(self)] = np.arange(len(self))
        for indices in padded.reshape(-1, batch_size):
            own = parallel.split(indices, self.devices)[self.own]
            yield own, np.where(own < 0, -1, self.labels[own]).reshape(-1)


class Streamed:
    """Batches decoded and cropped on the host by Grain."""

    dataset = ()

    def __init__(self, split: data.Split, devices: list[jax.Device], **arguments):
        self.split, self.devices = split, devices[parallel.own_share(devices)]
        self.processes = len(devices) // len(self.devices)
        self.arguments = {'shard': (jax.process_index(), self.processes), **arguments}  # those of data.stream
        self._stream: tuple[int, Iterator] | None = None

    def __len__(self) -> int:
        return len(self.split)

    @staticmethod
    def pick(dataset: tuple, batch: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """The batch's images (n, h, w, c) uint8 and labels (n,)."""
        return batch['image'], batch['label']

    def train_batches(self, seed: int, batch_size: int, first: int, count: int) -> dict[str, np.ndarray]:
        """{'image': (devices, count, n, h, w, c), 'label': (devices, count, n)} of `count` steps from `first` on."""
        at, stream = self._stream or (-1, None)
        if at != first:
            own = batch_size // self.processes
            stream = data.stream(self.split, own, seed=seed, train=True, start_step=first, **self.arguments)
        batches = [next(stream) for _ in range(count)]
        self._stream = (first + count, stream)
        return jax.tree.map(lambda *b: parallel.split(np.stack(b), self.devices, axis=1), *batches)

    def eval_batches(self, batch_size: int) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        """{'image': (devices, n, h, w, c), 'label': (devices, n)} of every image once, and labels, -1 for padding."""
        batches = data.stream(self.split, batch_size // self.processes, seed=0, train=False, **self.arguments)
        for batch in batches:
            yield jax.tree.map(lambda b: parallel.split(b, self.devices), batch), batch['label']


Feed = Resident | Streamed


def make_feed(
    config: ConfigDict, split: data.Split, devices: list[jax.Device], size: int, interpolation: str = 'bilinear'
) -> Feed:
    """The Feed of a split for a recipe, its images of `size` x `size` or as they are stored.

    Raises UserError where the recipe asks for a placement that the split can't have.
    """
    fields, shape = config.dataset, split.info.image_shape
    fits = shape is not None and len(split) * int(np.prod(shape)) <= RESIDENT_BYTES
    as_stored = shape is not None and size == shape[0]
    if fields.placement == 'device' and not as_stored:
        raise UserError(
            f'config.dataset.placement is device, but {split.info.name} holds images of '
            f'{"several sizes" if shape is None else f"{shape[0]}x{shape[1]}"}, not {size}x{size}'
        )
    if fields.placement == 'device' or (fields.placement == 'auto' and as_stored and fits):
        return Resident(split, devices)
    of_stream = {'size': size, 'workers': fields.workers, 'interpolation': interpolation}
    return call(Streamed, 'crop', config.crop.to_dict(), split, devices, **of_stream)


def image_shape(
    fields: ConfigDict, info: data.Info, expected: tuple[int, int, int] | None = None
) -> tuple[int, int, int]:
    """(h, w, c) of what the network gets.

    `expected` is what its first weights were made for: it decides the size where the recipe does not, and grey images
    are repeated in its channels. Raises UserError where the recipe must decide, or colours would be lost.
    """
    channels = expected[2] if expected else info.channels
    if channels != info.channels != 1:
        raise UserError(f'config.init_from: its weights take {channels} channels; {info.name} has {info.channels}')
    if fields.size:
        return (fields.size, fields.size, channels)
    height, width = (expected or info.image_shape or (0, 0))[:2]
    if not height:
        raise UserError(f'{info.name} holds images of several sizes; set config.dataset.size, e.g. 224')
    if height != width and (height, width) != (info.image_shape or ())[:2]:
        raise UserError(f'config.init_from: its weights take {height}x{width}; set config.dataset.size')
    return (height, width, channels)
