"""RepVGG. Ding, Zhang, Ma, Han, Ding, Sun: RepVGG: making VGG-style ConvNets great again, 2021.

A plain stack of 3x3 convolutions with ReLU when it is used; trained with a 1x1 convolution and the input beside each
3x3, see `cnn_bench.models.branches`. The stem and the first block of each stage have stride 2. Our choice where
the paper leaves it open: He initialisation.

Stages are numbered as in the paper: the stem is its stage 1. `stem='small'` (ours): the stem and stage2 keep the
resolution, so that 28x28 images give 28, 14, 7 and 4.
"""

from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import Stage, require
from cnn_bench.models.branches import Branched


class RepVGG(Branched):
    """A stem and stages of `depths` blocks, which all are one 3x3 convolution when they are fused."""

    stem_maps: int = 64
    maps: tuple = (128, 256, 512, 2048)
    depths: tuple = (4, 6, 16, 1)

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(self.maps), f'as long as maps, {len(self.maps)}')

    @nn.compact
    def features(self, x, train=False):
        block = self.rep_block(train)
        x = block(self.scaled(self.stem_maps), 3, 1 if self.small else 2, name='stem')(x)
        for stage, (channels, depth) in enumerate(zip(self.maps, self.depths, strict=True), 2):
            strides = (1 if self.small and stage == 2 else 2, *(1,) * (depth - 1))
            blocks = tuple(partial(block, self.scaled(channels), 3, stride) for stride in strides)
            x = Stage(blocks, name=f'stage{stage}')(x)
        return x


RepVGGA0 = partial(RepVGG, stem_maps=48, maps=(48, 96, 192, 1280), depths=(2, 4, 14, 1))
RepVGGB1 = RepVGG
