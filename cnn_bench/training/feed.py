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
from cnn_bench.training import parallel
from cnn_bench.training.recipe import call

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
    config: ConfigDict, split_name: str, devices: list[jax.Device], data_dir: str | None, images: int = 0
) -> Feed:
    """The Feed of one split of a recipe's data set, of a sample of `images` unless that is 0.

    Raises UserError where the set can't be used as asked.
    """
    fields = config.dataset
    split = data.open_split(fields.name, split_name, data_dir)
    split = split.sample(images) if images else split
    shape = split.info.image_shape
    fits = shape is not None and len(split) * int(np.prod(shape)) <= RESIDENT_BYTES
    as_stored = shape is not None and fields.size in (0, shape[0])
    if fields.placement == 'device' and not as_stored:
        raise UserError(
            f'config.dataset.placement is device, but {fields.name} holds images of '
            f'{"several sizes" if shape is None else f"{shape[0]}x{shape[1]}"}; that takes size 0 and one size'
        )
    if fields.placement == 'device' or (fields.placement == 'auto' and as_stored and fits):
        return Resident(split, devices)
    size = fields.size or (shape[0] if shape else 0)
    if not size:
        raise UserError(f'{fields.name} holds images of several sizes; set config.dataset.size, e.g. 224')
    return call(Streamed, 'crop', config.crop.to_dict(), split, devices, size=size, workers=fields.workers)


def image_shape(fields: ConfigDict, info: data.Info) -> tuple[int, int, int]:
    """(h, w, c) of what the network gets."""
    if fields.size:
        return (fields.size, fields.size, info.channels)
    if info.image_shape is None:
        raise UserError(f'{info.name} holds images of several sizes; set config.dataset.size, e.g. 224')
    return tuple(info.image_shape)
