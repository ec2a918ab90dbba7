"""NFNet. Brock, De, Smith, Simonyan: High-performance large-scale image recognition without normalization, 2021.

`nfnet_f0` as the authors released it (timm's `dm_nfnet_f0`): four 3x3 convolutions; pre-activation blocks of a 1x1 to
half the channels, two grouped 3x3, of 128 channels a group, a 1x1, and a squeeze-and-excitation gate times 2, which has
half the channels inside; each block adds to its input the result times `alpha` and a learned scalar that starts at 0,
and its input is scaled to a variance of 1 as signal propagation predicts it. All convolutions are standardised
(`layers.StandardisedConv`) and have a bias, strided ones pad as TensorFlow does, and every activation is scaled so that
it keeps the variance of normal input. A shortcut is a mean over 2x2 pixels where the block halves the map, and a 1x1.

Dropout 0.2 and stochastic depth growing towards 0.25 are the paper's. It was trained on images of 192x192 and tested on
256x256, the size of the registry's line. Departures: the epsilon of the standardisation, see there; kernels of He's
distribution, whose scale does not matter; and the factor of an activation is computed, where the authors estimated it
from samples (1.7015 for GELU, 1.7009 here), unless `act_gain` states it. At smaller `width` the number of groups
stays. There is no normalisation; `norm` puts one behind each convolution.

Stages are numbered as in ResNet. `stem='small'` (ours): a stem of stride 1, so that 28x28 images give 28, 14, 7 and 4.
"""

from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, SqueezeExcite, Stage, StochasticDepth, require
from cnn_bench.models.layers import StandardisedConv, avg_pool, exact_gelu, identity, no_norm
from cnn_bench.models.layers import conv as plain_conv

GROUP_WIDTH = 128
STEM = ((8, 2), (4, 1), (2, 1), (1, 2))  # what of the last convolution's channels each has, and its stride


@lru_cache
def gain_of(act: Callable) -> float:
    """1 / the standard deviation of act(z), z from a standard normal distribution (section 2 of the paper)."""
    z = np.linspace(-10, 10, 20_001)
    density = np.exp(-np.square(z) / 2)
    with jax.ensure_compile_time_eval():
        values = np.asarray(act(jnp.asarray(z, jnp.float32)), np.float64)
    mean = np.average(values, weights=density)
    return float(1 / np.sqrt(np.average(np.square(values - mean), weights=density)))


def scaled_act(act: Callable, gain: float, x: jax.Array) -> jax.Array:
    """gain act(x)."""
    return gain * act(x)


class NFBlock(nn.Module):
    """x (n, h, w, c), or its projection, plus alpha times a learned scalar times the gated convolutions of act(x) beta.

    The 3x3 convolutions have `groups`, and their channels are rounded down to a multiple of them.
    """

    features: int
    stride: int
    beta: float  # 1 / the standard deviation that x has by the rule of signal propagation
    alpha: float
    groups: int
    drop_path: float
    train: bool
    conv_norm: Callable
    act: Callable  # keeps the variance
    gate: Callable  # `SqueezeExcite`: `gate(reduced, name='se')(x)`

    @nn.compact
    def __call__(self, x):
        inner = self.groups * max(1, self.features // 2 // self.groups)
        wide = partial(self.conv_norm, inner, 3, padding='same', groups=self.groups)
        y = self.act(x) * self.beta
        shortcut = self._shortcut(x, y)
        y = self.act(self.conv_norm(inner, 1, name='conv1')(y))
        y = self.act(wide(stride=self.stride, name='conv2')(y))
        y = self.act(wide(name='conv3')(y))
        y = self.conv_norm(self.features, 1, name='conv4')(y)
        y = 2 * self.gate(max(1, self.features // 2), name='se')(y)
        y = StochasticDepth(self.drop_path, name='drop_path')(y, self.train)
        gain = self.param('gain', nn.initializers.zeros, ())
        return shortcut + y * (self.alpha * gain).astype(y.dtype)

    def _shortcut(self, x: jax.Array, activated: jax.Array) -> jax.Array:
        if self.stride == 1 and x.shape[-1] == self.features:
            return x
        pooled = activated if self.stride == 1 else avg_pool(activated, 2, ceil=True)
        return self.conv_norm(self.features, 1, name='shortcut')(pooled)


class NFNet(Classifier):
    """A stem, stages of `depths` blocks and a 1x1 convolution to twice the channels."""

    maps: tuple = (256, 512, 1536, 1536)
    depths: tuple = (1, 2, 6, 3)
    conv: Callable = StandardisedConv
    norm: Callable = no_norm
    act: Callable = exact_gelu
    dropout: float = 0.2
    alpha: float = 0.2
    drop_path: float = 0.25
    act_gain: float | None = None  # factor of every activation; None: `gain_of` it

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')
        require(self, 'drop_path', 0 <= self.drop_path < 1, 'from 0 to below 1')

    @nn.compact
    def features(self, x, train=False):
        conv_norm, act = partial(self.conv_norm_act(train), act=identity), self._scaled_act
        stem = self.scaled(self.maps[0]) // 2
        for number, (share, stride) in enumerate(STEM, 1):
            x = x if number == 1 else act(x)
            x = conv_norm(max(1, stem // share), 3, 1 if self.small else stride, 'same', name=f'stem{number}')(x)
        done = 0
        for stage, depth in enumerate(self.depths, 2):
            blocks = tuple(self._block(train, conv_norm, stage, done + number, number) for number in range(depth))
            x = Stage(blocks, name=f'stage{stage}')(x)
            done += depth
        return act(conv_norm(2 * self.scaled(self.maps[-1]), 1, name='last')(x))

    @property
    def _scaled_act(self) -> Callable:
        return partial(scaled_act, self.act, gain_of(self.act) if self.act_gain is None else self.act_gain)

    @nn.nowrap
    def _block(self, train: bool, conv_norm: Callable, stage: int, index: int, number: int) -> Callable:
        """Block `number` of its stage, from 0, and `index` of all."""
        point = partial(plain_conv, dtype=self.dtype, kernel_init=self.kernel_init)
        before = self.depths[stage - 3] if number == 0 and stage > 2 else number  # blocks that added to the variance
        return partial(
            NFBlock,
            self.scaled(self.maps[stage - 2]),
            stride=2 if number == 0 and stage > 2 else 1,
            beta=(1 + before * self.alpha**2) ** -0.5,
            alpha=self.alpha,
            groups=max(1, self.maps[stage - 2] // 2 // GROUP_WIDTH),
            drop_path=self.drop_path * index / sum(self.depths),
            train=train,
            conv_norm=conv_norm,
            act=self._scaled_act,
            gate=partial(SqueezeExcite, conv=point),
        )


NFNetF0 = NFNet
