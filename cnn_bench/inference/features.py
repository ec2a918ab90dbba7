"""Features of a data set: a layer's output for every image of a split, on all devices, a batch at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from cnn_bench.data.progress import Track, untracked
from cnn_bench.errors import UserError, unknown
from cnn_bench.inference import layers
from cnn_bench.runtime import parallel
from cnn_bench.trained import TrainedModel
from cnn_bench.training.batches import InMemory, Streamed, batches_for


@dataclass(frozen=True)
class Extraction:
    """Features that are computed while iterating, once, in the order of the split: (n, *shape) float32, labels (n,)."""

    count: int  # images
    shape: tuple[int, ...]  # of one image's features
    about: dict[str, Any]  # arch, source, dataset, split, layer, pool, dtype
    batches: Iterator[tuple[np.ndarray, np.ndarray]]

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return self.batches

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All features (count, *shape) float32 and labels (count,) int32 in memory."""
        features, labels = np.empty((self.count, *self.shape), np.float32), np.empty(self.count, np.int32)
        at = 0
        for some, own in self.batches:
            features[at : at + len(own)], labels[at : at + len(own)] = some, own
            at += len(own)
        return features, labels


def extract(
    model: TrainedModel,
    dataset: str,
    split: str = 'test',
    layer: str = layers.FEATURES,
    pool: str = 'none',
    batch_size: int = 64,
    data_dir: str | None = None,
    track: Track = untracked,
) -> Extraction:
    """The output of `layer` for a split of a prepared data set.

    Images are prepared as in an evaluation of the model, which is folded (`trained.folding`), but not where `layer`
    would change.
    `batch_size` is over all devices, rounded up to a multiple of their number. `track` reports progress. Raises
    UserError for an unknown layer, set or split, and for images the network can't take.
    """
    if pool not in layers.POOLS:
        raise unknown('pool', pool, layers.POOLS)
    if batch_size < 1:
        raise UserError(f'the batch size is {batch_size}; it must be at least 1')
    shape = layers.check_layer(model, layer)
    devices = parallel.local_devices(0)
    images = batches_for(model, dataset, split, devices, data_dir)
    model = model.folded(keep=layer)
    step = partial(feature_step, module=model.module, preprocess=model.preprocess, layer=layer, pool=pool)
    compiled = parallel.over_devices(step, devices, 'jit')
    variables = parallel.replicate(model.variables, devices)
    batch_size = -(-batch_size // len(devices)) * len(devices)
    about = {'arch': model.arch, 'source': str(model.origin), 'dataset': dataset, 'split': split}
    return Extraction(
        count=len(images),
        shape=shape[-1:] if pool == 'mean' and len(shape) == 3 else tuple(shape),
        about={**about, 'layer': layer, 'pool': pool, 'dtype': model.dtype},
        batches=_batches(compiled, variables, images, batch_size, partial(track, description=f'{layer} of {split}')),
    )


def _batches(
    compiled: Callable, variables: Any, images: InMemory | Streamed, batch_size: int, track: Callable
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for batch, labels in track(images.eval_batches(batch_size), total=-(-len(images) // batch_size)):
        _, own = compiled(variables, (), batch)
        rows = np.asarray(own).reshape(-1, *own.shape[2:])
        yield rows[labels >= 0], labels[labels >= 0].astype(np.int32)  # -1 is padding


def feature_step(
    variables: Any, shared: tuple, batch: dict[str, jax.Array], *, module: nn.Module, preprocess, layer: str, pool: str
) -> tuple[tuple, jax.Array]:
    """An empty tuple for what is the same on all devices, and the features (n, ...) of this device's images."""
    images = preprocess(batch['image'])
    return (), layers.pooled(layers.output(module, variables, images, layer), pool)
