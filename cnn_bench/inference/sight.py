"""What a network looks at: its first filters, its activations, and the pixels that a class depends on.

Images are uint8 (h, w, c) of the network's own size, as `TrainedModel.read` and `TrainedModel.fit` make them.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnn_bench.errors import UserError
from cnn_bench.inference.layers import check_layer, list_layers, output
from cnn_bench.trained import TrainedModel

OCCLUDED_AT_ONCE = 64


def activation_maps(model: TrainedModel, image: np.ndarray, layer: str) -> np.ndarray:
    """The output of `layer` for an image, (h, w, c) or (c,), float32."""
    model.check_image(image)
    check_layer(model, layer)
    inputs = model.preprocess(jnp.asarray(image)[None])
    made = jax.jit(partial(output, model.module, layer=layer))(model.variables, inputs)
    return np.asarray(made[0], np.float32)


def first_layer_filters(model: TrainedModel) -> np.ndarray:
    """The kernels (n, height, width, channels) of the first convolution, as the network applies them to its input."""
    params = model.variables['params']
    for path in list_layers(model):
        found: Any = params
        for name in path.split('/'):
            found = found.get(name, {}) if hasattr(found, 'get') else {}
        kernel = found.get('kernel') if hasattr(found, 'get') else None
        if kernel is not None and kernel.ndim == 4:
            return np.asarray(kernel, np.float32).transpose(3, 0, 1, 2)
    raise UserError(f'{model.arch} has no convolution')


def predicted(model: TrainedModel, image: np.ndarray) -> int:
    """The label of the most probable class."""
    return int(jnp.argmax(model.logits(jnp.asarray(image)[None])[0]))


def occlusion(
    model: TrainedModel, image: np.ndarray, patch: int, stride: int | None = None, label: int | None = None
) -> np.ndarray:
    """The probability (rows, cols) of class `label` with a square of the image covered, for each position.

    The square has `patch` pixels a side, lies wholly in the image and moves by `stride` pixels (default: half a patch).
    It is 0 after preprocessing, the mean colour for most networks. `label` is the predicted class unless given. Zeiler
    & Fergus 2014, Visualizing and understanding convolutional networks, section 4.2.
    """
    model.check_image(image)
    height, width, _ = model.input_shape
    stride = max(1, patch // 2) if stride is None else stride
    if not 1 <= patch <= min(height, width) or stride < 1:
        raise UserError(f'a patch of 1 to {min(height, width)} pixels and a stride above 0, not {patch} and {stride}')
    label = predicted(model, image) if label is None else _checked(model, label)
    tops, lefts = range(0, height - patch + 1, stride), range(0, width - patch + 1, stride)
    places = np.array([(top, left) for top in tops for left in lefts])
    inputs = model.preprocess(jnp.asarray(image)[None])[0]
    compiled = jax.jit(partial(_occluded, model, patch))
    found = np.empty(len(places), np.float32)
    size = min(OCCLUDED_AT_ONCE, len(places))
    for start in range(0, len(places), size):
        some = places[start : start + size]
        filled = np.concatenate([some, np.zeros((size - len(some), 2), some.dtype)])  # one shape, one compilation
        found[start : start + size] = compiled(model.variables, inputs, filled)[: len(some), label]
    return found.reshape(len(tops), len(lefts))


def gradient_saliency(model: TrainedModel, image: np.ndarray, label: int | None = None) -> np.ndarray:
    """How strongly the logit of class `label` depends on each pixel, (h, w) float32.

    This is the largest absolute derivative over channels, with respect to the preprocessed image. `label` is the
    predicted class unless given. Simonyan, Vedaldi & Zisserman 2013, Deep inside convolutional networks
    (arXiv 1312.6034), section 3.1.
    """
    model.check_image(image)
    label = predicted(model, image) if label is None else _checked(model, label)
    inputs = model.preprocess(jnp.asarray(image)[None])

    def score(inputs, variables):
        return model.module.apply(variables, inputs, train=False)[0, label]

    gradient = jax.jit(jax.grad(score))(inputs, model.variables)
    return np.asarray(jnp.abs(gradient[0]).max(-1), np.float32)


def _occluded(model: TrainedModel, patch: int, variables: Any, inputs: jax.Array, places: jax.Array) -> jax.Array:
    """Probabilities (n, classes) of an image (h, w, c) with a patch of zeros at each of `places` (n, 2)."""
    row, column = jnp.arange(inputs.shape[0]), jnp.arange(inputs.shape[1])

    def one(place):
        down = (row >= place[0]) & (row < place[0] + patch)
        across = (column >= place[1]) & (column < place[1] + patch)
        return jnp.where((down[:, None] & across)[:, :, None], 0, inputs)

    return jax.nn.softmax(model.module.apply(variables, jax.vmap(one)(places), train=False).astype(jnp.float32))


def _checked(model: TrainedModel, label: int) -> int:
    if not 0 <= label < len(model.class_names):
        raise UserError(f'class {label} of {model.arch}; there are 0 to {len(model.class_names) - 1}')
    return label
