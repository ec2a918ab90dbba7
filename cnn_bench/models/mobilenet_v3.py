"""MobileNetV3. Howard et al.: Searching for MobileNetV3, 2019.

Tables 1 and 2 of the paper, as in torchvision: inverted residual blocks with gates of a quarter of the expanded
channels, rounded to a multiple of 8; ReLU in the first stages and in gates (`early_act`), hard-swish elsewhere; a dense
layer between the pooled features and the logits, where the paper has a 1x1 convolution, with dropout 0.2. Table 2 has a
gate at the small network's last 1x1 convolution before the pool; it is left out here as in torchvision and Keras. Batch
normalisation has momentum 0.99 and epsilon 1e-3. `padding='same'` gives the authors' release and Keras's network.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import DenseHead
from cnn_bench.models.inverted_residual import Row, TabledNet, divisible


def _row(kernel: int, expanded: int, features: int, gated: bool, act: str, stride: int) -> Row:
    """A line of the paper's tables: kernel, exp size, #out, SE, NL, s."""
    return Row(kernel, expanded, features, stride, divisible(expanded // 4) if gated else 0, early=act == 'RE')


LARGE = (
    (_row(3, 16, 16, False, 'RE', 1),),
    (_row(3, 64, 24, False, 'RE', 2), _row(3, 72, 24, False, 'RE', 1)),
    (_row(5, 72, 40, True, 'RE', 2), *(_row(5, 120, 40, True, 'RE', 1),) * 2),
    (_row(3, 240, 80, False, 'HS', 2), _row(3, 200, 80, False, 'HS', 1), *(_row(3, 184, 80, False, 'HS', 1),) * 2),
    (_row(3, 480, 112, True, 'HS', 1), _row(3, 672, 112, True, 'HS', 1)),
    (_row(5, 672, 160, True, 'HS', 2), *(_row(5, 960, 160, True, 'HS', 1),) * 2),
)
SMALL = (
    (_row(3, 16, 16, True, 'RE', 2),),
    (_row(3, 72, 24, False, 'RE', 2), _row(3, 88, 24, False, 'RE', 1)),
    (_row(5, 96, 40, True, 'HS', 2), *(_row(5, 240, 40, True, 'HS', 1),) * 2),
    (_row(5, 120, 48, True, 'HS', 1), _row(5, 144, 48, True, 'HS', 1)),
    (_row(5, 288, 96, True, 'HS', 2), *(_row(5, 576, 96, True, 'HS', 1),) * 2),
)


class MobileNetV3(TabledNet):
    """A stage for each number of channels in the paper's table."""

    table: tuple = LARGE
    depths: tuple = (1, 2, 3, 4, 2, 3)
    stem_maps: int = 16
    last_maps: int = 960
    hidden: int = 1280  # of the head's dense layer
    act: Callable = nn.hard_swish
    early_act: Callable = nn.relu
    dropout: float = 0.2
    bn_momentum: float = 0.99
    bn_epsilon: float = 1e-3

    @nn.nowrap
    def act_of(self, row):
        return self.early_act if row.early else self.act

    @nn.nowrap
    def gate_of(self, row):
        return super().gate_of(row, act=self.early_act, gate=nn.hard_sigmoid)

    @nn.nowrap
    def make_head(self):
        hidden = (self.scaled(self.hidden),)
        return DenseHead(self.num_classes, hidden, self.dropout, self.dense, self.act, pooled=True)


MobileNetV3Large = MobileNetV3
MobileNetV3Small = partial(MobileNetV3, table=SMALL, depths=(1, 2, 3, 2, 3), last_maps=576, hidden=1024)
