"""MnasNet. Tan et al.: MnasNet: platform-aware neural architecture search for mobile, 2018.

`mnasnet1_0` is the B1 form, without squeeze-and-excitation, as in torchvision: a separable convolution (stage1),
inverted residual blocks with kernels of 3 and 5, a 1x1 convolution to 1280 channels, dropout 0.2. The momentum of
running statistics is 0.99, as in the paper (torchvision: 0.9997). Epsilon is torchvision's, 1e-5.

`mnasnet0_5`, `mnasnet0_75` and `mnasnet1_3` are torchvision's networks of 0.5, 0.75 and 1.3 times the channels, in
multiples of 8, but for the last 1x1 convolution, which keeps its 1280. The field `width` scales that one too.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.inverted_residual import InvertedResidualNet, divisible, multiplied, repeated

# Expansion, kernel, channels, stride of each stage.
TABLE = ((1, 3, 16, 1), (3, 3, 24, 2), (3, 5, 40, 2), (6, 5, 80, 2), (6, 3, 96, 1), (6, 5, 192, 2), (6, 3, 320, 1))


class MnasNet(InvertedResidualNet):
    """Seven stages and `last`, the final 1x1 convolution."""

    table: tuple = TABLE
    depths: tuple = (1, 3, 3, 3, 2, 4, 1)
    bn_momentum: float = 0.99
    dropout: float = 0.2

    @property
    def stages(self):
        return len(self.table)

    @nn.nowrap
    def rows(self):
        return repeated(self.table, self.depths, self.stem_maps)


def wide(factor: float) -> Callable:
    """MnasNet with `factor` times the channels."""
    return partial(MnasNet, table=multiplied(TABLE, factor), stem_maps=divisible(32 * factor))


MnasNet05 = wide(0.5)
MnasNet075 = wide(0.75)
MnasNet13 = wide(1.3)
