"""ConvNeXt. Liu, Mao, Wu, Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s, 2022.

The paper's networks, as in the authors' release and torchvision: a 4x4 convolution with stride 4; blocks of a 7x7
depthwise convolution, layer normalisation, a 1x1 convolution to four times the channels, GELU and a 1x1 convolution
back, scaled per channel (`layer_scale`, initially 1e-6; None: not at all) and dropped at random (`drop_path`, growing
from 0 to 0.1, 0.4, 0.5 and 0.5 at the last block); layer normalisation and a 2x2 convolution between stages; layer
normalisation behind the global average pool. Every convolution has a bias. Epsilon is 1e-6. Kernels are drawn from a
normal distribution with deviation 0.02 as in the paper, truncated at two deviations (the authors truncate at 2, which
is a hundred deviations).

`convnext_atto`, `femto`, `pico` and `nano` are not the paper's but timm's, of the same blocks with fewer channels, and
ConvNeXt V2 took over their widths and depths; timm states no drop-path rate with them, so they have none.

Stages are numbered as in ResNet: stage2 has a quarter of the image's resolution. `norm` replaces all layer
normalisations.

`stem='small'` (ours): a 3x3 first convolution with stride 1, so that 28x28 images give maps of 28, 14, 7 and 3.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, StochasticDepth, require
from cnn_bench.models.layers import exact_gelu, identity, layer_norm, no_norm

EXPANSION = 4


class LayerScale(nn.Module):
    """x times a learned factor per channel, which starts at `initial`."""

    initial: float
    dtype: Any

    @nn.compact
    def __call__(self, x):
        gamma = self.param('gamma', nn.initializers.constant(self.initial), (x.shape[-1],))
        return x * gamma.astype(self.dtype)


class ConvNeXtBlock(nn.Module):
    """x (n, h, w, c) plus the scaled output of the three convolutions."""

    train: bool
    conv_norm: Callable  # convolution and normalisation, no activation
    act: Callable
    layer_scale: Callable | None  # `layer_scale(name=...)(x)`
    drop_path: float
    respond: Callable | None = None  # behind the activation: `respond(name=...)(x)`, see convnext_v2

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1]
        conv_only = partial(self.conv_norm, norm=no_norm)
        y = self.conv_norm(channels, 7, groups=channels, name='depthwise')(x)
        y = conv_only(EXPANSION * channels, 1, act=self.act, name='expand')(y)
        y = y if self.respond is None else self.respond(name='grn')(y)
        y = conv_only(channels, 1, name='project')(y)
        y = y if self.layer_scale is None else self.layer_scale(name='layer_scale')(y)
        return x + StochasticDepth(self.drop_path, name='drop_path')(y, self.train)


class Downsample(nn.Module):
    """Normalisation and a 2x2 convolution with stride 2."""

    features: int
    conv_norm: Callable
    normalise: Callable

    @nn.compact
    def __call__(self, x):
        return self.conv_norm(self.features, 2, 2, 0, norm=no_norm, name='conv')(self.normalise(name='norm')(x))


class NormedHead(nn.Module):
    """Global average pool, normalisation, dropout, one dense layer."""

    num_classes: int
    dropout: float
    dense: Callable
    normalise: Callable  # `normalise(train)(name=...)(x)`

    @nn.compact
    def __call__(self, x, train):
        x = self.normalise(train)(name='norm')(x.mean((1, 2), keepdims=True))
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x.reshape(len(x), -1))
        return self.dense(self.num_classes, name='fc')(x)


class ConvNeXt(Classifier):
    """A stem and stages of `depths` blocks, with a `Downsample` before each stage except the first."""

    maps: tuple = (96, 192, 384, 768)
    depths: tuple = (3, 3, 9, 3)
    norm: Callable = layer_norm
    act: Callable = exact_gelu
    bn_epsilon: float = 1e-6
    kernel_init: Callable = nn.initializers.truncated_normal(0.02)
    layer_scale: float | None = 1e-6
    drop_path: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')
        require(self, 'drop_path', 0 <= self.drop_path < 1, 'from 0 to below 1')

    @nn.compact
    def features(self, x, train=False):
        conv_norm = self._conv_norm(train)
        first = (3,) if self.small else (4, 4, 0)
        x = conv_norm(self.scaled(self.maps[0]), *first, name='stem')(x)
        done = 0
        for stage, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 2):
            if stage > 2:
                x = Downsample(self.scaled(channels), conv_norm, self.normalise(train), name=f'downsample{stage}')(x)
            block, last = self.block_of(train), max(1, sum(self.depths) - 1)
            rates = (self.drop_path * number / last for number in range(done, done + depth))
            blocks = tuple(partial(block, drop_path=rate) for rate in rates)
            x = Stage(blocks, name=f'stage{stage}')(x)
            done += depth
        return x

    @nn.nowrap
    def block_of(self, train: bool) -> Callable:
        """This network's block with its layers: `block_of(train)(drop_path=0.1, name='block1')(x)`."""
        scale = None if self.layer_scale is None else partial(LayerScale, self.layer_scale, self.dtype)
        return partial(ConvNeXtBlock, train, self._conv_norm(train), self.act, scale)

    @nn.nowrap
    def _conv_norm(self, train: bool) -> Callable:
        return partial(self.conv_norm_act(train, use_bias=True), act=identity)

    @nn.nowrap
    def make_head(self):
        return NormedHead(self.num_classes, self.dropout, self.dense, self.normalise)


ConvNeXtAtto = partial(ConvNeXt, maps=(40, 80, 160, 320), depths=(2, 2, 6, 2), drop_path=0.0)
ConvNeXtFemto = partial(ConvNeXt, maps=(48, 96, 192, 384), depths=(2, 2, 6, 2), drop_path=0.0)
ConvNeXtPico = partial(ConvNeXt, maps=(64, 128, 256, 512), depths=(2, 2, 6, 2), drop_path=0.0)
ConvNeXtNano = partial(ConvNeXt, maps=(80, 160, 320, 640), depths=(2, 2, 8, 2), drop_path=0.0)
ConvNeXtTiny = ConvNeXt
ConvNeXtSmall = partial(ConvNeXt, depths=(3, 3, 27, 3), drop_path=0.4)
ConvNeXtBase = partial(ConvNeXt, depths=(3, 3, 27, 3), maps=(128, 256, 512, 1024), drop_path=0.5)
ConvNeXtLarge = partial(ConvNeXt, depths=(3, 3, 27, 3), maps=(192, 384, 768, 1536), drop_path=0.5)
