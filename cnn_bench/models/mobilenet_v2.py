"""MobileNetV2. Sandler, Howard, Zhu, Zhmoginov, Chen: Inverted residuals and linear bottlenecks, 2018.

Table 2 of the paper, as in torchvision: ReLU6, dropout 0.2 before the logits (the paper does not mention any), batch
normalisation with momentum 0.9 and epsilon 1e-5. `padding='same'` with `bn_epsilon=1e-3` gives the authors' release and
Keras's network.

`mobilenet_v2_x0_35` and the like are the authors' networks of other widths, as in timm and Keras: 0.35 and so on times
the channels, in multiples of 8; the last 1x1 convolution grows with them, but never has fewer than 1280 channels. The
field `width` scales that one too.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.inverted_residual import InvertedResidualNet, divisible, multiplied, repeated

# Table 2, bottlenecks: expansion, kernel, channels, stride.
TABLE = ((1, 3, 16, 1), (6, 3, 24, 2), (6, 3, 32, 2), (6, 3, 64, 2), (6, 3, 96, 1), (6, 3, 160, 2), (6, 3, 320, 1))


class MobileNetV2(InvertedResidualNet):
    """stage1 to stage7 are the rows of the paper's table; `last` is the final 1x1 convolution."""

    table: tuple = TABLE
    depths: tuple = (1, 2, 3, 4, 3, 3, 1)
    act: Callable = nn.relu6
    dropout: float = 0.2

    @property
    def stages(self):
        return len(self.table)

    @nn.nowrap
    def rows(self):
        return repeated(self.table, self.depths, self.stem_maps)


def wide(factor: float) -> Callable:
    """MobileNetV2 with `factor` times the channels (section 6 of the paper, the authors' release)."""
    return partial(
        MobileNetV2,
        table=multiplied(TABLE, factor),
        stem_maps=divisible(32 * factor),
        last_maps=divisible(1280 * max(1, factor)),
    )


MobileNetV2x035 = wide(0.35)
MobileNetV2x05 = wide(0.5)
MobileNetV2x075 = wide(0.75)
MobileNetV2x14 = wide(1.4)
