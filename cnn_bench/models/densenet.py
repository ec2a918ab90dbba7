"""DenseNet. Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, 2016.

The paper's DenseNet-BC for ImageNet, as torchvision has it: every layer sees all maps before it in its block and adds
`growth` of its own, by a 1x1 convolution of four times `growth` and a 3x3; a transition halves the channels and the
map. Normalisation and activation stand before convolutions. Departures: none known; no dropout, as the paper on
ImageNet.

`stem='small'` (the paper's section 4.2 for CIFAR): a 3x3 first convolution with stride 1, no pooling behind it.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage
from cnn_bench.models.layers import avg_pool, identity, no_norm

BOTTLENECK = 4  # channels of a layer's 1x1 convolution, as a multiple of the growth


class DenseLayer(nn.Module):
    """x (n, h, w, c) with `growth` channels appended."""

    growth: int
    unit: Callable
    bare: Callable  # `unit` without normalisation and activation
    normalise: Callable
    act: Callable

    @nn.compact
    def __call__(self, x):
        y = self.act(self.normalise(name='norm')(x))
        y = self.unit(BOTTLENECK * self.growth, 1, name='conv1')(y)
        return jnp.concatenate([x, self.bare(self.growth, 3, name='conv2')(y)], axis=-1)


class Transition(nn.Module):
    """Normalisation, activation, a 1x1 convolution that halves the channels, and 2x2 mean pooling."""

    bare: Callable
    normalise: Callable
    act: Callable

    @nn.compact
    def __call__(self, x):
        x = self.act(self.normalise(name='norm')(x))
        return avg_pool(self.bare(x.shape[-1] // 2, 1, name='reduce')(x), 2)


class DenseNet(Classifier):
    """A stem, dense blocks of `depths` layers with transitions between them, a last normalisation.

    Dense blocks are named stage2, stage3, ..., as in the other residual networks: stage2 sees a quarter of the image.
    """

    growth: int = 32
    depths: tuple = (6, 12, 24, 16)

    @nn.compact
    def features(self, x, train=False):
        unit = self.unit(train)
        layers = {
            'bare': partial(unit, norm=no_norm, act=identity),
            'normalise': self.normalise(train),
            'act': self.act,
        }
        layer = partial(DenseLayer, self.channels(self.growth), unit, **layers)
        first = (3,) if self.small else (7, 2)
        x = unit(self.channels(2 * self.growth), *first, name='stem')(x)
        if not self.small:
            x = self.pool(x, 3, 2, padding=1)
        for stage, depth in enumerate(self.depths, 2):
            if stage > 2:
                x = Transition(**layers, name=f'transition{stage - 1}')(x)
            x = Stage((layer,) * depth, label='layer', name=f'stage{stage}')(x)
        return self.act(layers['normalise'](name='norm')(x))


DenseNet121 = partial(DenseNet, depths=(6, 12, 24, 16))
DenseNet161 = partial(DenseNet, growth=48, depths=(6, 12, 36, 24))
DenseNet169 = partial(DenseNet, depths=(6, 12, 32, 32))
DenseNet201 = partial(DenseNet, depths=(6, 12, 48, 32))
