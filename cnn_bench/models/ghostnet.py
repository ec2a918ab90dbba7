"""GhostNet. Han, Wang, Tian, Guo, Xu, Xu: GhostNet: more features from cheap operations, 2020.

`ghostnet` is table 1 of the paper at 1x, as in the authors' release and timm: a 1x1 convolution makes half of the
channels that it should, and a 3x3 depthwise convolution makes the other half from these. Gates have a quarter of the
expanded channels inside, in multiples of 4, and hard sigmoids; ReLU; the pooled features pass a dense layer of 1280,
with dropout 0.2 before the logits. Where a block's shapes differ, its shortcut is a depthwise and a 1x1 convolution.
Batch normalisation has momentum 0.9 and epsilon 1e-5.

For `stem='small'` and `padding` see `cnn_bench.models.inverted_residual`.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import DenseHead
from cnn_bench.models.inverted_residual import InvertedResidual, Row, TabledNet, divisible
from cnn_bench.models.layers import identity


def _row(kernel: int, expanded: int, features: int, gated: bool = False, stride: int = 1) -> Row:
    """A line of the paper's table: kernel, #exp, #out, SE, stride."""
    return Row(kernel, expanded, features, stride, divisible(expanded / 4, 4) if gated else 0)


TABLE = (
    (_row(3, 16, 16),),
    (_row(3, 48, 24, stride=2), _row(3, 72, 24)),
    (_row(5, 72, 40, True, 2), _row(5, 120, 40, True)),
    (_row(3, 240, 80, stride=2), _row(3, 200, 80), *(_row(3, 184, 80),) * 2),
    (_row(3, 480, 112, True), _row(3, 672, 112, True)),
    (_row(5, 672, 160, True, 2), *(_row(5, 960, 160), _row(5, 960, 160, True)) * 2),
)


class GhostModule(nn.Module):
    """Half of the `features` by a 1x1 convolution of x, the rest by a 3x3 depthwise convolution of that half."""

    features: int
    conv_norm_act: Callable

    @nn.compact
    def __call__(self, x):
        half = -(-self.features // 2)
        x = self.conv_norm_act(half, 1, name='primary')(x)
        ghosts = self.conv_norm_act(half, 3, groups=half, name='cheap')(x)
        return jnp.concatenate([x, ghosts], axis=-1)[..., : self.features]


class GhostBottleneck(InvertedResidual):
    """An inverted residual block of ghost modules; only one with a stride has a depthwise convolution between them."""

    def body(self, x):
        x = self.ghost('ghost1', self.expanded)(x)
        if self.stride > 1:
            x = self.depthwise(x, self.kernel, self.stride, act=identity, name='depthwise')
        x = self.gate(name='se')(x) if self.gate else x
        return self.ghost('ghost2', self.features, act=identity)(x)

    def shortcut(self, x):
        if self.stride == 1 and x.shape[-1] == self.features:
            return x
        x = self.depthwise(x, self.kernel, self.stride, act=identity, name='shortcut_depthwise')
        return self.conv_norm_act(self.features, 1, act=identity, name='shortcut')(x)

    def ghost(self, name, features, **fields):
        """A `GhostModule` of this block's layers, with `fields` of `ConvNorm` set."""
        return GhostModule(features, partial(self.conv_norm_act, **fields), name=name)


class GhostNet(TabledNet):
    """A stage for each number of channels in the paper's table."""

    table: tuple = TABLE
    depths: tuple = tuple(map(len, TABLE))
    stem_maps: int = 16
    last_maps: int = 960
    hidden: int = 1280  # of the head's dense layer
    dropout: float = 0.2

    @nn.nowrap
    def block_of(self, row):
        return GhostBottleneck

    @nn.nowrap
    def gate_of(self, row):
        return super().gate_of(row, gate=nn.hard_sigmoid)

    @nn.nowrap
    def make_head(self):
        hidden = (self.scaled(self.hidden),)
        return DenseHead(self.num_classes, hidden, self.dropout, self.dense, self.act, pooled=True)
