"""SqueezeNet. Iandola et al.: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, 2016.

`squeezenet1_0` is the paper's network without bypass connections; `squeezenet1_1` its authors' later release, which has
a smaller first convolution and pools earlier. As torchvision's, both have no padding in the first convolution and pools
rounded up: on 224x224 images that gives 109 and 54, where the paper's table 1 has 111 and 55, which need 227x227.
Dropout 0.5 stands before the last convolution (the paper: behind fire9, the same place), whose activated maps are
averaged to the logits. He initialisation throughout; the authors draw the last layer from a Gaussian.

`stem='small'` (ours): a 3x3 first convolution with stride 1, padded, so that 28x28 images give maps of 14, 7 and 3.
"""

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, require
from cnn_bench.models.layers import no_norm

# Channels of the squeezing 1x1 convolution and of each expanding one, fire2 to fire9.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then a 1x1 and a 3x3 convolution side by side, concatenated."""

    squeezed: int
    expanded: int  # channels of each of the two
    unit: Callable

    @nn.compact
    def __call__(self, x):
        x = self.unit(self.squeezed, 1, name='squeeze')(x)
        branches = (self.unit(self.expanded, kernel, name=f'expand_{kernel}x{kernel}')(x) for kernel in (1, 3))
        return jnp.concatenate(tuple(branches), axis=-1)


class ConvHead(nn.Module):
    """Dropout, a 1x1 convolution to `num_classes` channels, its activation, global average pool."""

    num_classes: int
    dropout: float
    unit: Callable

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x)
        return self.unit(self.num_classes, 1, name='conv10')(x).mean((1, 2))


class SqueezeNet(Classifier):
    """A strided convolution, fire modules with pools before, between and behind them, a convolution as the head."""

    takes_maxout: ClassVar[bool] = True

    norm: Callable = no_norm
    dropout: float = 0.5
    depths: tuple = (3, 4, 1)  # fire modules behind each of the three pools
    stem_maps: int = 96
    stem_kernel: int = 7

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', sum(self.depths) <= len(FIRES), f'{len(FIRES)} modules at most')

    @nn.compact
    def features(self, x, train=False):
        unit = self.unit(train)
        first = (3,) if self.small else (self.stem_kernel, 2, 0)
        x = unit(self.channels(self.stem_maps), *first, name='conv1')(x)
        pooled_before = {0, *accumulate(self.depths[:-1])}
        for number, row in enumerate(FIRES[: sum(self.depths)]):
            if number in pooled_before:
                x = self.pool(x, 3, 2, ceil=True)
            x = Fire(*map(self.channels, row), unit, name=f'fire{number + 2}')(x)
        return x

    @nn.nowrap
    def make_head(self):
        unit = partial(self.unit(train=False, use_bias=True), norm=no_norm)
        return ConvHead(self.num_classes, self.dropout, unit)


SqueezeNet1_0 = SqueezeNet
SqueezeNet1_1 = partial(SqueezeNet, depths=(2, 2, 4), stem_maps=64, stem_kernel=3)
