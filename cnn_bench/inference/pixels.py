"""Pictures found by gradients: pixels that minimise a loss on what a network makes of them.

Inversion, style transfer and dreams are such losses; this is what they share. Pixels are float32 (1, h, w, c), black is
0 and white is 1.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cnn_bench.data import preprocessing
from cnn_bench.errors import UserError

# (pixels, key, given) -> the loss, and its parts by name
Loss = Callable[[jax.Array, jax.Array, Any], tuple[jax.Array, dict[str, jax.Array]]]


@dataclass(frozen=True)
class Step:
    """What there is after a step."""

    number: int  # from 1
    pixels: jax.Array  # after the step
    parts: dict[str, jax.Array]  # 'loss', and its parts by name where they are known, before the step; on the device

    @property
    def image(self) -> np.ndarray:
        """The pixels as an image uint8 (h, w, c)."""
        return to_image(self.pixels)


@dataclass(frozen=True)
class Method:
    """How pixels are changed by a gradient."""

    optimizer: optax.GradientTransformationExtraArgs
    searches: bool = False  # along a line; its steps may leave the range from 0 to 1, to which others are clipped


def adam(learning_rate: float) -> Method:
    """Adam (Kingma & Ba 2014), clipped to 0 and 1."""
    return Method(optax.with_extra_args_support(optax.adam(learning_rate)))


def lbfgs() -> Method:
    """L-BFGS (Liu & Nocedal 1989) of ten pairs with a line search that keeps Wolfe's conditions."""
    return Method(optax.lbfgs(), searches=True)


def ascent(step_size: float) -> Method:
    """Plain steps along the gradient divided by its mean absolute value, clipped to 0 and 1: pixels move by
    `step_size` on average."""

    def update(gradient, state, pixels=None):
        size = jnp.maximum(jnp.abs(gradient).mean(), 1e-12)
        return -step_size * gradient / size, state

    return Method(optax.with_extra_args_support(optax.GradientTransformation(lambda _: optax.EmptyState(), update)))


def descend(
    loss: Loss, pixels: jax.Array, method: Method, steps: int, given: Any = (), key: jax.Array | None = None
) -> Iterator[Step]:
    """Yield `steps` steps that make `loss(pixels, key of the step, given)` smaller, each after it was taken.

    `given` are arrays that do not change, such as the network's variables: the compiler would make constants of those
    that a loss holds itself. The same `key` gives the same pixels.
    """
    check_steps(steps)
    key = jax.random.key(0) if key is None else key
    run = jax.jit(partial(_step, loss, method))
    pixels, state, given = _placed((pixels, method.optimizer.init(pixels), given))
    for number in range(1, steps + 1):
        pixels, state, parts = run(pixels, state, jax.random.fold_in(key, number), given)
        yield Step(number, pixels, parts)


def _placed(start: Any) -> Any:
    """The arrays as a step gives them, on the device and of no weak type: the second step is not compiled again."""
    device = jax.local_devices()[0]
    return jax.tree.map(lambda array: jax.device_put(jnp.asarray(array, array.dtype), device), start)


def check_steps(steps: int) -> None:
    """Raise UserError unless there is a step to take."""
    if steps < 1:
        raise UserError(f'steps is {steps}; it must be at least 1')


def _step(loss: Loss, method: Method, pixels: jax.Array, state: Any, key: jax.Array, given: Any) -> tuple:
    """New pixels, the new state of the optimiser, and the parts of the loss before, of which L-BFGS tells the sum."""

    def value(pixels):
        return loss(pixels, key, given)[0]

    if method.searches:  # whose search has the loss and gradient of the point where it ended
        total, gradient = optax.value_and_grad_from_state(value)(pixels, state=state)
        parts = {}
    else:
        (total, parts), gradient = jax.value_and_grad(loss, has_aux=True)(pixels, key, given)
    update, state = method.optimizer.update(gradient, state, pixels, value=total, grad=gradient, value_fn=value)
    pixels = optax.apply_updates(pixels, update)
    return pixels if method.searches else jnp.clip(pixels, 0, 1), state, {'loss': total, **parts}


def noise(seed: int, shape: tuple[int, int, int]) -> jax.Array:
    """Middle grey with little noise, of `shape` (h, w, c)."""
    return 0.5 + 0.1 * jax.random.normal(jax.random.key(seed), (1, *shape))


def from_image(image: np.ndarray) -> jax.Array:
    """The pixels of an image uint8 (h, w, c)."""
    return jnp.asarray(image, jnp.float32)[None] / 255


def to_image(pixels: jax.Array) -> np.ndarray:
    """Pixels as an image uint8 (h, w, c); what is darker than black or brighter than white is clipped."""
    return np.asarray(jnp.round(255 * jnp.clip(pixels[0], 0, 1)), np.uint8)


def distance(made: jax.Array, wanted: jax.Array) -> jax.Array:
    """|made - wanted|^2 / |wanted|^2, in float32."""
    made, wanted = made.astype(jnp.float32), wanted.astype(jnp.float32)
    return jnp.square(made - wanted).sum() / jnp.maximum(jnp.square(wanted).sum(), 1e-12)


def total_variation(pixels: jax.Array) -> jax.Array:
    """Mean squared difference of pixels (n, h, w, c) to their right and lower neighbours."""
    right, below = jnp.diff(pixels, axis=2), jnp.diff(pixels, axis=1)
    return (jnp.square(right).sum() + jnp.square(below).sum()) / pixels.size


def sized(image: np.ndarray, longer_side: int) -> np.ndarray:
    """An image uint8 (h, w, c) in its proportions, resized to that longer side in pixels."""
    height, width = image.shape[:2]
    size = tuple(max(1, round(longer_side * side / max(height, width))) for side in (height, width))
    return preprocessing.resize(image, (0, 0, width, height), size, 'lanczos')
