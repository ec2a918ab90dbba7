"""EfficientNet. Tan, Le: EfficientNet: rethinking model scaling for convolutional neural networks, 2019.

`efficientnet_b0` is table 1 of the paper; the larger ones multiply its channels (to multiples of 8) and its depths
(rounded up). As in the paper: SiLU, gates with a quarter of the block's input channels, dropout that grows with the
network, `drop_path` 0.2 at the last block, running statistics with momentum 0.99. Epsilon is torchvision's, 1e-5;
`bn_epsilon=1e-3` with `padding='same'` gives the authors' release and Keras's network.

Native sizes are those of torchvision's weights. They differ from the paper's only for `efficientnet_b2`: 288, not 260.
Torchvision's weights of `efficientnet_b5` to `b7` come from the authors' and have their epsilon.

`efficientnet_lite0` to `lite4` are the authors' EfficientNet-Lite for mobile processors (release of March 2020, folder
`efficientnet/lite` of github.com/tensorflow/tpu): no gates, ReLU6, and the stem, the depths of the first and last stage
and the last 1x1 convolution are not scaled. They are as released, with TensorFlow's padding and an epsilon of 1e-3.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

import math
from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import require
from cnn_bench.models.inverted_residual import InvertedResidualNet, divisible, repeated

# Stages 2 to 8 of the baseline, table 1.
EXPANSIONS = (1, 6, 6, 6, 6, 6, 6)
KERNELS = (3, 3, 5, 3, 5, 5, 3)
CHANNELS = (16, 24, 40, 80, 112, 192, 320)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
DEPTHS = (1, 2, 2, 3, 3, 4, 1)
SQUEEZE = 4


class EfficientNet(InvertedResidualNet):
    """stage1 to stage7 are stages 2 to 8 of the paper's table; `last` is the final 1x1 convolution.

    Gates have 1 / `squeeze` of a block's input channels; with 0 there are none.
    """

    maps: tuple = CHANNELS
    depths: tuple = DEPTHS
    squeeze: int = SQUEEZE
    act: Callable = nn.silu
    dropout: float = 0.2
    drop_path: float = 0.2
    bn_momentum: float = 0.99

    def __post_init__(self):
        super().__post_init__()
        require(self, 'maps', len(self.maps) == self.stages, f'{self.stages} numbers')
        require(self, 'squeeze', self.squeeze >= 0, '0 (no gates) or more')

    @property
    def stages(self):
        return len(CHANNELS)

    @nn.nowrap
    def rows(self):
        table = zip(EXPANSIONS, KERNELS, self.maps, STRIDES, strict=True)
        return repeated(table, self.depths, self.stem_maps, self.squeeze)


def compound_scaled(widen: float, deepen: float, dropout: float) -> Callable:
    """EfficientNet with `widen` times the baseline's channels and `deepen` times its blocks."""
    return partial(
        EfficientNet,
        stem_maps=divisible(32 * widen),
        maps=widened(widen),
        last_maps=divisible(1280 * widen),
        depths=deepened(deepen),
        dropout=dropout,
    )


def lite(widen: float, deepen: float, dropout: float) -> Callable:
    """EfficientNet-Lite: only the channels of the stages and the depths of those between first and last are scaled."""
    return partial(
        EfficientNet,
        maps=widened(widen),
        depths=(DEPTHS[0], *deepened(deepen)[1:-1], DEPTHS[-1]),
        dropout=dropout,
        squeeze=0,
        act=nn.relu6,
        padding='same',
        bn_epsilon=1e-3,
    )


def widened(factor: float) -> tuple[int, ...]:
    """The baseline's channels of each stage times `factor`, to multiples of 8."""
    return tuple(divisible(channels * factor) for channels in CHANNELS)


def deepened(factor: float) -> tuple[int, ...]:
    """The baseline's blocks of each stage times `factor`, rounded up."""
    return tuple(math.ceil(depth * factor) for depth in DEPTHS)


EfficientNetB0 = compound_scaled(1.0, 1.0, 0.2)
EfficientNetB1 = compound_scaled(1.0, 1.1, 0.2)
EfficientNetB2 = compound_scaled(1.1, 1.2, 0.3)
EfficientNetB3 = compound_scaled(1.2, 1.4, 0.3)
EfficientNetB4 = compound_scaled(1.4, 1.8, 0.4)
EfficientNetB5 = compound_scaled(1.6, 2.2, 0.4)
EfficientNetB6 = compound_scaled(1.8, 2.6, 0.5)
EfficientNetB7 = compound_scaled(2.0, 3.1, 0.5)
EfficientNetLite0 = lite(1.0, 1.0, 0.2)
EfficientNetLite1 = lite(1.0, 1.1, 0.2)
EfficientNetLite2 = lite(1.1, 1.2, 0.3)
EfficientNetLite3 = lite(1.2, 1.4, 0.3)
EfficientNetLite4 = lite(1.4, 1.8, 0.3)
