"""MobileNetV2. Sandler, Howard, Zhu, Zhmoginov, Chen: Inverted residuals and linear bottlenecks, 2018.

Table 2 of the paper, as in torchvision: ReLU6, dropout 0.2 before the logits (the paper does not mention any), batch
normalisation with momentum 0.9 and epsilon 1e-5. `padding='same'` with `bn_epsilon=1e-3` gives the authors' release and
Keras's network. `width` also scales the last 1x1 convolution, which in the paper keeps 1280 channels at widths below 1.

For `stem='small'` see `cnn_bench.models.inverted_residual`.
"""

from collections.abc import Callable

from flax import linen as nn

from cnn_bench.models.inverted_residual import InvertedResidualNet, repeated

# Table 2, bottlenecks: expansion, kernel, channels, stride.
TABLE = ((1, 3, 16, 1), (6, 3, 24, 2), (6, 3, 32, 2), (6, 3, 64, 2), (6, 3, 96, 1), (6, 3, 160, 2), (6, 3, 320, 1))


class MobileNetV2(InvertedResidualNet):
    """stage1 to stage7 are the rows of the paper's table; `last` is the final 1x1 convolution."""

    depths: tuple = (1, 2, 3, 4, 3, 3, 1)
    act: Callable = nn.relu6
    dropout: float = 0.2

    @property
    def stages(self):
        return len(TABLE)

    @nn.nowrap
    def rows(self):
        return repeated(TABLE, self.depths, self.stem_maps)
