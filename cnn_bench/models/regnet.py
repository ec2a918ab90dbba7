"""RegNet. Radosavovic, Kosaraju, Girshick, He, Dollár: Designing network design spaces, 2020.

A network is six numbers: `stages_of` turns a depth, the line w_0 + w_a j of the blocks' widths, the step w_m between
stages and a group width into the channels and the depths of the stages. `regnet_x_400mf` and so on have the numbers of
the paper's tables of top models (figures 16 and 17); `regnet_y_...` have gates in addition. A block is a bottleneck
that does not narrow: 1x1, 3x3 in groups, 1x1, all of the stage's channels. A gate follows the 3x3, with a quarter of
the block's input channels inside. Batch normalisation has momentum 0.9 and epsilon 1e-5.

Channels that are no multiple of the group width are rounded to the nearest, as in the paper's tables, the authors'
release and timm. Torchvision rounds up where they are half-way between two, or would lose more than a tenth, so that
its X-400MF, Y-800MF and Y-8GF are wider in some stages.

The names count multiply-adds as the paper does: 400MF is 0.4e9 of them, nearly. At another `width`, groups keep their
width, and the channels inside a block are rounded down to whole groups.

`stem='small'` (ours): stem and first stage keep the resolution, so that 28x28 images give maps of 28, 14, 7 and 4.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import groupby

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, SqueezeExcite, Stage, require
from cnn_bench.models.layers import identity
from cnn_bench.models.resnet import ResidualBlock

QUANTUM = 8  # channels of a stage are a multiple of this
SQUEEZE = 4


def stages_of(depth: int, w_0: float, w_a: float, w_m: float, group_width: int) -> tuple[tuple[int, ...], ...]:
    """The channels and the depths of the stages (section 3.3, equations 2 to 4).

    Block j of `depth` would have w_0 + w_a j channels. It gets the power of `w_m` times w_0 that is nearest to that in
    the exponent, rounded to a multiple of 8; blocks of the same channels are a stage. Then the channels of each stage
    are rounded to a multiple of `group_width` (of themselves, if they are fewer). A half is rounded to the even
    multiple, as in the authors' release.
    """
    exponents = (round(math.log(1 + w_a * block / w_0, w_m)) for block in range(depth))
    widths = (QUANTUM * round(w_0 * w_m**exponent / QUANTUM) for exponent in exponents)
    stages = [(width, len(list(blocks))) for width, blocks in groupby(widths)]
    groups = (min(group_width, width) for width, _ in stages)
    channels = tuple(group * round(width / group) for (width, _), group in zip(stages, groups, strict=True))
    return channels, tuple(blocks for _, blocks in stages)


class RegNetBlock(ResidualBlock):
    """A residual block of a 1x1, a 3x3 in groups of `group_width` channels, a gate if any, and a 1x1 convolution."""

    group_width: int = 1
    gate: Callable | None = None  # `SqueezeExcite`: `gate(reduced, name='se')(x)`

    def body(self, x):
        groups = max(1, self.features // self.group_width)
        inner = groups * (self.features // groups)
        reduced = max(1, x.shape[-1] // SQUEEZE)
        x = self.conv_norm_act(inner, 1, name='conv1')(x)
        x = self.conv_norm_act(inner, 3, self.stride, groups=groups, name='conv2')(x)
        x = self.gate(reduced, name='se')(x) if self.gate else x
        return self.conv_norm_act(self.features, 1, act=identity, name='conv3')(x)


class RegNet(Classifier):
    """A 3x3 convolution and stages of `depths` blocks, each of which begins by halving the resolution."""

    maps: tuple = (32, 64, 160, 384)
    depths: tuple = (1, 2, 7, 12)
    group_width: int = 16
    gated: bool = False  # RegNetY
    stem_maps: int = 32

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')
        require(self, 'group_width', self.group_width > 0, 'above 0')

    @nn.compact
    def features(self, x, train=False):
        x = self.conv_norm_act(train)(self.scaled(self.stem_maps), 3, 1 if self.small else 2, name='stem')(x)
        for stage, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 1):
            block = partial(self.block_of(train), self.scaled(channels))
            strides = (1 if self.small and stage == 1 else 2, *(1,) * (depth - 1))
            x = Stage(tuple(partial(block, stride=stride) for stride in strides), name=f'stage{stage}')(x)
        return x

    @nn.nowrap
    def block_of(self, train: bool) -> Callable:
        """This network's block with its layers: `block_of(train)(features, stride=2, name='block1')(x)`."""
        point = partial(self.conv, dtype=self.dtype, kernel_init=self.kernel_init)
        return partial(
            RegNetBlock,
            conv_norm_act=self.conv_norm_act(train),
            act=self.act,
            group_width=self.group_width,
            gate=partial(SqueezeExcite, conv=point, act=self.act) if self.gated else None,
        )


def generated(depth: int, w_0: float, w_a: float, w_m: float, group_width: int, gated: bool = False) -> Callable:
    """The RegNet of these numbers, see `stages_of`."""
    maps, depths = stages_of(depth, w_0, w_a, w_m, group_width)
    return partial(RegNet, maps=maps, depths=depths, group_width=group_width, gated=gated)


RegNetX400MF = generated(22, 24, 24.48, 2.54, 16)
RegNetX800MF = generated(16, 56, 35.73, 2.28, 16)
RegNetX1600MF = generated(18, 80, 34.01, 2.25, 24)
RegNetX3200MF = generated(25, 88, 26.31, 2.25, 48)
RegNetX8GF = generated(23, 80, 49.56, 2.88, 120)
RegNetX16GF = generated(22, 216, 55.59, 2.1, 128)
RegNetX32GF = generated(23, 320, 69.86, 2.0, 168)
RegNetY400MF = generated(16, 48, 27.89, 2.09, 8, gated=True)
RegNetY800MF = generated(14, 56, 38.84, 2.4, 16, gated=True)
RegNetY1600MF = generated(27, 48, 20.71, 2.65, 24, gated=True)
RegNetY3200MF = generated(21, 80, 42.63, 2.66, 24, gated=True)
RegNetY8GF = generated(17, 192, 76.82, 2.19, 56, gated=True)
RegNetY16GF = generated(18, 200, 106.23, 2.48, 112, gated=True)
RegNetY32GF = generated(20, 232, 115.89, 2.53, 232, gated=True)
