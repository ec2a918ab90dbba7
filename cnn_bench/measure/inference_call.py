"""The network as it is called where only its answers are wanted."""

from typing import Any

import jax

from cnn_bench.trained.folding import fold


def network(module: Any, variables: dict, image_shape: tuple[int, int, int]) -> tuple[Any, dict]:
    """(module, variables) to call at inference on images of `image_shape` (h, w, c):
    `module.apply(variables, images, train=False)` gives logits. Batch norms are folded."""
    return fold(module, variables, image_shape)


def call(variables: dict, images: jax.Array, *, module: Any) -> jax.Array:
    """Logits (n, classes) of images (n, h, w, c)."""
    return module.apply(variables, images, train=False)
