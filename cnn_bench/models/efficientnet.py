"""EfficientNet. Tan, Le: EfficientNet: rethinking model scaling for convolutional neural networks, 2019.

Table 1 of the paper for `efficientnet_b0`; the larger ones multiply its channels, to multiples of 8, and its depths,
rounded up. As in the paper: SiLU, gates of a quarter of the channels that a block sees, dropout that grows with the
network, `drop_path` 0.2 at the last block, running statistics that keep 0.99 a step. Epsilon is torchvision's, 1e-5;
`bn_epsilon=1e-3` with `padding='same'` is the authors' release and Keras's.

Native sizes are those of torchvision's weights. The paper's are the same but for `efficientnet_b2`: 260, not 288.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

import math
from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import require
from cnn_bench.models.inverted_residual import InvertedResidualNet, divisible, repeated

# Table 1, stages 2 to 8, of the baseline.
EXPANSIONS = (1, 6, 6, 6, 6, 6, 6)
KERNELS = (3, 3, 5, 3, 5, 5, 3)
MAPS = (16, 24, 40, 80, 112, 192, 320)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
DEPTHS = (1, 2, 2, 3, 3, 4, 1)
SQUEEZE = 4


class EfficientNet(InvertedResidualNet):
    """stage1 to stage7 are stages 2 to 8 of the paper's table; `last` is the 1x1 convolution behind them."""

    maps: tuple = MAPS
    depths: tuple = DEPTHS
    act: Callable = nn.silu
    dropout: float = 0.2
    drop_path: float = 0.2
    bn_momentum: float = 0.99

    def __post_init__(self):
        super().__post_init__()
        require(self, 'maps', len(self.maps) == self.stages, f'{self.stages} numbers')

    @property
    def stages(self):
        return len(MAPS)

    @nn.nowrap
    def rows(self):
        table = zip(EXPANSIONS, KERNELS, self.maps, STRIDES, strict=True)
        return repeated(table, self.depths, self.stem_maps, SQUEEZE)


def scaled(widen: float, deepen: float, dropout: float) -> Callable:
    """EfficientNet with `widen` times the baseline's channels and `deepen` times its blocks."""
    return partial(
        EfficientNet,
        stem_maps=divisible(32 * widen),
        maps=tuple(divisible(maps * widen) for maps in MAPS),
        last_maps=divisible(1280 * widen),
        depths=tuple(math.ceil(depth * deepen) for depth in DEPTHS),
        dropout=dropout,
    )


EfficientNetB0 = scaled(1.0, 1.0, 0.2)
EfficientNetB1 = scaled(1.0, 1.1, 0.2)
EfficientNetB2 = scaled(1.1, 1.2, 0.3)
EfficientNetB3 = scaled(1.2, 1.4, 0.3)
EfficientNetB4 = scaled(1.4, 1.8, 0.4)
