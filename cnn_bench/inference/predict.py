"""Predictions for picture files, a batch at a time, in the order of the arguments."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnn_bench.data.picture_files import named_pictures
from cnn_bench.data.pictures import Refusal, Refused
from cnn_bench.errors import UserError
from cnn_bench.inference.unlike import remark
from cnn_bench.trained import TrainedModel


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of a picture and their probabilities, in falling order."""

    path: str
    labels: tuple[int, ...]
    probabilities: tuple[float, ...]
    unlike: str = ''  # what is unlike the training images in it


def predict(
    model: TrainedModel, names: Iterable[str | Path], top: int = 5, batch_size: int = 32
) -> Iterator[Prediction | Refusal]:
    """Yield a Prediction or a Refusal for each named picture and each picture in a named folder.

    At most `batch_size` pictures are in memory at a time. Raises UserError for a network that does not take pictures.
    """
    if model.input_shape[2] not in (1, 3):
        raise UserError(f'{model.arch} takes images of {model.input_shape[2]} channels; pictures have 1 or 3')
    items = named_pictures(names)
    model = model.folded()
    size, compiled = 0, partial(jax.jit(partial(_probabilities, model)), model.variables)
    while batch := list(islice(items, batch_size)):
        read_ones = [read(item, model) for item in batch]
        images = [image for image in read_ones if not isinstance(image, Refusal)]
        size = size or len(
            batch
        )  # the first batch is the largest; shorter ones are padded, so that one program is compiled
        rows = iter(padded(compiled, images, size) if images else ())
        for item, image in zip(batch, read_ones, strict=True):
            if isinstance(image, Refusal):
                yield image
            else:
                yield _best(str(item), next(rows), top, remark(image, model.preprocessing))


def probabilities(model: TrainedModel, images: jax.Array) -> jax.Array:
    """Class probabilities (n, classes) float32 of images (n, h, w, c) of the network's size, from 0 to 255."""
    return _probabilities(model, model.variables, images)


def _probabilities(model: TrainedModel, variables: Any, images: jax.Array) -> jax.Array:
    return jax.nn.softmax(model.logits(images, variables).astype(jnp.float32))


def read(item: str | Refusal, model: TrainedModel) -> np.ndarray | Refusal:
    """A picture of `named_pictures` as the network takes it, uint8 (h, w, c)."""
    if isinstance(item, Refusal):
        return item
    try:
        return model.read(item)
    except Refused as refused:
        return Refusal(item, str(refused))


def padded(compiled: Callable, images: list[np.ndarray], size: int) -> np.ndarray:
    """What `compiled` gives for `images` (h, w, c) in a batch of `size`, the rest of which is black."""
    batch = np.zeros((size, *images[0].shape), np.uint8)
    batch[: len(images)] = images
    return np.asarray(compiled(batch))[: len(images)]


def _best(path: str, row: np.ndarray, top: int, unlike: str) -> Prediction | Refusal:
    if not np.isfinite(row).all():
        return Refusal(path, 'has a logit that is not finite')
    order = np.argsort(-row, kind='stable')[:top]
    return Prediction(path, tuple(map(int, order)), tuple(float(row[label]) for label in order), unlike)
