"""Dual path networks. Chen, Li, Xiao, Jin, Yan, Feng: Dual path networks, 2017.

A feature map has two paths. A block's output is added to the first, as in a ResNet, and appended to the second, as in a
DenseNet: `maps` channels of it to the one, `growths` to the other. Both paths together are the input of the next block,
which is a 1x1, a 3x3 in 32 groups and a 1x1 convolution, each behind a normalisation and an activation. The first block
of a stage begins both paths anew, with a 1x1 convolution.

`dpn68` is as in the authors' release and timm: a 3x3 convolution with 10 channels in the stem, epsilon 0.001. No known
departures.

`stem='small'` (ours): the first convolution has stride 1 and no pooling follows. At a smaller `width` the 3x3 has still
32 groups, with fewer channels each.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import identity, no_norm


class DualPathBlock(nn.Module):
    """x (n, h, w, c) to `features` channels of the residual path, followed by those of the dense path.

    With `begins`, the dense path has three times `growth` channels behind the block, else `growth` more than before it.
    """

    features: int
    growth: int
    inner: int
    groups: int
    begins: bool
    stride: int
    conv_norm_act: Callable
    conv_only: Callable  # `conv_norm_act` without normalisation and activation
    normalise: Callable
    act: Callable

    @nn.compact
    def __call__(self, x):
        y = self.act(self.normalise(name='norm')(x))
        if self.begins:
            channels = self.features + 2 * self.growth
            x = self.act(self.normalise(name='shortcut_norm')(x))
            x = self.conv_only(channels, 1, self.stride, name='shortcut')(x)
        y = self.conv_norm_act(self.inner, 1, name='conv1')(y)
        y = self.conv_norm_act(self.inner, 3, self.stride, groups=self.groups, name='conv2')(y)
        y = self.conv_only(self.features + self.growth, 1, name='conv3')(y)
        added, appended = jnp.split(y, [self.features], axis=-1)
        residual, dense = jnp.split(x, [self.features], axis=-1)
        return jnp.concatenate([residual + added, dense, appended], axis=-1)


class DPN(Classifier):
    """A stem, stages of `depths` blocks and a final normalisation; stage2 is the paper's conv2."""

    maps: tuple = (64, 128, 256, 512)  # of the residual path
    growths: tuple = (16, 32, 32, 64)  # channels that a block appends to the dense path
    inner: tuple = (128, 256, 512, 1024)  # of the 3x3 convolutions
    depths: tuple = (3, 4, 12, 3)
    groups: int = 32
    stem_maps: int = 10
    bn_epsilon: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        for field in ('depths', 'growths', 'inner'):
            require(self, field, len(getattr(self, field)) == len(self.maps), f'as long as maps, {len(self.maps)}')
        require(self, 'groups', self.groups > 0, 'above 0')

    @nn.compact
    def features(self, x, train=False):
        x = self.conv_norm_act(train)(self.scaled(self.stem_maps), 3, 1 if self.small else 2, name='stem')(x)
        if not self.small:
            x = self.pool(x, 3, 2, padding=1)
        for stage in range(len(self.depths)):
            x = Stage(self._blocks(stage, train), name=f'stage{stage + 2}')(x)
        return self.act(self.normalise(train)(name='norm')(x))

    @nn.nowrap
    def _blocks(self, stage: int, train: bool) -> tuple[Callable, ...]:
        block = partial(
            DualPathBlock,
            self.scaled(self.maps[stage]),
            self.scaled(self.growths[stage]),
            self.groups * max(1, self.scaled(self.inner[stage]) // self.groups),
            self.groups,
            conv_norm_act=self.conv_norm_act(train),
            conv_only=partial(self.conv_norm_act(train), norm=no_norm, act=identity),
            normalise=self.normalise(train),
            act=self.act,
        )
        first = partial(block, begins=True, stride=2 if stage else 1)
        return (first, *(partial(block, begins=False, stride=1),) * (self.depths[stage] - 1))


DPN68 = DPN
