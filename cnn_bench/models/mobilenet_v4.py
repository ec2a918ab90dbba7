"""MobileNetV4. Qin et al.: MobileNetV4: universal models for the mobile ecosystem, 2024.

The convolutional networks of the paper's appendix, as in timm: universal inverted bottlenecks, which have a depthwise
convolution before the expansion, behind it, at both places or at none; ReLU; the pooled features pass a 1x1 convolution
to 1280 channels with a normalisation and an activation. As in timm, the fused blocks at the beginning of
`mobilenet_v4_conv_small` are two convolutions with an activation behind each, and no shortcut. Dropout before the
logits is 0.2 as in the earlier MobileNets and there is no stochastic depth; the paper's recipes have rates of their
own. Batch normalisation has momentum 0.9 and epsilon 1e-5. `padding='same'` pads as TensorFlow does.

Native sizes are those at which timm's weights were trained: 224, 256 and 384.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.inverted_residual import Row, TabledNet


def _uib(start: int, kernel: int, expanded: int, features: int, stride: int = 1) -> Row:
    """A line of the paper's tables: DW K1, DW K2 (0: none), expanded dim, output dim, stride."""
    return Row(kernel, expanded, features, stride, start=start)


def _fused(expanded: int, features: int, stride: int) -> Row:
    return Row(3, expanded, features, stride, fused=True)


def _conv(kernel: int, before: int, features: int, stride: int = 1) -> Row:
    """A convolution of `before` channels, its normalisation and its activation."""
    return Row(kernel, before, features, stride, fused=True, skips=False)


SMALL = (
    (_conv(3, 32, 32, 2), _conv(1, 32, 32)),
    (_conv(3, 32, 96, 2), _conv(1, 96, 64)),
    (_uib(5, 5, 192, 96, 2), *(_uib(0, 3, 192, 96),) * 4, _uib(3, 0, 384, 96)),
    (
        *(_uib(3, 3, 576, 128, 2), _uib(5, 5, 512, 128), _uib(0, 5, 512, 128), _uib(0, 5, 384, 128)),
        *(_uib(0, 3, 512, 128),) * 2,
    ),
)
MEDIUM = (
    (_fused(128, 48, 2),),
    (_uib(3, 5, 192, 80, 2), _uib(3, 3, 160, 80)),
    (
        *(_uib(3, 5, 480, 160, 2), *(_uib(3, 3, 640, 160),) * 2, _uib(3, 5, 640, 160), _uib(3, 3, 640, 160)),
        *(_uib(3, 0, 640, 160), _uib(0, 0, 320, 160), _uib(3, 0, 640, 160)),
    ),
    (
        *(_uib(5, 5, 960, 256, 2), _uib(5, 5, 1024, 256), *(_uib(3, 5, 1024, 256),) * 2, _uib(0, 0, 1024, 256)),
        *(_uib(3, 0, 1024, 256), _uib(3, 5, 512, 256), _uib(5, 5, 1024, 256)),
        *(*(_uib(0, 0, 1024, 256),) * 2, _uib(5, 0, 512, 256)),
    ),
)
LARGE = (
    (_fused(96, 48, 2),),
    (_uib(3, 5, 192, 96, 2), _uib(3, 3, 384, 96)),
    (
        *(_uib(3, 5, 384, 192, 2), *(_uib(3, 3, 768, 192),) * 3, _uib(3, 5, 768, 192)),
        *(*(_uib(5, 3, 768, 192),) * 5, _uib(3, 0, 768, 192)),
    ),
    (
        *(_uib(5, 5, 768, 512, 2), *(_uib(5, 5, 2048, 512),) * 3, _uib(5, 0, 2048, 512), _uib(5, 3, 2048, 512)),
        *(*(_uib(5, 0, 2048, 512),) * 2, _uib(5, 3, 2048, 512), _uib(5, 5, 2048, 512), *(_uib(5, 0, 2048, 512),) * 3),
    ),
)


class ConvHead(nn.Module):
    """Global average pool, a 1x1 convolution with normalisation and activation, dropout, one dense layer."""

    num_classes: int
    hidden: int
    dropout: float
    dense: Callable
    conv_norm_act: Callable  # `conv_norm_act(train)(features, kernel, name=...)(x)`

    @nn.compact
    def __call__(self, x, train):
        x = self.conv_norm_act(train)(self.hidden, 1, name='conv')(x.mean((1, 2), keepdims=True))
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x.mean((1, 2)))
        return self.dense(self.num_classes, name='fc')(x)


class MobileNetV4(TabledNet):
    """A stage for each resolution below the stem's."""

    table: tuple = MEDIUM
    depths: tuple = tuple(map(len, MEDIUM))
    last_maps: int = 960
    hidden: int = 1280  # of the head's 1x1 convolution
    dropout: float = 0.2

    @nn.nowrap
    def make_head(self):
        return ConvHead(self.num_classes, self.scaled(self.hidden), self.dropout, self.dense, self.conv_norm_act)


MobileNetV4ConvSmall = partial(MobileNetV4, table=SMALL, depths=tuple(map(len, SMALL)))
MobileNetV4ConvMedium = MobileNetV4
MobileNetV4ConvLarge = partial(MobileNetV4, table=LARGE, depths=tuple(map(len, LARGE)), stem_maps=24)
