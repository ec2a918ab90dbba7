"""A convolution or dense layer, its normalisation and its activation: the one place where the three are applied.

In evaluation, batch normalisation is a factor and a summand per channel. Folded, the layer before it has them in its
kernel and its bias, and the network's variables have none of the normalisation; `cnn_bench.trained.folding` makes such
variables. The same module takes both kinds, so that a folded network is used as any other.
"""

from collections.abc import Callable
from functools import partial

import jax
from flax import linen as nn

from cnn_bench.models.batch_norm import BatchNorm
from cnn_bench.models.layers import identity

BATCH_NORMS = (BatchNorm, nn.BatchNorm)


def weights_norm_act(layer: Callable, norm: Callable, act: Callable, x: jax.Array) -> jax.Array:
    """act(norm(layer()(x))), for a `norm` that was made by the calling module.

    Where the normalisation is folded, or there is none, this is the layer with its bias, and the activation.
    """
    if is_folded(norm):
        layer, norm = partial(layer, use_bias=True), identity
    return act(norm(layer()(x)))


def is_folded(norm: Callable) -> bool:
    """Whether `norm` is a batch normalisation in evaluation without any variables."""
    if not isinstance(norm, BATCH_NORMS) or not norm.use_running_average:
        return False
    return not (norm.has_variable('batch_stats', 'mean') or norm.is_initializing())
