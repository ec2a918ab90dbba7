"""ResNet. He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015.

`resnet50` and deeper are version 1.5, as in torchvision: a bottleneck halves the resolution in its 3x3 convolution. In
`resnet50_v1`, as in the paper and the authors' release, it does so in the first 1x1. Otherwise they follow the paper:
projection shortcuts if the shape changes (option B), no dropout. Batch normalisation has momentum 0.9 and epsilon 1e-5.
`stride_first` gives version 1 of any of them; `residual=False` gives the paper's plain networks without shortcuts.
`resnet26` is timm's: two bottlenecks in each stage.

`resnet50d` has the three tweaks of He, Zhang, Zhang, Zhang, Xie, Li: Bag of tricks for image classification with
convolutional neural networks, 2018 (ResNet-D), each of which is a field, so that any of them can be had alone: the
stride in the 3x3 (B: `stride_first=False`), three 3x3 convolutions in the stem (C: `deep_stem=(32, 32, 64)`), and a
shortcut that averages before it projects (D: `shortcut='pooled_projection'`). No known departures.

`stem='small'` (the paper's section 4.2): a 3x3 first convolution with stride 1, without pooling; of a deep stem all
convolutions have stride 1.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.errors import unknown
from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import avg_pool, identity

SHORTCUTS = ('projection', 'projection_3x3', 'pooled_projection', 'pad', 'pooled_pad')


def shortcut(kind: str, x: jax.Array, channels: int, stride: int, conv_norm_act: Callable) -> jax.Array:
    """x (n, h, w, c) in the shape of a block's output: (n, ceil(h / stride), ceil(w / stride), channels).

    x itself if that is its shape; otherwise, by its kind,

      - 'projection': a strided 1x1 convolution (He et al. 2015, option B);
      - 'projection_3x3': the same, but 3x3 where it is strided (SENet-154);
      - 'pooled_projection': the mean over stride x stride pixels, then a 1x1 convolution (ResNet-D);
      - 'pad': every stride-th pixel, with zero channels appended (He et al. 2015, option A);
      - 'pooled_pad': the mean over stride x stride pixels, with zero channels appended (PyramidNet).

    A convolution is named `shortcut` and becomes part of the module that calls this. Windows that hang over the edge
    give the mean of what they hold.
    """
    if stride == 1 and x.shape[-1] == channels:
        return x
    if kind in ('pooled_projection', 'pooled_pad') and stride > 1:
        x, stride = avg_pool(x, stride, ceil=True), 1
    if kind in ('pad', 'pooled_pad'):
        x = x[:, ::stride, ::stride]
        return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, channels - x.shape[-1])))
    kernel = 3 if kind == 'projection_3x3' and stride > 1 else 1
    return conv_norm_act(channels, kernel, stride, act=identity, name='shortcut')(x)


class ResidualBlock(nn.Module):
    """act(body(x) + shortcut(x)), or act(body(x)) if not `residual`. Subclasses define the body."""

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
        if not self.residual:
            return self.act(y)
        return self.act(y + shortcut(self.shortcut, x, y.shape[-1], self.stride, self.conv_norm_act))

    def body(self, x):
        raise NotImplementedError(type(self).__name__)


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions."""

    def body(self, x):
        x = self.conv_norm_act(self.features, 3, self.stride, name='conv1')(x)
        return self.conv_norm_act(self.features, 3, act=identity, name='conv2')(x)


class Bottleneck(ResidualBlock):
    """1x1 and 3x3 convolutions with `widen` times `features` channels, and a 1x1 to four times `features`.

    The 3x3 has `groups`, and the channels before and behind it are rounded down to a multiple of them.
    """

    widen: int = 1
    groups: int = 1
    widen_first: int | None = None  # of the first 1x1, where it is not `widen`

    def body(self, x):
        strides = (self.stride, 1) if self.stride_first else (1, self.stride)
        first, inner = (
            self.groups * max(1, widen * self.features // self.groups)
            for widen in (self.widen_first or self.widen, self.widen)
        )
        x = self.conv_norm_act(first, 1, strides[0], name='conv1')(x)
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
    deep_stem: tuple = ()  # channels of 3x3 convolutions in place of the first convolution; (): one with maps[0]
    pool_by_conv: bool = False  # a 3x3 convolution with stride 2 in place of the stem's pooling

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')
        channels = all(isinstance(n, int) and n > 0 for n in self.deep_stem)
        require(self, 'deep_stem', channels, 'numbers of channels, above 0')
        if self.shortcut not in SHORTCUTS:
            raise unknown(f'shortcut of {type(self).__name__}', self.shortcut, SHORTCUTS)

    @nn.compact
    def features(self, x, train=False):
        x = self._stem(self.conv_norm_act(train))(x)
        if not self.small and self.pool_by_conv:
            x = self.conv_norm_act(train)(x.shape[-1], 3, 2, name='stem_pool')(x)
        elif not self.small:
            x = self.pool(x, 3, 2, padding=1)
        for stage, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 2):
            block = partial(self.block_of(train), self.scaled(channels))
            strides = (1 if stage == 2 else 2, *(1,) * (depth - 1))
            x = Stage(tuple(partial(block, stride=stride) for stride in strides), name=f'stage{stage}')(x)
        return x

    @nn.nowrap
    def _stem(self, conv_norm_act: Callable) -> nn.Module:
        stride = 1 if self.small else 2
        if not self.deep_stem:
            return conv_norm_act(self.scaled(self.maps[0]), 3 if self.small else 7, stride, name='stem')
        strides = (stride, *(1,) * (len(self.deep_stem) - 1))
        layers = zip(self.deep_stem, strides, strict=True)
        return Stage(tuple(partial(conv_norm_act, self.scaled(n), 3, s) for n, s in layers), 'conv', name='stem')

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
ResNet26 = partial(ResNet, depths=(2, 2, 2, 2))
ResNet50 = partial(ResNet, depths=(3, 4, 6, 3))
ResNet101 = partial(ResNet, depths=(3, 4, 23, 3))
ResNet152 = partial(ResNet, depths=(3, 8, 36, 3))
ResNet50V1 = partial(ResNet50, stride_first=True)
ResNet50D = partial(ResNet50, deep_stem=(32, 32, 64), shortcut='pooled_projection')
