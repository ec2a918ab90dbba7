"""The network as it is called where only its answers are wanted."""

from typing import Any

import jax


def network(module: Any, variables: dict, image_shape: tuple[int, int, int]) -> tuple[Any, dict]:
    """(module, variables) to call at inference on images of `image_shape` (h, w, c):
    `module.apply(variables, images, train=False)` gives logits."""
    return module, variables


def call(variables: dict, images: jax.Array, *, module: Any) -> jax.Array:
    """Logits (n, classes) of images (n, h, w, c)."""
    return module.apply(variables, images, train=False)
