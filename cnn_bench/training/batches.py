"""Batches for training and evaluation: from a data set that lives on the devices, or streamed to them.

Both compute the batch of a step from the step's number alone, so a resumed run sees the batches of an undisturbed one.
Batch sizes are totals over all devices; in a run of several processes each gets its consecutive share of every batch.
"""

from collections.abc import Iterator

import jax
import numpy as np

from cnn_bench import data
from cnn_bench.data.pipeline import RandomCrop
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError
from cnn_bench.runtime import parallel
from cnn_bench.trained import TrainedModel

RESIDENT_BYTES = 2 << 30  # by default a split up to this size lives on the devices


class Resident:
    """A whole split on every device as uint8, to train on; a batch is the indices of its images."""

    def __init__(self, split: data.Split, devices: list[jax.Device]):
        images, labels = data.load_arrays(split)
        self.count = len(labels)
        self.devices, self.own = devices, parallel.own_share(devices)
        self.dataset = parallel.replicate((images, labels), devices)

    def __len__(self) -> int:
        return self.count

    @staticmethod
    def pick(dataset: tuple, indices: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images (n, h, w, c) uint8 and labels (n,) at `indices`."""
        images, labels = dataset
        return images[indices], labels[indices]

    def train_batches(self, seed: int, batch_size: int, first: int, count: int) -> np.ndarray:
        """Indices (devices, count, n) of `count` steps from step `first` on, all in one epoch.

        Each epoch is a permutation by (seed, epoch); its last partial batch is left out.
        """
        epoch, at = divmod(first, len(self) // batch_size)
        order = np.random.default_rng((seed, epoch)).permutation(len(self)).astype(np.int32)
        chosen = order[at * batch_size : (at + count) * batch_size].reshape(count, batch_size)
        return parallel.split(chosen, self.devices, axis=1)[self.own]


class InMemory:
    """A whole split in the memory of the host, to evaluate on."""

    order = None  # of the images in the batches: that of the split

    def __init__(self, split: data.Split, devices: list[jax.Device]):
        self.images, self.labels = data.load_arrays(split)
        self.devices, self.own = devices, parallel.own_share(devices)

    def __len__(self) -> int:
        return len(self.labels)

    def steps(self, batch_size: int) -> int:
        """How many batches `eval_batches` gives."""
        return -(-len(self) // batch_size)

    def eval_batches(self, batch_size: int) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        """{'image': (devices, n, h, w, c), 'label': (devices, n)} of every image once, and labels, -1 for padding."""
        batch_size = used_batch_size(batch_size, len(self), len(self.devices))
        for start in range(0, len(self), batch_size):
            images, labels = self.images[start : start + batch_size], self.labels[start : start + batch_size]
            if missing := batch_size - len(labels):
                images = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0)))
                labels = np.pad(labels, ((0, missing), *[(0, 0)] * (labels.ndim - 1)), constant_values=-1)
            batch = {'image': images, 'label': labels}
            batch = jax.tree.map(lambda b: parallel.split(b, self.devices)[self.own], batch)
            yield batch, batch['label'].reshape(-1, *labels.shape[1:])


class Streamed:
    """Batches decoded and cropped on the host by Grain."""

    dataset = ()
    order = None  # of the images in the batches to evaluate on: that of the split

    def __init__(self, split: data.Split, devices: list[jax.Device], **stream):
        """`stream` holds the arguments of `data.stream` that do not change from batch to batch."""
        self.split, self.devices = split, devices[parallel.own_share(devices)]
        self.processes = len(devices) // len(self.devices)
        self.arguments = {'shard': (jax.process_index(), self.processes), **stream}
        self._stream: tuple[int, Iterator] | None = None

    def __len__(self) -> int:
        return len(self.split)

    def steps(self, batch_size: int) -> int:
        """How many batches `eval_batches` gives."""
        return -(-len(self) // batch_size)

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
        return jax.tree.map(lambda *b: parallel.split(_stacked(b), self.devices, axis=1), *batches)

    def eval_batches(self, batch_size: int) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        """{'image': (devices, n, h, w, c), 'label': (devices, n)} of every image once, and labels, -1 for padding."""
        batch_size = used_batch_size(batch_size, len(self), len(self.devices) * self.processes)
        batches = data.stream(self.split, batch_size // self.processes, seed=0, train=False, **self.arguments)
        for batch in batches:
            yield jax.tree.map(lambda b: parallel.split(b, self.devices), batch), batch['label']


def _stacked(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """The arrays along a new leading axis; a single one is not copied."""
    return np.stack(arrays) if len(arrays) > 1 else arrays[0][None]


def used_batch_size(batch_size: int, images: int, devices: int) -> int:
    """The batch size of an evaluation: no larger than a batch of all `images`, where the rest would be padding."""
    return min(batch_size, -(-images // devices) * devices)


def train_batches(
    split: data.Split,
    devices: list[jax.Device],
    preprocessing: Preprocessing,
    random_crop: RandomCrop,
    *,
    placement: str = 'auto',
    workers: int = 0,
) -> Resident | Streamed:
    """Batches of a split to train on, prepared for a network.

    Images that do not live on the devices are streamed by `workers` processes, with `random_crop` where they are
    resized. Raises UserError where `placement` is 'device' and the images have to be cropped or resized.
    """
    info = split.info
    as_stored = preprocessing.keeps(info.image_shape)
    if placement == 'device' and not as_stored:
        stored = 'several sizes' if info.image_shape is None else 'x'.join(map(str, info.image_shape[:2]))
        raise UserError(
            f'config.dataset.placement is device, but {info.name} holds images of {stored}, '
            f'not {"x".join(map(str, preprocessing.size))}'
        )
    if lives_on_devices(info, len(split), preprocessing, placement):
        return Resident(split, devices)
    random_crop = None if as_stored else random_crop
    return Streamed(split, devices, preprocessing=preprocessing, workers=workers, random_crop=random_crop)


def eval_batches(
    split: data.Split,
    devices: list[jax.Device],
    preprocessing: Preprocessing,
    *,
    placement: str = 'auto',
    workers: int = 0,
) -> InMemory | Streamed:
    """Batches of a split to evaluate on, prepared for a network.

    A split that would live on the devices in training lives in the memory of the host. Others are streamed.
    """
    if lives_on_devices(split.info, len(split), preprocessing, placement):
        return InMemory(split, devices)
    return Streamed(split, devices, preprocessing=preprocessing, workers=workers)


def lives_on_devices(info: data.Info, images: int, preprocessing: Preprocessing, placement: str) -> bool:
    """Whether a split of so many `images` lives on the devices.

    It does where the preprocessing leaves the images as they are stored, unless `placement` is 'host' or it is 'auto'
    and they take more than RESIDENT_BYTES.
    """
    if not preprocessing.keeps(info.image_shape) or placement == 'host':
        return False
    return placement == 'device' or images * int(np.prod(info.image_shape)) <= RESIDENT_BYTES


def batches_for(
    model: TrainedModel, dataset: str, split: str, devices: list[jax.Device], data_dir: str | None = None
) -> InMemory | Streamed:
    """The images of a split, prepared for a trained network. Raises UserError where colours would be lost."""
    check_channels(model, dataset, data_dir)
    return eval_batches(data.open_split(dataset, split, data_dir), devices, model.preprocessing)


def check_channels(model: TrainedModel, dataset: str, data_dir: str | None = None) -> None:
    """Raise UserError where colours of a data set would be lost."""
    info, channels = data.info(dataset, data_dir), model.input_shape[2]
    if info.channels not in (channels, 1):
        raise UserError(f'{model.arch} takes {channels} channels; {dataset} has {info.channels}')
