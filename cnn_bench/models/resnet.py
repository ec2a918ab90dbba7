"""ResNet. He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015.

`resnet50` and deeper are version 1.5, as in torchvision: a bottleneck halves the resolution in its 3x3 convolution. In
`resnet50_v1`, as in the paper and the authors' release, it does so in the first 1x1. Otherwise they follow the paper:
projection shortcuts if the shape changes (option B), no dropout. Batch normalisation has momentum 0.9 and epsilon 1e-5.
`stride_first` gives version 1 of any of them; `residual=False` gives the paper's plain networks without shortcuts.

`stem='small'` (the paper's section 4.2): a 3x3 first convolution with stride 1, without pooling.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.errors import unknown
from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import identity

SHORTCUTS = ('projection', 'pad')


class ResidualBlock(nn.Module):
    """act(body(x) + shortcut(x)), or act(body(x)) if not `residual`. Subclasses define the body.

    The shortcut is the identity if the shapes agree; otherwise a strided 1x1 convolution ('projection', the paper's
    option B) or every stride-th pixel with zero channels appended ('pad', option A).
    """

    features: int
    stride: int
    conv_norm_act: Callable
    act: Callable
    residual: bool = True
    shortcut: str = 'projection'
    stride_first: bool = False  # bottlenecks have their stride in the first 1x1, not in the 3x3

    @nn.compact
    def __call__(self, x):
        y = self.body(x)
        return self.act(y + self.skip(x, y.shape[-1]) if self.residual else y)

    def body(self, x):
        raise NotImplementedError(type(self).__name__)

    def skip(self, x, channels):
        if self.stride == 1 and x.shape[-1] == channels:
            return x
        if self.shortcut == 'projection':
            return self.conv_norm_act(channels, 1, self.stride, act=identity, name='shortcut')(x)
        x = x[:, :: self.stride, :: self.stride]
        return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, channels - x.shape[-1])))


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions."""

    def body(self, x):
        x = self.conv_norm_act(self.features, 3, self.stride, name='conv1')(x)
        return self.conv_norm_act(self.features, 3, act=identity, name='conv2')(x)


class Bottleneck(ResidualBlock):
    """1x1 and 3x3 convolutions with `widen` times `features` channels, and a 1x1 to four times `features`.

    The 3x3 has `groups`, and its channels are rounded down to a multiple of them.
    """

    widen: int = 1
    groups: int = 1

    def body(self, x):
        strides = (self.stride, 1) if self.stride_first else (1, self.stride)
        inner = self.groups * max(1, self.widen * self.features // self.groups)
        x = self.conv_norm_act(inner, 1, strides[0], name='conv1')(x)
        x = self.conv_norm_act(inner, 3, strides[1], groups=self.groups, name='conv2')(x)
        return self.conv_norm_act(4 * self.features, 1, act=identity, name='conv3')(x)


class ResNet(Classifier):
    """A stem and stages of `depths` blocks; stage2 is the paper's conv2_x. Later stages halve the resolution."""

    block: Callable = Bottleneck
    maps: tuple = (64, 128, 256, 512)
    depths: tuple = (3, 4, 6, 3)
    residual: bool = True
    shortcut: str = 'projection'
    stride_first: bool = False  # version 1: bottlenecks have their stride in the first 1x1

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')
        if self.shortcut not in SHORTCUTS:
            raise unknown(f'shortcut of {type(self).__name__}', self.shortcut, SHORTCUTS)

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        first = (3,) if self.small else (7, 2)
        x = conv_norm_act(self.scaled(self.maps[0]), *first, name='stem')(x)
        if not self.small:
            x = self.pool(x, 3, 2, padding=1)
        for stage, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 2):
            block = partial(self.block_of(train), self.scaled(channels))
            strides = (1 if stage == 2 else 2, *(1,) * (depth - 1))
            x = Stage(tuple(partial(block, stride=stride) for stride in strides), name=f'stage{stage}')(x)
        return x

    @nn.nowrap
    def block_of(self, train: bool) -> Callable:
        """This network's block with its layers: `block_of(train)(features, stride=2, name='block1')(x)`."""
        return partial(
            self.block,
            conv_norm_act=self.conv_norm_act(train),
            act=self.act,
            residual=self.residual,
            shortcut=self.shortcut,
            stride_first=self.stride_first,
        )


ResNet18 = partial(ResNet, block=BasicBlock, depths=(2, 2, 2, 2))
ResNet34 = partial(ResNet, block=BasicBlock, depths=(3, 4, 6, 3))
ResNet50 = partial(ResNet, depths=(3, 4, 6, 3))
ResNet101 = partial(ResNet, depths=(3, 4, 23, 3))
ResNet152 = partial(ResNet, depths=(3, 8, 36, 3))
ResNet50V1 = partial(ResNet50, stride_first=True)
