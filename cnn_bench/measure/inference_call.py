"""The network as it is called where only its answers are wanted."""

from typing import Any

import jax


def network(module: Any, variables: dict) -> tuple[Any, dict]:
    """(module, variables) to call at inference: `module.apply(variables, images, train=False)` gives logits."""
    return module, variables


def call(variables: dict, images: jax.Array, *, module: Any) -> jax.Array:
    """Logits (n, classes) of images (n, h, w, c)."""
    return module.apply(variables, images, train=False)
