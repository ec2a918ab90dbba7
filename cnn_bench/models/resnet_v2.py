"""ResNet with pre-activation. He, Zhang, Ren, Sun: Identity mappings in deep residual networks, 2016.

Normalisation and activation stand before a block's convolutions, nothing stands behind the sum, and one more
normalisation and activation end the network. A bottleneck that halves the map does so in its 3x3, as the authors'
ImageNet networks do; where the shape changes, the shortcut is a 1x1 convolution of the activated map.

Departure: the first normalisation and activation belong to the first block, behind the stem's pooling (timm and Keras
have them there); the paper puts them right behind the first convolution. Parameters are the same, and so is the
result where no scale is negative.

Three fields make it as Keras Applications has it: `stride_last` halves the map in a stage's last block instead of the
next one's first, with every second pixel as the shortcut; `biased` gives the first convolution, the shortcuts and the
last convolution of each block a bias; `zero_pad` pads the stem's pooling with zeros and not with minus infinity.

`stem='small'` (the paper's CIFAR networks): a 3x3 first convolution with stride 1, no pooling behind it.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import identity, no_norm


class PreActivationBlock(nn.Module):
    """x, or its projection, plus 1x1 and 3x3 convolutions of `maps` channels and a 1x1 of four times as many."""

    maps: int
    stride: int
    unit: Callable
    bare: Callable  # `unit` without normalisation and activation
    normalise: Callable
    act: Callable

    @nn.compact
    def __call__(self, x):
        channels = 4 * self.maps
        y = self.act(self.normalise(name='norm')(x))
        if x.shape[-1] != channels:
            x = self.bare(channels, 1, self.stride, name='shortcut')(y)
        else:
            x = x[:, :: self.stride, :: self.stride]
        y = self.unit(self.maps, 1, name='conv1')(y)
        y = self.unit(self.maps, 3, self.stride, name='conv2')(y)
        return x + self.bare(channels, 1, name='conv3')(y)


class ResNetV2(Classifier):
    """A stem, stages of `depths` blocks, a last normalisation; stage2 is the paper's conv2_x."""

    maps: tuple = (64, 128, 256, 512)
    depths: tuple = (3, 4, 6, 3)
    stride_last: bool = False
    biased: bool = False
    zero_pad: bool = False

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')

    @nn.compact
    def features(self, x, train=False):
        bare = partial(self.unit(train, use_bias=self.biased or None), norm=no_norm, act=identity)
        block = partial(
            PreActivationBlock,
            unit=self.unit(train),
            bare=bare,
            normalise=self.normalise(train),
            act=self.act,
        )
        first = (3,) if self.small else (7, 2)
        x = bare(self.channels(self.maps[0]), *first, name='stem')(x)
        if not self.small:
            x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))) if self.zero_pad else x
            x = self.pool(x, 3, 2, padding=0 if self.zero_pad else 1)
        for stage, (count, strides) in enumerate(zip(self.maps, self._strides(), strict=True), 2):
            blocks = tuple(partial(block, self.channels(count), stride) for stride in strides)
            x = Stage(blocks, name=f'stage{stage}')(x)
        return self.act(self.normalise(train)(name='norm')(x))

    def _strides(self) -> list[tuple[int, ...]]:
        """The stride of every block, stage by stage: three of them halve the map."""
        last = len(self.depths) - 1
        if self.stride_last:
            return [(*(1,) * (depth - 1), 1 if stage == last else 2) for stage, depth in enumerate(self.depths)]
        return [(2 if stage else 1, *(1,) * (depth - 1)) for stage, depth in enumerate(self.depths)]


ResNet50V2 = partial(ResNetV2, depths=(3, 4, 6, 3))
ResNet101V2 = partial(ResNetV2, depths=(3, 4, 23, 3))
ResNet152V2 = partial(ResNetV2, depths=(3, 8, 36, 3))
