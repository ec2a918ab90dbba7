"""What every task has."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

import jax
import numpy as np
from ml_collections import ConfigDict

Targets = Any  # arrays whose first axis counts images; a target that is negative throughout is that of padding
Outputs = Any  # of a network in training or evaluation, arrays whose first axis counts images


class Evaluated(NamedTuple):
    """What one device knows after a step of evaluation: sums over its images without padding, and what is kept of each
    image, (n, ...). Among the sums are `count`, of images, and `bad`, of those with an output that is not finite."""

    sums: dict[str, jax.Array]
    each: jax.Array


class Task(Protocol):
    """The methods that training and evaluation call. An instance is hashable: programs are compiled once for equal
    ones."""

    @classmethod
    def of_recipe(cls, config: ConfigDict, std: Sequence[float]) -> Self:
        """The task of a recipe, for images whose colours were divided by `std`.

        Raises UserError for fields that it can't use.
        """

    def for_evaluation(self) -> Self:
        """The task without what is for training alone, so that runs with other augmentation share a program."""

    def check_batch(self, images: int) -> None:
        """Raise UserError where a device can't take so many images of a batch."""

    def augment(
        self, keys: jax.Array, batch_key: jax.Array, images: jax.Array, targets: Targets
    ) -> tuple[jax.Array, Targets]:
        """Images (n, h, w, c) and targets of a training step, changed at random together: by a key (n,) each, and by
        one for the whole batch."""

    def loss(self, outputs: Outputs, targets: Targets) -> jax.Array:
        """The mean loss of these images, which is minimised."""

    def train_errors(self, outputs: Outputs, targets: Targets) -> dict[str, jax.Array]:
        """Shares of these images' targets that are missed, from 0 to 1: {'top1': ...} is logged as `top1_err_pct`."""

    def evaluated(self, outputs: Outputs, targets: Targets) -> Evaluated:
        """What an evaluation step knows of one device's images."""

    def metrics(self, totals: dict[str, Any]) -> dict[str, float]:
        """The metrics of a split, from the sums over all its images: `loss`, errors in per cent, and `images`."""

    def predictions(self, targets: np.ndarray, each: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays that a run keeps of what it predicted for a split, image by image."""
