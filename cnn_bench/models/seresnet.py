"""SE-ResNet. Hu, Shen, Albanie, Sun, Wu: Squeeze-and-excitation networks, 2017.

`seresnet50` is a ResNet-50 (version 1.5) whose every block gates the channels of its last map before the shortcut is
added: a sixteenth as many channels in between, biases in both 1x1 convolutions of the gate. As timm's. Departure: none
known beyond those of `cnn_bench.models.resnet`, whose fields it has.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import SqueezeExcite
from cnn_bench.models.resnet import Bottleneck, ResNet

REDUCTION = 16


class SEBottleneck(Bottleneck):
    """A bottleneck with `SqueezeExcite` behind its last convolution."""

    gate: Callable | None = None  # `SqueezeExcite`, bound but for its channels

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
