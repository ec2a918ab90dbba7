"""Classification: one label an image, softmax cross-entropy, top-1 and top-5 error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from cnn_bench.data.augment import Augment, Mix, make_augment, make_mix
from cnn_bench.errors import UserError
from cnn_bench.recipe import call
from cnn_bench.runs.predictions import packed
from cnn_bench.tasks.task import Evaluated


class Mixed(NamedTuple):
    """The targets of mixed images: their own labels (n,), those mixed in (n,), and the weight of their own (n,)."""

    labels: jax.Array
    others: jax.Array
    own_weight: jax.Array


@dataclass(frozen=True)
class Classification:
    """Targets are labels (n,), outputs logits (n, classes)."""

    augment_images: Augment | None = None  # None: as they are
    mix: Mix | None = None  # mixup or CutMix
    label_smoothing: float = 0.0

    @classmethod
    def of_recipe(cls, config: ConfigDict, std: Sequence[float]) -> 'Classification':
        """The task of a recipe, for images whose colours were divided by `std`.

        Raises UserError for augmentation that is out of range.
        """
        fields = config.augment.to_dict()
        if (zoom := tuple(fields.pop('zoom'))) != (1, 1):
            raise UserError(f'config.augment.zoom is {zoom}; it is for segmentation, config.crop for classification')
        augment = call(make_augment, 'augment', fields, std=std)
        return cls(augment, call(make_mix, 'mix', config.mix.to_dict()), config.label_smoothing)

    def for_evaluation(self) -> 'Classification':
        """The task without what is for training alone, so that runs with other augmentation share a program."""
        return Classification()

    def check_batch(self, images: int) -> None:
        """Raise UserError where a device can't take so many images of a batch."""
        if self.mix and images % 2:
            raise UserError(f'config.mix pairs images; the {images} of a batch that each device gets must be even')

    def augment(
        self, keys: jax.Array, batch_key: jax.Array, images: jax.Array, targets: jax.Array
    ) -> tuple[jax.Array, jax.Array | Mixed]:
        """Images (n, h, w, c) augmented one by one, then mixed with one another where the recipe says so."""
        images = self.augment_images(keys, images) if self.augment_images else images
        if not self.mix:
            return images, targets
        images, others, own_weight = self.mix(batch_key, images, targets)
        return images, Mixed(targets, others, jnp.broadcast_to(own_weight, targets.shape))

    def loss(self, outputs: jax.Array, targets: jax.Array | Mixed) -> jax.Array:
        """The mean cross-entropy, in nats. Targets of mixed images are weighted by `own_weight`."""

        def one_hot(labels: jax.Array) -> jax.Array:
            return jax.nn.one_hot(labels, outputs.shape[-1])

        if isinstance(targets, Mixed):
            weight = targets.own_weight[:, None]
            wanted = weight * one_hot(targets.labels) + (1 - weight) * one_hot(targets.others)
        else:
            wanted = one_hot(targets)
        return optax.softmax_cross_entropy(outputs, optax.smooth_labels(wanted, self.label_smoothing)).mean()

    def train_errors(self, outputs: jax.Array, targets: jax.Array | Mixed) -> dict[str, jax.Array]:
        """The top-1 error. Of mixed images, each one's own label counts."""
        labels = targets.labels if isinstance(targets, Mixed) else targets
        return {'top1': jnp.mean(jnp.argmax(outputs, -1) != labels)}

    def evaluated(self, outputs: jax.Array, targets: jax.Array) -> Evaluated:
        """Sums of loss, top-1 and top-5 hits and images, and log-probabilities (n, classes)."""
        log_probs = jax.nn.log_softmax(outputs.astype(jnp.float32))
        return Evaluated(prediction_sums(log_probs, targets, jnp.isfinite(outputs).all(axis=1)), log_probs)

    def metrics(self, totals: dict[str, Any]) -> dict[str, float]:
        """`loss` (nats), `top1_err_pct`, `top5_err_pct` and `images`."""
        count = totals['count']
        return {
            'loss': totals['loss'] / count,
            'top1_err_pct': 100 * (count - totals['top1']) / count,
            'top5_err_pct': 100 * (count - totals['top5']) / count,
            'images': int(count),
        }

    def predictions(self, targets: np.ndarray, each: np.ndarray) -> dict[str, np.ndarray]:
        """Labels and log-probabilities, as `runs.predictions` reads them."""
        return packed(targets, each)


def prediction_sums(log_probs: jax.Array, labels: jax.Array, finite: jax.Array) -> dict[str, jax.Array]:
    """Sums of loss (nats), top-1 and top-5 hits and images over this device's log-probabilities (n, classes).

    An image with a negative label is padding and is not counted. `finite` (n,) says whether all logits of an image are;
    `bad` counts the others, where ranks mean nothing.
    """
    counts = labels >= 0
    nll = -jnp.take_along_axis(log_probs, jnp.maximum(labels, 0)[:, None], axis=1)[:, 0]
    _, top = jax.lax.top_k(log_probs, min(5, log_probs.shape[-1]))
    hits = top == labels[:, None]
    per_image = {
        'loss': nll,
        'top1': hits[:, 0],
        'top5': hits.any(axis=1),
        'count': jnp.ones_like(counts),
        'bad': ~finite,
    }
    return {name: jnp.where(counts, value, 0).astype(jnp.float32).sum() for name, value in per_image.items()}
