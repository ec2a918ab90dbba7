"""VGG. Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, 2014: nets A, B, D and
E.

Departures from the paper: He initialisation instead of the weights of a shallower net. The `_bn` forms are
torchvision's, with batch normalisation after every convolution, which keeps its bias. For images of other sizes than
224x224 the first dense layer grows or shrinks with the image; with `adaptive_pool`, as in torchvision, the last map is
pooled to 7x7 instead, so that weights for one size can be used at others.

`stem='small'` (ours): no pooling after the last stage, sizes rounded up in the others (28x28 images give 28, 14, 7, 4
and 2), and a global average pool, dropout and one dense layer instead of the three dense layers.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, DenseHead, Stage, require
from cnn_bench.models.layers import batch_norm, no_norm

CHANNELS = (64, 128, 256, 512, 512)
LAST_MAP = 7  # its side for images of 224x224


class VGG(Classifier):
    """Five stages of `depths` 3x3 convolutions, each followed by 2x2 pooling."""

    takes_maxout: ClassVar[bool] = True

    dropout: float = 0.5
    norm: Callable = no_norm
    depths: tuple = (2, 2, 3, 3, 3)
    adaptive_pool: bool = False  # to 7x7 before the dense layers

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(CHANNELS), f'{len(CHANNELS)} numbers')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train, use_bias=True)
        for stage, (channels, depth) in enumerate(zip(CHANNELS, self.depths, strict=True), 1):
            convolutions = (partial(conv_norm_act, self.scaled(channels), 3),) * depth
            x = Stage(convolutions, 'conv', name=f'stage{stage}')(x)
            if not self.small:
                x = self.pool(x, 2)
            elif stage < len(CHANNELS):
                x = self.pool(x, 2, ceil=True)
        return x

    @nn.nowrap
    def make_head(self):
        if self.small:
            return super().make_head()
        hidden = (self.scaled(4096),) * 2
        pool_to = LAST_MAP if self.adaptive_pool else None
        return DenseHead(self.num_classes, hidden, self.dropout, self.dense, self.act, pool_to=pool_to)


VGG11 = partial(VGG, depths=(1, 1, 2, 2, 2))
VGG13 = partial(VGG, depths=(2, 2, 2, 2, 2))
VGG16 = partial(VGG, depths=(2, 2, 3, 3, 3))
VGG19 = partial(VGG, depths=(2, 2, 4, 4, 4))
VGG11BN = partial(VGG11, norm=batch_norm)
VGG13BN = partial(VGG13, norm=batch_norm)
VGG16BN = partial(VGG16, norm=batch_norm)
VGG19BN = partial(VGG19, norm=batch_norm)
