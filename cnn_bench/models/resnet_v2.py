"""ResNet with pre-activation. He, Zhang, Ren, Sun: Identity mappings in deep residual networks, 2016.

Normalisation and activation come before a block's convolutions, nothing follows the sum, and the network ends with
another normalisation and activation. A bottleneck halves the resolution in its 3x3, as in the authors' ImageNet
networks; if the shape changes, the shortcut is a 1x1 convolution of the activated input. `resnetv2_164` is the paper's
for CIFAR; its bottlenecks halve the resolution in their first 1x1 (`stride_first`), as in the authors' release.

Departure: the first normalisation and activation are in the first block, behind the stem's pooling (as in timm and
Keras); in the paper they directly follow the first convolution. The parameters are the same, and so is the result if no
scale is negative. The networks for CIFAR have no pooling there, and no departure.

Three fields give the network of Keras Applications: `stride_last` halves the resolution in the last block of a stage
instead of the first block of the next, with every second pixel as the shortcut; `biased` adds a bias to the first
convolution, the shortcuts and the last convolution of each block; `zero_pad` pads the stem's pooling with zeros instead
of minus infinity.

`stem='small'` (the paper's CIFAR networks): a 3x3 first convolution with stride 1, without pooling.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import identity, no_norm


class PreActivationBlock(nn.Module):
    """x, or its projection, plus the `body` of the activated x. Subclasses define the body and its `expansion`."""

    expansion: ClassVar[int]  # output channels, as a multiple of `features`

    features: int
    stride: int
    conv_norm_act: Callable
    conv_only: Callable  # `conv_norm_act` without normalisation and activation
    normalise: Callable
    act: Callable
    stride_first: bool = False  # bottlenecks have their stride in the first 1x1, not in the 3x3

    @nn.compact
    def __call__(self, x):
        channels = self.expansion * self.features
        y = self.act(self.normalise(name='norm')(x))
        if x.shape[-1] != channels:
            x = self.conv_only(channels, 1, self.stride, name='shortcut')(y)
        else:
            x = x[:, :: self.stride, :: self.stride]
        return x + self.body(y)

    def body(self, y):
        raise NotImplementedError(type(self).__name__)


class PreActivationBasic(PreActivationBlock):
    """Two 3x3 convolutions."""

    expansion: ClassVar[int] = 1

    def body(self, y):
        y = self.conv_norm_act(self.features, 3, self.stride, name='conv1')(y)
        return self.conv_only(self.features, 3, name='conv2')(y)


class PreActivationBottleneck(PreActivationBlock):
    """1x1 and 3x3 convolutions and a 1x1 to four times `features` channels."""

    expansion: ClassVar[int] = 4

    def body(self, y):
        strides = (self.stride, 1) if self.stride_first else (1, self.stride)
        y = self.conv_norm_act(self.features, 1, strides[0], name='conv1')(y)
        y = self.conv_norm_act(self.features, 3, strides[1], name='conv2')(y)
        return self.conv_only(self.expansion * self.features, 1, name='conv3')(y)


class ResNetV2(Classifier):
    """A stem, stages of `depths` blocks and a final normalisation; stage2 is the paper's conv2_x."""

    block: Callable = PreActivationBottleneck
    maps: tuple = (64, 128, 256, 512)
    depths: tuple = (3, 4, 6, 3)
    stem_maps: int | None = None  # channels of the stem; None: maps[0]
    stride_first: bool = False
    stride_last: bool = False
    biased: bool = False
    zero_pad: bool = False

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')

    @nn.compact
    def features(self, x, train=False):
        conv_only = partial(self.conv_norm_act(train, use_bias=self.biased or None), norm=no_norm, act=identity)
        block = partial(
            self.block,
            conv_norm_act=self.conv_norm_act(train),
            conv_only=conv_only,
            normalise=self.normalise(train),
            act=self.act,
            stride_first=self.stride_first,
        )
        first = (3,) if self.small else (7, 2)
        x = conv_only(self.scaled(self.stem_maps or self.maps[0]), *first, name='stem')(x)
        if not self.small:
            x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))) if self.zero_pad else x
            x = self.pool(x, 3, 2, padding=0 if self.zero_pad else 1)
        for stage, (channels, strides) in enumerate(zip(self.maps, self._strides(), strict=True), 2):
            blocks = tuple(partial(block, self.scaled(channels), stride) for stride in strides)
            x = Stage(blocks, name=f'stage{stage}')(x)
        return self.act(self.normalise(train)(name='norm')(x))

    def _strides(self) -> list[tuple[int, ...]]:
        """The stride of every block by stage; three blocks have stride 2."""
        last = len(self.depths) - 1
        if self.stride_last:
            return [(*(1,) * (depth - 1), 1 if stage == last else 2) for stage, depth in enumerate(self.depths)]
        return [(2 if stage else 1, *(1,) * (depth - 1)) for stage, depth in enumerate(self.depths)]


class CifarResNetV2(ResNetV2):
    """A 3x3 convolution and three stages of bottlenecks with 64, 128 and 256 output channels (section 4)."""

    stems: ClassVar[tuple[str, ...]] = ('small',)

    num_classes: int = 10
    stem: str = 'small'
    maps: tuple = (16, 32, 64)
    depths: tuple = (18, 18, 18)
    stride_first: bool = True


ResNet50V2 = partial(ResNetV2, depths=(3, 4, 6, 3))
ResNet101V2 = partial(ResNetV2, depths=(3, 4, 23, 3))
ResNet152V2 = partial(ResNetV2, depths=(3, 8, 36, 3))
ResNet164V2 = CifarResNetV2
