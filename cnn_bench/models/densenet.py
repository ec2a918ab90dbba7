"""DenseNet. Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, 2016.

The paper's DenseNet-BC for ImageNet, as in torchvision: every layer takes all feature maps before it in its block and
appends `growth` channels, by a 1x1 convolution with four times `growth` channels and a 3x3; a transition halves the
channels and the resolution. Normalisation and activation come before convolutions. No dropout, as in the paper's
ImageNet experiments. No known departures.

`stem='small'` (the paper's section 4.2 for CIFAR): a 3x3 first convolution with stride 1, without pooling.
`densenet_bc100_12` is the paper's for CIFAR, of 100 layers and growth 12; there, as in the authors' release, no
normalisation and activation follow the first convolution (`stem_norm=False`).
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage
from cnn_bench.models.layers import avg_pool, identity, no_norm

BOTTLENECK = 4  # channels of a layer's 1x1 convolution, as a multiple of the growth


class DenseLayer(nn.Module):
    """x (n, h, w, c) with `growth` channels appended."""

    growth: int
    conv_norm_act: Callable
    conv_only: Callable  # `conv_norm_act` without normalisation and activation
    normalise: Callable
    act: Callable

    @nn.compact
    def __call__(self, x):
        y = self.act(self.normalise(name='norm')(x))
        y = self.conv_norm_act(BOTTLENECK * self.growth, 1, name='conv1')(y)
        return jnp.concatenate([x, self.conv_only(self.growth, 3, name='conv2')(y)], axis=-1)


class Transition(nn.Module):
    """Normalisation, activation, a 1x1 convolution that halves the channels, and 2x2 mean pooling."""

    conv_only: Callable
    normalise: Callable
    act: Callable

    @nn.compact
    def __call__(self, x):
        x = self.act(self.normalise(name='norm')(x))
        return avg_pool(self.conv_only(x.shape[-1] // 2, 1, name='reduce')(x), 2)


class DenseNet(Classifier):
    """A stem, dense blocks of `depths` layers with transitions between them, and a final normalisation.

    Dense blocks are named stage2, stage3, ... as stages are in ResNets: stage2 has a quarter of the image's resolution.
    """

    growth: int = 32
    depths: tuple = (6, 12, 24, 16)
    stem_norm: bool = True  # normalisation and activation behind the first convolution

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        layers = {
            'conv_only': partial(conv_norm_act, norm=no_norm, act=identity),
            'normalise': self.normalise(train),
            'act': self.act,
        }
        layer = partial(DenseLayer, self.scaled(self.growth), conv_norm_act, **layers)
        first = (3,) if self.small else (7, 2)
        stem = conv_norm_act if self.stem_norm else layers['conv_only']
        x = stem(self.scaled(2 * self.growth), *first, name='stem')(x)
        if not self.small:
            x = self.pool(x, 3, 2, padding=1)
        for stage, depth in enumerate(self.depths, 2):
            if stage > 2:
                x = Transition(**layers, name=f'transition{stage - 1}')(x)
            x = Stage((layer,) * depth, label='layer', name=f'stage{stage}')(x)
        return self.act(layers['normalise'](name='norm')(x))


class CifarDenseNet(DenseNet):
    """A 3x3 convolution and three dense blocks (section 4.2)."""

    stems: ClassVar[tuple[str, ...]] = ('small',)

    num_classes: int = 10
    stem: str = 'small'
    growth: int = 12
    depths: tuple = (16, 16, 16)
    stem_norm: bool = False


DenseNet121 = partial(DenseNet, depths=(6, 12, 24, 16))
DenseNet161 = partial(DenseNet, growth=48, depths=(6, 12, 36, 24))
DenseNet169 = partial(DenseNet, depths=(6, 12, 32, 32))
DenseNet201 = partial(DenseNet, depths=(6, 12, 48, 32))
DenseNetBC100 = CifarDenseNet
