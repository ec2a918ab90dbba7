"""The lecture's formulas for activation functions, compared with our layers at points."""

from functools import partial

import jax.numpy as jnp
import numpy as np

from cnn_bench.lecture.claims.claim import EQUAL, Claim
from cnn_bench.models.layers import CHOICES

SLIDE = 'lecture, bonus slides: Activation Functions'
POINTS = np.linspace(-6, 6, 121, dtype=np.float32)

# As written on the slide; ELU with alpha = 1.
FORMULAS = {
    'sigmoid': ('1 / (1 + exp(-x))', lambda x: 1 / (1 + np.exp(-x))),
    'tanh': ('tanh(x)', np.tanh),
    'relu': ('max(0, x)', lambda x: np.maximum(0, x)),
    'leaky_relu': ('max(0.1 x, x)', lambda x: np.maximum(0.1 * x, x)),
    'elu': ('x where x >= 0, else alpha (exp(x) - 1)', lambda x: np.where(x >= 0, x, np.expm1(np.minimum(x, 0)))),
}


def claims() -> list[Claim]:
    """The claims about activation functions."""
    points = f'largest difference between our layer and the formula at {len(POINTS)} points from -6 to 6'
    formulas = [
        Claim(
            f'activation.{name}',
            f'{name.replace("_", " ")} is {text}',
            SLIDE,
            EQUAL,
            points,
            partial(_difference, name),
        )
        for name, (text, _) in FORMULAS.items()
    ]
    maxout = Claim(
        'activation.maxout',
        'maxout is max(w1 x + b1, w2 x + b2)',
        SLIDE,
        EQUAL,
        f'{points}, for two lines through a two-channel layer',
        _maxout_difference,
    )
    return [*formulas, maxout]


def _difference(name):
    _, formula = FORMULAS[name]
    return float(np.abs(np.asarray(CHOICES['act'][name](jnp.asarray(POINTS))) - formula(POINTS)).max())


def _maxout_difference():
    lines = np.stack([0.5 * POINTS + 1, -2 * POINTS - 0.25], axis=-1)
    return float(np.abs(np.asarray(CHOICES['act']['maxout'](jnp.asarray(lines)))[:, 0] - lines.max(-1)).max())
