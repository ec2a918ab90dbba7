"""DarkNet-53 and CSPDarkNet-53, the backbones of YOLO version 3 and 4.

Redmon, Farhadi: YOLOv3: an incremental improvement, 2018, table 1. Wang, Liao, Wu, Chen, Hsieh, Yeh: CSPNet: a new
backbone that can enhance learning capability of CNN, 2019.

`darknet53` is the paper's network, whose last layer is dense here and there a 1x1 convolution behind the pooling, which
is the same. `cspdarknet53` sends half of each stage's channels past the blocks, as its authors' release does. Both have
the release's leaky ReLU of slope 0.1 and running statistics of momentum 0.99; YOLOv4 has Mish in `cspdarknet53`. timm's
have slope 0.01. No known departures.

`stem='small'` (ours): the first stage keeps the resolution, so that 28x28 images give 28, 14, 7, 4 and 2.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import leaky_relu


class DarkBlock(nn.Module):
    """x (n, h, w, c) plus a 1x1 convolution to `reduced` channels and a 3x3 back to c; no activation of the sum."""

    reduced: int
    conv_norm_act: Callable

    @nn.compact
    def __call__(self, x):
        y = self.conv_norm_act(self.reduced, 1, name='conv1')(x)
        return x + self.conv_norm_act(x.shape[-1], 3, name='conv2')(y)


class DarkStage(nn.Module):
    """A strided 3x3 convolution and `depth` blocks, whose 1x1 convolutions halve the channels."""

    features: int
    depth: int
    stride: int
    conv_norm_act: Callable

    @nn.compact
    def __call__(self, x):
        x = self.conv_norm_act(self.features, 3, self.stride, name='down')(x)
        block = partial(DarkBlock, self.features // 2, self.conv_norm_act)
        return Stage((block,) * self.depth, name='blocks')(x)


class CrossStage(nn.Module):
    """A strided 3x3 convolution and two branches, concatenated: a 1x1 convolution; and a 1x1, the blocks and a 1x1.

    The two 1x1 convolutions in front are computed as one, `split`. Branches have half the stage's channels each, or all
    of them if `wide`; the 1x1 convolutions of blocks reduce the channels in wide branches only.
    """

    features: int
    depth: int
    stride: int
    conv_norm_act: Callable
    wide: bool = False

    @nn.compact
    def __call__(self, x):
        branch = self.features if self.wide else self.features // 2
        x = self.conv_norm_act(self.features, 3, self.stride, name='down')(x)
        past, x = jnp.split(self.conv_norm_act(2 * branch, 1, name='split')(x), 2, axis=-1)
        block = partial(DarkBlock, self.features // 2, self.conv_norm_act)
        x = Stage((block,) * self.depth, name='blocks')(x)
        x = jnp.concatenate([past, self.conv_norm_act(branch, 1, name='after')(x)], axis=-1)
        return self.conv_norm_act(self.features, 1, name='merge')(x)


class DarkNet(Classifier):
    """A 3x3 convolution and stages of `depths` blocks; each stage doubles the channels and halves the resolution.

    `crossing` stages are `CrossStage`s, and the first of them is wide.
    """

    takes_maxout: ClassVar[bool] = True

    maps: tuple = (64, 128, 256, 512, 1024)
    depths: tuple = (1, 2, 8, 8, 4)
    crossing: bool = False
    act: Callable = leaky_relu
    bn_momentum: float = 0.99

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        x = conv_norm_act(self.scaled(self.maps[0] // 2), 3, name='stem')(x)
        for number, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 1):
            stride = 1 if self.small and number == 1 else 2
            stage = partial(CrossStage, wide=number == 1) if self.crossing else DarkStage
            x = stage(self.scaled(channels), depth, stride, conv_norm_act, name=f'stage{number}')(x)
        return x


DarkNet53 = DarkNet
CSPDarkNet53 = partial(DarkNet, crossing=True)
