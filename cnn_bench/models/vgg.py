"""VGG. Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, 2014: nets A, B, D and
E.

Where they depart from the paper: He initialisation, not a shallower net's weights; and the `_bn` forms, which are
torchvision's: batch normalisation behind every convolution, which keeps its bias. torchvision pools images of other
sizes than 224x224 to 7x7 maps; here the first dense layer grows or shrinks with the image.

`stem='small'` (ours): no pooling behind the last stage, the others round up (28x28 images: 28, 14, 7, 4, 2), and in
place of the three dense layers a global average pool, dropout and one dense layer.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, DenseHead, Stage, require
from cnn_bench.models.layers import batch_norm, no_norm

MAPS = (64, 128, 256, 512, 512)


class VGG(Classifier):
    """Five stages of 3x3 convolutions, `depths` of them a stage, each stage followed by 2x2 pooling."""

    takes_maxout: ClassVar[bool] = True

    dropout: float = 0.5
    norm: Callable = no_norm
    depths: tuple = (2, 2, 3, 3, 3)

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(MAPS), f'{len(MAPS)} numbers')

    @nn.compact
    def features(self, x, train=False):
        unit = self.unit(train, use_bias=True)
        for stage, (count, depth) in enumerate(zip(MAPS, self.depths, strict=True), 1):
            convolutions = (partial(unit, self.channels(count), 3),) * depth
            x = Stage(convolutions, 'conv', name=f'stage{stage}')(x)
            if not self.small:
                x = self.pool(x, 2)
            elif stage < len(MAPS):
                x = self.pool(x, 2, ceil=True)
        return x

    @nn.nowrap
    def make_head(self):
        if self.small:
            return super().make_head()
        hidden = (self.channels(4096),) * 2
        return DenseHead(self.num_classes, hidden, self.dropout, self.dense, self.act)


VGG11 = partial(VGG, depths=(1, 1, 2, 2, 2))
VGG13 = partial(VGG, depths=(2, 2, 2, 2, 2))
VGG16 = partial(VGG, depths=(2, 2, 3, 3, 3))
VGG19 = partial(VGG, depths=(2, 2, 4, 4, 4))
VGG11BN = partial(VGG11, norm=batch_norm)
VGG13BN = partial(VGG13, norm=batch_norm)
VGG16BN = partial(VGG16, norm=batch_norm)
VGG19BN = partial(VGG19, norm=batch_norm)
