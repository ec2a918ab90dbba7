"""SE-ResNet. Hu, Shen, Albanie, Sun, Wu: Squeeze-and-excitation networks, 2017.

`seresnet50` is a ResNet-50 (version 1.5) in which every block gates its output channels before adding the shortcut. A
gate has a sixteenth of the channels inside and biases in both 1x1 convolutions, as in timm. No known departures beyond
those of `cnn_bench.models.resnet`, whose fields it has.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import SqueezeExcite
from cnn_bench.models.resnet import Bottleneck, ResNet

REDUCTION = 16


class SEBottleneck(Bottleneck):
    """A bottleneck with `SqueezeExcite` after its last convolution."""

    gate: Callable | None = None  # `SqueezeExcite`: `gate(reduced, name='se')(x)`

    def body(self, x):
        x = super().body(x)
        return self.gate(max(1, x.shape[-1] // REDUCTION), name='se')(x)


class SEResNet(ResNet):
    """A ResNet of blocks that take a `gate`."""

    block: Callable = SEBottleneck

    @nn.nowrap
    def block_of(self, train: bool) -> Callable:
        point = partial(self.conv, dtype=self.dtype, kernel_init=self.kernel_init)
        return partial(super().block_of(train), gate=partial(SqueezeExcite, conv=point, act=self.act))


SEResNet50 = partial(SEResNet, depths=(3, 4, 6, 3))
