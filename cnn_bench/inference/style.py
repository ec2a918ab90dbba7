"""Style transfer: a picture with the content of one and the style of another.

Gatys, Ecker & Bethge 2016, Image style transfer using convolutional neural networks (CVPR), find by L-BFGS the pixels
that minimise

    content_weight * |F - P|^2  +  style_weight * mean over layers of |G - A|^2  +  tv_weight * total variation

F and P are the outputs of a content layer for the pixels and for the content picture. G and A are the Gram matrices of
a style layer for the pixels and for the style picture: the products of its channels, averaged over positions, so that
the pictures may differ in size.

Where it departs from the paper: every squared distance is divided by the squared norm of what it is the distance to.
The paper's network, VGG-19, was rescaled so that each channel's mean output is 1; divided, the same weights suit any
network. Total variation is not in the paper; it takes away the noise that strided convolutions leave.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnn_bench.errors import UserError, unknown
from cnn_bench.inference import layers, pixels
from cnn_bench.inference.pixels import Step
from cnn_bench.trained import TrainedModel

METHODS = ('lbfgs', 'adam')
STARTS = ('content', 'noise')
LEARNING_RATE = 0.02  # of Adam, where white is 1
PARTS_EVERY = 10  # steps of L-BFGS, between two looks at the parts of the loss


@dataclass(frozen=True)
class Plan:
    """Which layers give content and style, and how much the parts of the loss count."""

    content_layer: str
    style_layers: tuple[str, ...]
    content_weight: float = 1.0
    style_weight: float = 300.0
    tv_weight: float = 30.0


def plan_for(
    model: TrainedModel,
    size: tuple[int, int],
    content_layer: str | None = None,
    style_layers: tuple[str, ...] = (),
    **weights: float,
) -> Plan:
    """The plan for pictures of `size` (h, w) or larger, with the weights that are given.

    By default the style is that of the first and the last layer of all stages (`layers.stages`) but the last stage,
    whose few positions hold objects rather than strokes, and the content is that of the last layer of the second stage.
    Raises UserError for a layer that the network has not got before its head, and for pictures that are too small.
    """
    maps = layers.list_maps(model, size)
    stages = layers.stages(maps)
    ends = (layer for stage in stages[: max(2, len(stages) - 1)] for layer in (stage[0], stage[-1]))
    of_style = tuple(style_layers) or tuple(dict.fromkeys(ends))  # each once
    chosen = content_layer or stages[min(1, len(stages) - 1)][-1], of_style
    for layer in (chosen[0], *chosen[1]):
        if layers.is_of_head(layer):
            raise UserError(f'{layer} is in the head of {model.arch}; content and style come from layers before it')
        layers.check_known(model, layer, maps)
    return Plan(*chosen, **weights)


def stylize(
    model: TrainedModel,
    content: np.ndarray,
    style: np.ndarray,
    plan: Plan,
    steps: int = 200,
    method: str = 'lbfgs',
    learning_rate: float = LEARNING_RATE,
    start: str = 'content',
    seed: int = 0,
) -> Iterator[Step]:
    """Yield the picture after each step; `content` and `style` are images uint8 (h, w, c), c that of the network.

    The parts of a step are 'loss', and 'content', 'style' and 'tv' without their weights, of which L-BFGS tells every
    tenth step and the last. `learning_rate` is Adam's. The same `seed` gives the same picture from noise. Raises
    UserError for unknown names and for a picture that is too small.
    """
    pixels.check_steps(steps)
    if method not in METHODS:
        raise unknown('method', method, METHODS)
    if start not in STARTS:
        raise unknown('start', start, STARTS)
    for picture in (content, style):
        layers.list_maps(model, picture.shape[:2])
    x = pixels.from_image(content) if start == 'content' else pixels.noise(seed, content.shape)
    chosen = pixels.lbfgs() if method == 'lbfgs' else pixels.adam(learning_rate)
    given, of = targets(model, plan, content, style), partial(loss, model, plan)
    parts = jax.jit(lambda x, given: of(x, None, given))
    for step in pixels.descend(of, x, chosen, steps, given):
        if step.number == 1 or step.number % PARTS_EVERY == 0 or step.number == steps:
            total, known = parts(step.pixels, given)
            step = replace(step, parts={'loss': total, **known})
        yield step


def loss(
    model: TrainedModel, plan: Plan, x: jax.Array, key: jax.Array | None, given: tuple
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The loss of pixels `x`, and its parts without their weights; `given` is what `targets` gives."""
    del key
    variables, content, grams = given
    made = _outputs(model, plan, variables, x)
    of_style = [pixels.distance(gram(made[layer]), grams[layer]) for layer in plan.style_layers]
    parts = {
        'content': pixels.distance(made[plan.content_layer], content),
        'style': jnp.mean(jnp.stack(of_style)),
        'tv': pixels.total_variation(x),
    }
    weights = {'content': plan.content_weight, 'style': plan.style_weight, 'tv': plan.tv_weight}
    return sum(weights[name] * part for name, part in parts.items()), parts


def targets(model: TrainedModel, plan: Plan, content: np.ndarray, style: np.ndarray) -> tuple:
    """The network's variables, the output of the content layer for the image `content`, and the Gram matrix of each
    style layer for the image `style`."""
    run = jax.jit(partial(_outputs, model, plan))
    wanted = run(model.variables, pixels.from_image(content))[plan.content_layer]
    of_style = run(model.variables, pixels.from_image(style))
    return model.variables, wanted, {layer: gram(of_style[layer]) for layer in plan.style_layers}


def gram(made: jax.Array) -> jax.Array:
    """The products of the channels of a layer's output (n, h, w, c), averaged over positions: (n, c, c) float32."""
    rows = made.reshape(made.shape[0], -1, made.shape[-1]).astype(jnp.float32)
    return jnp.einsum('npc,npd->ncd', rows, rows) / rows.shape[1]


def _outputs(model: TrainedModel, plan: Plan, variables: Any, x: jax.Array) -> dict[str, jax.Array]:
    wanted = dict.fromkeys((plan.content_layer, *plan.style_layers))
    return layers.outputs(model.module, variables, model.preprocess(255 * x), wanted)
