"""Dreams: a picture changed so that a layer, a channel or a class answers more strongly.

Mordvintsev, Olah & Tyka 2015, Inceptionism: going deeper into neural networks (Google Research blog), with the code
that they published: gradient ascent on the mean square of a layer's output, in octaves. The picture is first shrunk;
what a small octave has put into it is enlarged and added to the picture at the size of the next. In every step the
picture is rolled by a random number of pixels, so that no place is favoured by where the strides fall, and the gradient
is divided by its mean absolute value, so that the size of a step does not depend on the layer.

Of one channel, as of a class (a channel of the logits), the mean is maximised instead: from noise, this shows what the
channel stands for (Simonyan, Vedaldi & Zisserman 2013, arXiv 1312.6034, section 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from cnn_bench.errors import UserError
from cnn_bench.inference import layers, pixels
from cnn_bench.inference.pixels import Step
from cnn_bench.trained import TrainedModel


@dataclass(frozen=True)
class Dream:
    """What answers more strongly, and how the picture is changed."""

    layer: str
    channel: int | None = None  # None: all of them
    steps: int = 10  # of each octave
    octaves: int = 4
    octave_scale: float = 1.4  # an octave's height and width against those of the one before
    step_size: float = 1.5 / 255  # how much pixels change in a step on average, where white is 1
    jitter: int = 32  # most pixels by which a step rolls the picture, down and across
    tv_weight: float = 0.0  # of the total variation, that the loss adds


def default_layer(model: TrainedModel, size: tuple[int, int]) -> str:
    """The last layer of the last stage but one (`layers.stages`)."""
    return layers.stages(layers.list_maps(model, size))[-2:][0][-1]


def octave_sizes(size: tuple[int, int], octaves: int, scale: float) -> list[tuple[int, int]]:
    """(h, w) of each octave, the smallest first; the last is `size`. Sides are rounded and at least 1."""
    return [tuple(max(1, round(side / scale**down)) for side in size) for down in reversed(range(octaves))]


def dream(model: TrainedModel, start: jax.Array, wanted: Dream, seed: int = 0) -> Iterator[Step]:
    """Yield the picture after each step, at the size of its octave, from the pixels `start` (1, h, w, c): those of an
    image (`pixels.from_image`) or noise (`pixels.noise`).

    Steps are numbered through all octaves; their parts are 'loss' and 'answer'. Raises UserError for what the network
    has not got, and for a smallest octave that is too small for it.
    """
    sizes = check(model, start.shape[1:3], wanted)
    key = jax.random.key(seed)
    method, loss = pixels.ascent(wanted.step_size), partial(_loss, model, wanted)
    added = jnp.zeros((1, *sizes[0], start.shape[3]))
    for number, size in enumerate(sizes):
        plain = _resized(start, size)
        begun = jnp.clip(plain + _resized(added, size), 0, 1)
        run = pixels.descend(loss, begun, method, wanted.steps, model.variables, jax.random.fold_in(key, number))
        for step in run:
            yield replace(step, number=number * wanted.steps + step.number)
        added = step.pixels - plain


def check(model: TrainedModel, size: tuple[int, int], wanted: Dream) -> list[tuple[int, int]]:
    """The octaves' sizes. Raises UserError for numbers out of range, an unknown layer or channel, and octaves of sizes
    that the network does not take."""
    pixels.check_steps(wanted.steps)
    if wanted.octaves < 1 or wanted.octave_scale <= 1 or wanted.jitter < 0:
        raise UserError('a dream takes at least 1 octave, an octave scale above 1, and a jitter of 0 or more')
    sizes = octave_sizes(size, wanted.octaves, wanted.octave_scale)
    known = layers.list_maps(model, sizes[0])
    if wanted.layer not in known and layers.is_of_head(wanted.layer):
        known = layers.list_layers(model)
    layers.check_known(model, wanted.layer, known)
    for size in (sizes[0], sizes[-1]):  # a head may take one of them only
        image = jax.ShapeDtypeStruct((1, *size, model.input_shape[2]), jnp.float32)
        answer = jax.eval_shape(partial(_answer, model, wanted.layer), model.variables, image)
    if wanted.channel is not None and not 0 <= wanted.channel < answer.shape[-1]:
        raise UserError(f'channel {wanted.channel} of {wanted.layer}; there are 0 to {answer.shape[-1] - 1}')
    return sizes


def _answer(model: TrainedModel, layer: str, variables: Any, x: jax.Array) -> jax.Array:
    return layers.output(model.module, variables, model.preprocess(255 * x), layer)


def _loss(
    model: TrainedModel, wanted: Dream, x: jax.Array, key: jax.Array, variables: Any
) -> tuple[jax.Array, dict[str, jax.Array]]:
    shift = jax.random.randint(key, (2,), -wanted.jitter, wanted.jitter + 1)
    answer = _answer(model, wanted.layer, variables, jnp.roll(x, shift, (1, 2))).astype(jnp.float32)
    goal = jnp.square(answer).mean() if wanted.channel is None else answer[..., wanted.channel].mean()
    return wanted.tv_weight * pixels.total_variation(x) - goal, {'answer': goal}


def _resized(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Pixels (1, h, w, c) at another size, smoothed where they shrink."""
    return x if x.shape[1:3] == size else jax.image.resize(x, (1, *size, x.shape[3]), 'cubic')
