"""An image reconstructed from a layer's output: it shows what the layer keeps of an image.

Mahendran & Vedaldi 2015, Understanding deep image representations by inverting them (arXiv 1412.0035):

    minimise over x   |f(x) - f(x0)|^2 / |f(x0)|^2  +  tv_weight * mean of ((x right - x)^2 + (x below - x)^2)

Where it departs from the paper: pixels are kept between 0 and 1 by clipping instead of by an alpha-norm; the total
variation has beta = 2 and is a mean over pixels, so that its weight does not depend on the image's size; Adam takes the
place of gradient descent with momentum.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cnn_bench.errors import UserError
from cnn_bench.inference.layers import check_layer, output
from cnn_bench.trained import TrainedModel


@dataclass(frozen=True)
class Inversion:
    """A reconstructed image and how close its features came."""

    image: np.ndarray  # uint8 (h, w, c)
    distances: np.ndarray  # (steps,): before each step, |f(x) - f(x0)|^2 / |f(x0)|^2


def invert(
    model: TrainedModel,
    image: np.ndarray,
    layer: str,
    steps: int = 200,
    tv_weight: float = 0.1,
    learning_rate: float = 0.05,
    seed: int = 0,
) -> Inversion:
    """An image with nearly the same output of `layer` as `image` (h, w, c), found from noise in `steps` steps.

    `learning_rate` is Adam's, where black is 0 and white is 1. The same seed gives the same image.
    """
    model.check_image(image)
    check_layer(model, layer)
    if steps < 1:
        raise UserError(f'steps is {steps}; it must be at least 1')
    optimizer = optax.adam(learning_rate)
    inputs = model.preprocess(jnp.asarray(image)[None])
    target = jax.jit(partial(output, model.module, layer=layer))(model.variables, inputs)
    # Middle grey with little noise; the paper starts from noise too.
    pixels = 0.5 + 0.1 * jax.random.normal(jax.random.key(seed), (1, *model.input_shape))
    step = jax.jit(partial(_step, model, layer, optimizer, tv_weight))
    state, distances = optimizer.init(pixels), []
    for _ in range(steps):
        pixels, state, distance = step(model.variables, target, pixels, state)
        distances.append(distance)
    return Inversion(np.asarray(jnp.round(255 * pixels[0]), np.uint8), np.array(jax.device_get(distances)))


def total_variation(pixels: jax.Array) -> jax.Array:
    """Mean squared difference of pixels (n, h, w, c) to their right and lower neighbours."""
    right, below = jnp.diff(pixels, axis=2), jnp.diff(pixels, axis=1)
    return (jnp.square(right).sum() + jnp.square(below).sum()) / pixels.size


def _step(
    model: TrainedModel,
    layer: str,
    optimizer: optax.GradientTransformation,
    tv_weight: float,
    variables: Any,
    target: jax.Array,
    pixels: jax.Array,
    state: Any,
) -> tuple[jax.Array, Any, jax.Array]:
    def loss(pixels):
        made = output(model.module, variables, model.preprocess(255 * pixels), layer)
        distance = jnp.square(made - target).sum() / jnp.maximum(jnp.square(target).sum(), 1e-12)
        return distance + tv_weight * total_variation(pixels), distance

    (_, distance), gradient = jax.value_and_grad(loss, has_aux=True)(pixels)
    update, state = optimizer.update(gradient, state)
    return jnp.clip(optax.apply_updates(pixels, update), 0, 1), state, distance
