"""Semantic segmentation: a class for every pixel, pixel-wise cross-entropy, intersection over union.

Pixels of VOID count nowhere. The mean IoU is that of the confusion matrix of all pixels of a split (Long et al. 2015;
PASCAL VOC), over the classes that the split or a prediction has; errors are 100 minus it, so that less is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from cnn_bench.data.augment import Augment, make_pair_augment
from cnn_bench.data.described import VOID
from cnn_bench.errors import UserError
from cnn_bench.recipe import call
from cnn_bench.tasks.task import Evaluated


@dataclass(frozen=True)
class Segmentation:
    """Targets are masks (n, h, w) with classes and VOID, outputs logits (n, h, w, classes)."""

    augment_pairs: Augment | None = None  # of an image and its mask; None: as they are
    label_smoothing: float = 0.0

    @classmethod
    def of_recipe(cls, config: ConfigDict, std: Sequence[float]) -> 'Segmentation':
        """The task of a recipe, for images whose colours were divided by `std`.

        Raises UserError for augmentation that is out of range or mixes images.
        """
        if any(config.mix[name] for name in ('mixup_alpha', 'cutmix_alpha')):
            raise UserError('config.mix mixes images that have one label each, not masks')
        augment = call(make_pair_augment, 'augment', config.augment.to_dict(), std=std)
        return cls(augment, config.label_smoothing)

    def for_evaluation(self) -> 'Segmentation':
        """The task without what is for training alone, so that runs with other augmentation share a program."""
        return Segmentation()

    def check_batch(self, images: int) -> None:
        """A device can take any number of images."""

    def augment(
        self, keys: jax.Array, batch_key: jax.Array, images: jax.Array, targets: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Images (n, h, w, c) and masks (n, h, w), each pair changed by its key."""
        return self.augment_pairs(keys, images, targets) if self.augment_pairs else (images, targets)

    def loss(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """The mean over images of the mean cross-entropy of their pixels, in nats.

        The mean of an image, not of the batch, so that it does not depend on how a batch is spread over devices.
        """
        return _per_image(_cross_entropy(outputs, targets, self.label_smoothing), targets).mean()

    def train_errors(self, outputs: jax.Array, targets: jax.Array) -> dict[str, jax.Array]:
        """The share of pixels whose class is missed."""
        return {'pixel': _per_image(jnp.argmax(outputs, -1) != targets, targets).mean()}

    def evaluated(self, outputs: jax.Array, targets: jax.Array) -> Evaluated:
        """Sums of loss and images and the confusion matrix (classes, classes), true classes in rows; that of each image
        is kept, (n, classes, classes)."""
        there = targets.max(axis=(1, 2)) >= 0
        classes = outputs.shape[-1]
        true, predicted = (
            jax.nn.one_hot(ids, classes, dtype=jnp.float32).reshape(len(ids), -1, classes)
            for ids in (targets, jnp.argmax(outputs, -1))
        )
        matrices = jnp.einsum('npt,npo->nto', true, predicted).astype(jnp.int32)  # void is in no row
        loss = _per_image(_cross_entropy(outputs, targets, 0.0), targets)
        finite = jnp.isfinite(outputs).all(axis=(1, 2, 3))
        sums = {
            'loss': jnp.where(there, loss, 0).sum(),
            'count': there.astype(jnp.float32).sum(),
            'bad': (there & ~finite).astype(jnp.float32).sum(),
            'confusion': jnp.where(there[:, None, None], matrices, 0).sum(axis=0),
        }
        return Evaluated(sums, matrices)

    def metrics(self, totals: dict[str, Any]) -> dict[str, float]:
        """`loss` (nats), `miou_err_pct` (100 minus the mean IoU), `pixel_err_pct` and `images`."""
        confusion = np.asarray(totals['confusion'], np.float64)
        return {
            'loss': float(totals['loss'] / totals['count']),
            'miou_err_pct': float(100 - 100 * np.nanmean(ious(confusion))),
            'pixel_err_pct': float(100 - 100 * np.trace(confusion) / max(1, confusion.sum())),
            'images': int(totals['count']),
        }

    def predictions(self, targets: np.ndarray, each: np.ndarray) -> dict[str, np.ndarray]:
        """The confusion matrix of each image, int32 (n, classes, classes): enough for any IoU and its bootstrap."""
        return {'confusion': each.astype(np.int32)}


def ious(confusion: np.ndarray) -> np.ndarray:
    """The intersection over union of each class, from 0 to 1, of a confusion matrix (..., classes, classes) with true
    classes in rows; NaN for a class that neither the truth nor a prediction has."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)
    union = confusion.sum(axis=-1) + confusion.sum(axis=-2) - hits
    return np.divide(hits, union, out=np.full(hits.shape, np.nan), where=union > 0)


def _cross_entropy(outputs: jax.Array, targets: jax.Array, smoothing: float) -> jax.Array:
    """(n, h, w), in nats; of void pixels any number."""
    wanted = optax.smooth_labels(jax.nn.one_hot(targets, outputs.shape[-1]), smoothing)
    return optax.softmax_cross_entropy(outputs, wanted)


def _per_image(values: jax.Array, targets: jax.Array) -> jax.Array:
    """The mean (n,) of `values` (n, h, w) over the pixels of each image that are not void; 0 where all are."""
    counts = (targets >= 0) & (targets != VOID)
    total = jnp.where(counts, values, 0).sum(axis=(1, 2))
    return total / jnp.maximum(1, counts.sum(axis=(1, 2)))
