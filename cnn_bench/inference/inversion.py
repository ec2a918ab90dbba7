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

from cnn_bench.inference import pixels
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
    pixels.check_steps(steps)
    inputs = model.preprocess(jnp.asarray(image)[None])
    target = jax.jit(partial(output, model.module, layer=layer))(model.variables, inputs)
    # From noise, as the paper.
    start, method = pixels.noise(seed, model.input_shape), pixels.adam(learning_rate)
    descent = pixels.descend(partial(_loss, model, layer, tv_weight), start, method, steps, (model.variables, target))
    distances = []
    for step in descent:
        distances.append(step.parts['distance'])
    return Inversion(step.image, np.array(jax.device_get(distances)))


def _loss(
    model: TrainedModel, layer: str, tv_weight: float, x: jax.Array, key: jax.Array, given: tuple[Any, jax.Array]
) -> tuple[jax.Array, dict[str, jax.Array]]:
    del key
    variables, target = given
    made = output(model.module, variables, model.preprocess(255 * x), layer)
    distance = pixels.distance(made, target)
    return distance + tv_weight * pixels.total_variation(x), {'distance': distance}
