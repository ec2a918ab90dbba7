"""Our own layers with given instead of learnt weights, for examples in which every number can be followed."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from cnn_bench.models import layers

# Right minus left: responds to vertical edges. Transposed, to horizontal ones.
VERTICAL = np.array([[-1.0, 0.0, 1.0]] * 3)
HORIZONTAL = VERTICAL.T
STEP = np.array([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]] * 6)  # an image (6, 6): dark on the left, bright on the right


def convolve(image: ArrayLike, filters: Sequence[ArrayLike], stride: int = 1, padding: int = 0) -> np.ndarray:
    """Convolve an image (h, w) or (h, w, c): feature maps (h', w', len(filters)), float32.

    Each filter is (k, k) or (k, k, c). As in every network here, filters are not flipped: each output is the sum of the
    products of the filter with the pixels below it.
    """
    image, kernel = _with_channels(image), jnp.stack([_with_channels(one) for one in filters], axis=-1)
    layer = layers.conv(kernel.shape[-1], kernel.shape[0], stride, padding, use_bias=False)
    return np.asarray(layer.apply({'params': {'kernel': kernel}}, image[None])[0])


def max_pool(maps: ArrayLike, window: int, stride: int | None = None) -> np.ndarray:
    """Maximum of maps (h, w) or (h, w, c) over windows; those that hang over the edge use the values inside the map."""
    pooled = layers.max_pool(_with_channels(maps)[None], window, stride, ceil=True)[0]
    return np.asarray(pooled).reshape(*pooled.shape[:2], *np.shape(maps)[2:])


def _with_channels(values: ArrayLike) -> jnp.ndarray:
    values = jnp.asarray(values, jnp.float32)
    return values if values.ndim == 3 else values[..., None]
