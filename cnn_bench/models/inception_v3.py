"""Inception v3. Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception architecture, 2015.

As released by its authors, and as in torchvision and Keras. The release departs from the paper: the stem's first
pooling is followed by a 1x1 and a 3x3 convolution and another pooling, where the paper's table 1 has three 3x3
convolutions; modules at the highest resolution keep a 5x5 convolution where figure 5 has a 3x3. Batch normalisation has
a scale (the release and Keras have none), momentum 0.9 and epsilon 0.001; dropout is the release's 0.2. Mean pooling
excludes the padding, as in the release; torchvision includes it (`pads_counted`).

The auxiliary head is for training only, and off unless `aux=True`. With it, the network has its parameters too
(27,161,264 in all), and in training puts its logits into the collection 'aux_logits'; in evaluation it is not computed.

`stem='small'` (ours): the stem's convolutions are padded and have no stride, and only its last pooling remains, so that
28x28 images give 13, 6 and 2. The auxiliary head then has no pooling.
"""

from collections.abc import Callable
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import sow_aux
from cnn_bench.models.inception_blocks import InceptionNet, Part
from cnn_bench.models.layers import avg_pool

STEM = ((32, 3, 2, 0), (32, 3, 1, 0), (64, 3), 'max', (80, 1), (192, 3, 1, 0), 'max')
SMALL_STEM = ((32, 3), (32, 3), (64, 3), (80, 1), (192, 3), 'max')
# Channels that differ between modules of one kind; a deeper network repeats the last.
PROJECTED = (32, 64, 64)  # of the 1x1 convolution behind the pool
SEVENS = (128, 160, 160, 192)  # inside the 7x7 branches

REDUCTION_A = {
    'branch_3x3': ((384, 3, 2, 0),),
    'branch_3x3_double': ((64, 1), (96, 3), (96, 3, 2, 0)),
    'branch_pool': ('max',),
}
REDUCTION_B = {
    'branch_3x3': ((192, 1), (320, 3, 2, 0)),
    'branch_7x7_3x3': ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, 0)),
    'branch_pool': ('max',),
}
INCEPTION_C = {
    'branch_1x1': ((320, 1),),
    'branch_3x3': ((384, 1), ((384, (1, 3)), (384, (3, 1)))),
    'branch_3x3_double': ((448, 1), (384, 3), ((384, (1, 3)), (384, (3, 1)))),
    'branch_pool': ('mean', (192, 1)),
}


def inception_a(projected: int) -> dict:
    """A module at the highest resolution, `projected` channels behind its pool; figure 5, but with one 5x5 kept."""
    return {
        'branch_1x1': ((64, 1),),
        'branch_5x5': ((48, 1), (64, 5)),
        'branch_3x3_double': ((64, 1), (96, 3), (96, 3)),
        'branch_pool': ('mean', (projected, 1)),
    }


def inception_b(inner: int) -> dict:
    """A module at the middle resolution, figure 6: 7x7 convolutions of `inner` channels, factored into 1x7 and 7x1."""
    return {
        'branch_1x1': ((192, 1),),
        'branch_7x7': ((inner, 1), (inner, (1, 7)), (192, (7, 1))),
        'branch_7x7_double': ((inner, 1), (inner, (7, 1)), (inner, (1, 7)), (inner, (7, 1)), (192, (1, 7))),
        'branch_pool': ('mean', (192, 1)),
    }


def _extended(channels: tuple, count: int) -> tuple:
    return (*channels, *channels[-1:] * count)[:count]


class AuxHead(nn.Module):
    """An auxiliary classifier: 5x5 mean pooling with stride 3, 1x1 and 5x5 convolutions, global average, dense layer.

    The second convolution covers the `whole` map instead if so wanted. Returns nothing; the logits go to the collection
    'aux_logits'.
    """

    num_classes: int
    features: tuple[int, int]
    conv_norm_act: Callable
    dense: Callable
    pooled: bool = True
    whole: bool = False

    @nn.compact
    def __call__(self, x):
        x = avg_pool(x, 5, 3) if self.pooled else x
        x = self.conv_norm_act(self.features[0], 1, name='conv1')(x)
        kernel = x.shape[1:3] if self.whole else 5
        x = self.conv_norm_act(self.features[1], kernel, padding=0, name='conv2')(x)
        sow_aux(self, self.dense(self.num_classes, name='fc')(x.mean((1, 2))))


class InceptionV3(InceptionNet):
    """A stem and three kinds of modules with reductions between them."""

    takes_maxout: ClassVar[bool] = True

    depths: tuple = (3, 4, 2)
    aux: bool = False

    def plan(self) -> dict[str, Part]:
        first, second, third = self.depths
        return {
            'stem': SMALL_STEM if self.small else STEM,
            **{f'inception_a{n}': inception_a(c) for n, c in enumerate(_extended(PROJECTED, first), 1)},
            'reduction_a': REDUCTION_A,
            **{f'inception_b{n}': inception_b(c) for n, c in enumerate(_extended(SEVENS, second), 1)},
            'reduction_b': REDUCTION_B,
            **{f'inception_c{n}': INCEPTION_C for n in range(1, third + 1)},
        }

    @nn.compact
    def features(self, x, train=False):
        with_aux = self.aux and self.num_classes and (train or self.is_initializing())
        for name, part in self.plan().items():
            if name == 'reduction_b' and with_aux:
                features = self.scaled(128), self.scaled(768)
                AuxHead(self.num_classes, features, self.conv_norm_act(train), self.dense, not self.small, name='aux')(
                    x
                )
            x = self.part(part, train)(name=name)(x)
        return x
