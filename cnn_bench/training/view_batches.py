"""Batches of several views of every image, each batch with pictures of one shape."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import jax
import numpy as np

from cnn_bench import data
from cnn_bench.data.shapes import image_sizes
from cnn_bench.training.batches import Streamed
from cnn_bench.training.protocol import Protocol


class ViewBatches:
    """The views of every image of a split, prepared on the host.

    Crops all have one size. Whole pictures are grouped by their size after resizing, so that nothing is padded: a group
    that is smaller than a batch is a batch of its own size. So a network is compiled once per size, for large groups,
    or size and count, for small ones.
    """

    def __init__(self, split: data.Split, devices: list[jax.Device], protocol: Protocol):
        self.split, self.devices, self.protocol = split, devices, protocol

    def __len__(self) -> int:
        return len(self.split)

    @cached_property
    def groups(self) -> list[tuple[np.ndarray, tuple[int, int]]]:
        """The places in the split of images whose views have the same sizes, and the size (h, w) of one of the images;
        largest groups first."""
        if self.protocol.crops:
            return [(np.arange(len(self)), (1, 1))]
        stored, kind = np.unique(image_sizes(self.split), axis=0, return_inverse=True)
        alike = defaultdict(list)
        for number, size in enumerate(stored.tolist()):
            alike[self.protocol.sizes(tuple(size))].append(number)
        groups = [(np.flatnonzero(np.isin(kind, ns)), tuple(stored[ns[0]].tolist())) for ns in alike.values()]
        return sorted(groups, key=lambda group: len(group[0]), reverse=True)

    @property
    def order(self) -> np.ndarray:
        """The place in the split of each image, in the order of the batches."""
        return np.concatenate([places for places, _ in self.groups])

    def steps(self, batch_size: int) -> int:
        """How many batches there are."""
        return sum(-(-len(places) // batch_size) for places, _ in self.groups)

    def eval_batches(self, batch_size: int) -> Iterator[tuple[dict, np.ndarray]]:
        """{'image': a tuple of arrays (devices, n, views, h, w, c), one per scale, 'label': (devices, n)} of every
        image once, and labels, -1 for padding."""
        for places, size in self.groups:
            own = self.split if len(places) == len(self) else self.split.at(places.tolist())
            views = {'preprocessing': self.protocol.preprocessing, 'views': self.protocol, 'padding': size}
            yield from Streamed(own, self.devices, **views).eval_batches(batch_size)
