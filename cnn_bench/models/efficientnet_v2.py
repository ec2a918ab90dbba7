"""EfficientNetV2. Tan, Le: EfficientNetV2: smaller models and faster training, 2021.

`efficientnet_v2_s` is table 4 of the paper; the paper leaves the tables of the larger two to the authors' release
(`effnetv2_configs.py` of github.com/google/automl), as torchvision does. The first three stages are of fused blocks
without gates, and where these expand nothing they are a single 3x3 convolution; the rest are inverted residual blocks
with gates of a quarter of their input channels. As there: SiLU, dropout that grows with the network, `drop_path` 0.2 at
the last block, batch normalisation with momentum 0.99 and epsilon 1e-3. `padding='same'` gives the authors' release and
Keras's network.

Native sizes are those of torchvision's weights, which are those that the paper evaluates at.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import require
from cnn_bench.models.inverted_residual import InvertedResidualNet, repeated

FUSED = 3  # stages
SQUEEZE = 4
# Expansion, kernel, channels, stride of each stage.
SMALL = ((1, 3, 24, 1), (4, 3, 48, 2), (4, 3, 64, 2), (4, 3, 128, 2), (6, 3, 160, 1), (6, 3, 256, 2))
MEDIUM = (
    *((1, 3, 24, 1), (4, 3, 48, 2), (4, 3, 80, 2)),
    *((4, 3, 160, 2), (6, 3, 176, 1), (6, 3, 304, 2), (6, 3, 512, 1)),
)
LARGE = (
    *((1, 3, 32, 1), (4, 3, 64, 2), (4, 3, 96, 2)),
    *((4, 3, 192, 2), (6, 3, 224, 1), (6, 3, 384, 2), (6, 3, 640, 1)),
)


class EfficientNetV2(InvertedResidualNet):
    """A stage for each row of `table`, the first three of fused blocks; `last` is the final 1x1 convolution."""

    table: tuple = SMALL
    depths: tuple = (2, 4, 4, 6, 9, 15)
    stem_maps: int = 24
    act: Callable = nn.silu
    dropout: float = 0.2
    drop_path: float = 0.2
    bn_momentum: float = 0.99
    bn_epsilon: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        require(self, 'table', len(self.table) > FUSED, f'more than {FUSED} rows')

    @property
    def stages(self):
        return len(self.table)

    @nn.nowrap
    def rows(self):
        fused = repeated(self.table[:FUSED], self.depths[:FUSED], self.stem_maps)
        gated = repeated(self.table[FUSED:], self.depths[FUSED:], self.table[FUSED - 1][2], SQUEEZE)
        return (*(tuple(row._replace(fused=True) for row in rows) for rows in fused), *gated)


EfficientNetV2S = EfficientNetV2
EfficientNetV2M = partial(EfficientNetV2, table=MEDIUM, depths=(3, 5, 5, 7, 14, 18, 5), dropout=0.3)
EfficientNetV2L = partial(EfficientNetV2, table=LARGE, depths=(4, 7, 7, 10, 19, 25, 7), stem_maps=32, dropout=0.4)
