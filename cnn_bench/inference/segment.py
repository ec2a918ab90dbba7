"""A class for every pixel of picture files, a batch at a time, in the order of the arguments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnn_bench.data.picture_files import named_pictures
from cnn_bench.data.pictures import Refusal
from cnn_bench.inference.predict import padded, read
from cnn_bench.trained import TrainedModel


@dataclass(frozen=True)
class Segmented:
    """A picture as the network saw it, uint8 (h, w, c), and the class of each of its pixels, (h, w)."""

    path: str
    image: np.ndarray
    classes: np.ndarray

    def shares(self) -> list[tuple[int, float]]:
        """The classes that it has, each with its share of the pixels, largest first."""
        labels, counts = np.unique(self.classes, return_counts=True)
        order = np.argsort(-counts, kind='stable')
        return [(int(labels[place]), float(counts[place] / self.classes.size)) for place in order]


def segment(model: TrainedModel, names: Iterable[str | Path], batch_size: int = 8) -> Iterator[Segmented | Refusal]:
    """Yield a Segmented or a Refusal for each named picture and each picture in a named folder.

    Pictures are resized and cropped at the centre to the size of the network's training images. At most `batch_size`
    are in memory at a time.
    """
    items, model = named_pictures(names), model.folded()
    size, compiled = 0, partial(jax.jit(partial(_classes, model)), model.variables)
    while batch := list(islice(items, batch_size)):
        read_ones = [read(item, model) for item in batch]
        images = [image for image in read_ones if not isinstance(image, Refusal)]
        size = size or len(batch)
        found = iter(padded(compiled, images, size) if images else ())
        for item, image in zip(batch, read_ones, strict=True):
            yield image if isinstance(image, Refusal) else Segmented(str(item), image, next(found))


def _classes(model: TrainedModel, variables: Any, images: jax.Array) -> jax.Array:
    return jnp.argmax(model.logits(images, variables), axis=-1)
