"""ResNet. He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015.

`resnet50` and deeper are version 1.5, as torchvision's: a bottleneck that halves the map does so in its 3x3
convolution. `resnet50_v1` is the paper's and its authors' release: it does so in the first 1x1. Elsewhere they
follow the paper: projection shortcuts where the shape changes (option B), no dropout. The running statistics keep
0.9 a step; epsilon is 1e-5. `stride_first` makes version 1 of any of them; `residual=False` leaves the shortcuts
out and makes the paper's plain networks.

`stem='small'` (the paper's section 4.2): a 3x3 first convolution with stride 1, no pooling behind it.
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
    """act(body(x) + shortcut(x)), or act(body(x)) where not `residual`. Subclasses say what the body is.

    The shortcut is the identity where shapes agree; else a strided 1x1 convolution (`projection`, the paper's
    option B) or every stride-th pixel with channels of zeros appended (`pad`, option A).
    """

    maps: int
    stride: int
    unit: Callable
    act: Callable
    residual: bool = True
    shortcut: str = 'projection'
    stride_first: bool = False  # of a bottleneck: halve in the first 1x1; basic blocks halve in their first anyway

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
            return self.unit(channels, 1, self.stride, act=identity, name='shortcut')(x)
        x = x[:, :: self.stride, :: self.stride]
        return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, channels - x.shape[-1])))


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions of `maps` channels."""

    def body(self, x):
        x = self.unit(self.maps, 3, self.stride, name='conv1')(x)
        return self.unit(self.maps, 3, act=identity, name='conv2')(x)


class Bottleneck(ResidualBlock):
    """1x1 and 3x3 convolutions of `maps` channels, times `widen`, and a 1x1 of four times `maps`.

    The 3x3 is made of `groups`, which its channels are a multiple of, whatever the network's width.
    """

    widen: int = 1
    groups: int = 1

    def body(self, x):
        strides = (self.stride, 1) if self.stride_first else (1, self.stride)
        inner = self.groups * max(1, self.widen * self.maps // self.groups)
        x = self.unit(inner, 1, strides[0], name='conv1')(x)
        x = self.unit(inner, 3, strides[1], groups=self.groups, name='conv2')(x)
        return self.unit(4 * self.maps, 1, act=identity, name='conv3')(x)


class ResNet(Classifier):
    """A stem and stages of `depths` blocks; stage2 is the paper's conv2_x. Later stages halve the map."""

    block: Callable = Bottleneck
    maps: tuple = (64, 128, 256, 512)
    depths: tuple = (3, 4, 6, 3)
    residual: bool = True
    shortcut: str = 'projection'
    stride_first: bool = False  # version 1: a bottleneck halves the map in its first 1x1

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')
        if self.shortcut not in SHORTCUTS:
            raise unknown(f'shortcut of {type(self).__name__}', self.shortcut, SHORTCUTS)

    @nn.compact
    def features(self, x, train=False):
        unit = self.unit(train)
        first = (3,) if self.small else (7, 2)
        x = unit(self.channels(self.maps[0]), *first, name='stem')(x)
        if not self.small:
            x = self.pool(x, 3, 2, padding=1)
        for stage, (count, depth) in enumerate(zip(self.maps, self.depths, strict=True), 2):
            block = partial(self.block_of(train), self.channels(count))
            strides = (1 if stage == 2 else 2, *(1,) * (depth - 1))
            x = Stage(tuple(partial(block, stride=stride) for stride in strides), name=f'stage{stage}')(x)
        return x

    @nn.nowrap
    def block_of(self, train: bool) -> Callable:
        """This network's block, bound: `block_of(train)(maps, stride=2, name='block1')(x)`."""
        return partial(
            self.block,
            unit=self.unit(train),
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
