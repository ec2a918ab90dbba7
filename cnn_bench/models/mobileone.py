"""MobileOne. Vasu, Gabriel, Zhu, Tuzel, Ranjan: MobileOne: an improved one millisecond mobile backbone, 2022.

MobileNet's blocks of a 3x3 depthwise and a 1x1 convolution, each with ReLU and, in training, with `branches` copies of
itself, a 1x1 convolution beside the 3x3, and its input, which are fused when it is used; see
`cnn_bench.models.branches`. The stem is such a 3x3 convolution, of one copy. The paper's stages 4 and 5, of the
same width and resolution, are one here. Our choice where the paper leaves it open: He initialisation.

`stem='small'` (ours): the stem and stage2 keep the resolution, so that 28x28 images give 28, 14, 7 and 4.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import Stage, require
from cnn_bench.models.branches import Branched


class MobileOneBlock(nn.Module):
    """A 3x3 depthwise convolution and a 1x1 convolution, both a `RepBlock`."""

    features: int
    stride: int
    rep_block: Callable

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1]
        x = self.rep_block(channels, 3, self.stride, channels, name='depthwise')(x)
        return self.rep_block(self.features, 1, name='pointwise')(x)


class MobileOne(Branched):
    """A stem and stages of `depths` blocks, each of which halves the resolution."""

    stem_maps: int = 64
    maps: tuple = (96, 192, 512, 1280)
    depths: tuple = (2, 8, 10, 1)
    branches: int = 1  # convolutions of each kind beside one another

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')
        require(self, 'branches', self.branches >= 1, 'at least 1')

    @nn.compact
    def features(self, x, train=False):
        rep_block = self.rep_block(train)
        x = rep_block(self.scaled(self.stem_maps), 3, 1 if self.small else 2, name='stem')(x)
        branched = partial(rep_block, branches=self.branches)
        for stage, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 2):
            block = partial(MobileOneBlock, self.scaled(channels), rep_block=branched)
            strides = (1 if self.small and stage == 2 else 2, *(1,) * (depth - 1))
            x = Stage(tuple(partial(block, stride=stride) for stride in strides), name=f'stage{stage}')(x)
        return x


MobileOneS0 = partial(MobileOne, stem_maps=48, maps=(48, 128, 256, 1024), branches=4)
MobileOneS1 = MobileOne
