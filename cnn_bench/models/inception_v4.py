"""Inception v4. Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the impact of residual
connections on learning, 2016.

Figures 3 to 9 of the paper. Batch normalisation has a scale (the authors' release has none), momentum 0.9 and epsilon
0.001. The auxiliary head of the release, which the paper does not show, is left out.

`stem='small'` (ours): the stem is padded and has no stride, except in its last step, so that 28x28 images give 13, 6
and 2.
"""

from typing import ClassVar

from cnn_bench.models.inception_blocks import InceptionNet, Part

STEM = ((32, 3, 2, 0), (32, 3, 1, 0), (64, 3))
SMALL_STEM = ((32, 3), (32, 3), (64, 3))
STEM_A = {'branch_pool': ('max',), 'branch_3x3': ((96, 3, 2, 0),)}
SMALL_STEM_A = {'branch_pool': ('max_same',), 'branch_3x3': ((96, 3),)}
STEM_C = {'branch_3x3': ((192, 3, 2, 0),), 'branch_pool': ('max',)}

INCEPTION_A = {
    'branch_1x1': ((96, 1),),
    'branch_3x3': ((64, 1), (96, 3)),
    'branch_3x3_double': ((64, 1), (96, 3), (96, 3)),
    'branch_pool': ('mean', (96, 1)),
}
REDUCTION_A = {
    'branch_3x3': ((384, 3, 2, 0),),
    'branch_3x3_double': ((192, 1), (224, 3), (256, 3, 2, 0)),
    'branch_pool': ('max',),
}
INCEPTION_B = {
    'branch_1x1': ((384, 1),),
    'branch_7x7': ((192, 1), (224, (1, 7)), (256, (7, 1))),
    'branch_7x7_double': ((192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
    'branch_pool': ('mean', (128, 1)),
}
REDUCTION_B = {
    'branch_3x3': ((192, 1), (192, 3, 2, 0)),
    'branch_7x7_3x3': ((256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2, 0)),
    'branch_pool': ('max',),
}
INCEPTION_C = {
    'branch_1x1': ((256, 1),),
    'branch_3x3': ((384, 1), ((256, (1, 3)), (256, (3, 1)))),
    'branch_3x3_double': ((384, 1), (448, (3, 1)), (512, (1, 3)), ((256, (1, 3)), (256, (3, 1)))),
    'branch_pool': ('mean', (256, 1)),
}


def stem_b(padding: int | None) -> dict:
    """Two branches; `padding` of their last 3x3 convolution is 0, or None to keep the size."""
    return {
        'branch_3x3': ((64, 1), (96, 3, 1, padding)),
        'branch_7x7': ((64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1, padding)),
    }


class InceptionV4(InceptionNet):
    """A branched stem and three kinds of modules with reductions between them."""

    takes_maxout: ClassVar[bool] = True

    depths: tuple = (4, 7, 3)

    def plan(self) -> dict[str, Part]:
        first, second, third = self.depths
        return {
            'stem': SMALL_STEM if self.small else STEM,
            'stem_a': SMALL_STEM_A if self.small else STEM_A,
            'stem_b': stem_b(None if self.small else 0),
            'stem_c': STEM_C,
            **{f'inception_a{n}': INCEPTION_A for n in range(1, first + 1)},
            'reduction_a': REDUCTION_A,
            **{f'inception_b{n}': INCEPTION_B for n in range(1, second + 1)},
            'reduction_b': REDUCTION_B,
            **{f'inception_c{n}': INCEPTION_C for n in range(1, third + 1)},
        }
