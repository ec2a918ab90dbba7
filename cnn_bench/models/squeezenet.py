"""SqueezeNet. Iandola et al.: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, 2016.

`squeezenet1_0` is the paper's network without bypass connections; `squeezenet1_1` is the authors' later release, which
has a smaller first convolution and pools earlier. As in torchvision, the first convolution has no padding and pooling
sizes are rounded up: 224x224 images give 109 and 54, where the paper's table 1 has 111 and 55, which need 227x227.
Dropout 0.5 comes before the last convolution (after fire9, as the paper puts it), and the logits are the means of its
activated feature maps. He initialisation throughout; the authors draw the last layer from a Gaussian.

`stem='small'` (ours): a padded 3x3 first convolution with stride 1, so that 28x28 images give 14, 7 and 3.
"""

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, require
from cnn_bench.models.layers import no_norm

# Channels of the squeeze convolution and of each expand convolution, fire2 to fire9.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then a 1x1 and a 3x3 convolution in parallel, concatenated."""

    squeezed: int
    expanded: int  # channels of each of the two parallel convolutions
    conv_norm_act: Callable

    @nn.compact
    def __call__(self, x):
        x = self.conv_norm_act(self.squeezed, 1, name='squeeze')(x)
        branches = (self.conv_norm_act(self.expanded, kernel, name=f'expand_{kernel}x{kernel}')(x) for kernel in (1, 3))
        return jnp.concatenate(tuple(branches), axis=-1)


class ConvHead(nn.Module):
    """Dropout, a 1x1 convolution to `num_classes` channels, its activation, global average pool."""

    num_classes: int
    dropout: float
    conv_norm_act: Callable

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x)
        return self.conv_norm_act(self.num_classes, 1, name='conv10')(x).mean((1, 2))


class SqueezeNet(Classifier):
    """A strided convolution, fire modules with pooling in between, and a convolution as the head."""

    takes_maxout: ClassVar[bool] = True

    norm: Callable = no_norm
    dropout: float = 0.5
    depths: tuple = (3, 4, 1)  # fire modules after each of the three poolings
    stem_maps: int = 96
    stem_kernel: int = 7

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', sum(self.depths) <= len(FIRES), f'{len(FIRES)} modules at most')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        first = (3,) if self.small else (self.stem_kernel, 2, 0)
        x = conv_norm_act(self.scaled(self.stem_maps), *first, name='conv1')(x)
        pooled_before = {0, *accumulate(self.depths[:-1])}
        for number, row in enumerate(FIRES[: sum(self.depths)]):
            if number in pooled_before:
                x = self.pool(x, 3, 2, ceil=True)
            x = Fire(*map(self.scaled, row), conv_norm_act, name=f'fire{number + 2}')(x)
        return x

    @nn.nowrap
    def make_head(self):
        conv_norm_act = partial(self.conv_norm_act(train=False, use_bias=True), norm=no_norm)
        return ConvHead(self.num_classes, self.dropout, conv_norm_act)


SqueezeNet1_0 = SqueezeNet
SqueezeNet1_1 = partial(SqueezeNet, depths=(2, 2, 4), stem_maps=64, stem_kernel=3)
