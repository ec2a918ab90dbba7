"""Inception-ResNet v2. Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the impact of residual
connections on learning, 2016.

As released by its authors, and as in timm and Keras. The release departs from the paper's figures: the stem is that of
Inception v3 followed by one module; there are 10, 20 and 10 residual modules instead of 5, 10 and 5; sums have 320,
1088 and 2080 channels, and a final 1x1 convolution 1536; residuals are scaled by 0.17, 0.1 and 0.2, and by 1 in the
last module, whose sum has no activation. Batch normalisation has a scale (the release has none), momentum 0.9 and
epsilon 0.001. The auxiliary head of the release, which the paper does not show, is left out.

`stem='small'` (ours): as in `cnn_bench.models.inception_v3`; 28x28 images give 13, 6 and 2.
"""

from cnn_bench.models.inception_blocks import InceptionNet, Part, Residual
from cnn_bench.models.inception_v3 import SMALL_STEM, STEM

MIXED = {
    'branch_1x1': ((96, 1),),
    'branch_5x5': ((48, 1), (64, 5)),
    'branch_3x3_double': ((64, 1), (96, 3), (96, 3)),
    'branch_pool': ('mean', (64, 1)),
}
BLOCK_A = {
    'branch_1x1': ((32, 1),),
    'branch_3x3': ((32, 1), (32, 3)),
    'branch_3x3_double': ((32, 1), (48, 3), (64, 3)),
}
REDUCTION_A = {
    'branch_3x3': ((384, 3, 2, 0),),
    'branch_3x3_double': ((256, 1), (256, 3), (384, 3, 2, 0)),
    'branch_pool': ('max',),
}
BLOCK_B = {
    'branch_1x1': ((192, 1),),
    'branch_7x7': ((128, 1), (160, (1, 7)), (192, (7, 1))),
}
REDUCTION_B = {
    'branch_3x3_a': ((256, 1), (384, 3, 2, 0)),
    'branch_3x3_b': ((256, 1), (288, 3, 2, 0)),
    'branch_3x3_double': ((256, 1), (288, 3), (320, 3, 2, 0)),
    'branch_pool': ('max',),
}
BLOCK_C = {
    'branch_1x1': ((192, 1),),
    'branch_3x3': ((192, 1), (224, (1, 3)), (256, (3, 1))),
}


class InceptionResNetV2(InceptionNet):
    """A stem, a module, and three kinds of residual modules with reductions between them."""

    depths: tuple = (10, 20, 10)

    def plan(self) -> dict[str, Part]:
        first, second, third = self.depths
        return {
            'stem': SMALL_STEM if self.small else STEM,
            'mixed': MIXED,
            **{f'block_a{n}': Residual(BLOCK_A, 0.17) for n in range(1, first + 1)},
            'reduction_a': REDUCTION_A,
            **{f'block_b{n}': Residual(BLOCK_B, 0.1) for n in range(1, second + 1)},
            'reduction_b': REDUCTION_B,
            **{f'block_c{n}': Residual(BLOCK_C, 0.2) for n in range(1, third)},
            f'block_c{third}': Residual(BLOCK_C, 1.0, activated=False),
            'last': ((1536, 1),),
        }
