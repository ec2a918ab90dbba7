"""SE-ResNet and SENet-154. Hu, Shen, Albanie, Sun, Wu: Squeeze-and-excitation networks, 2017.

`seresnet50` is a ResNet-50 (version 1.5) in which every block gates its output channels before adding the shortcut;
`seresnet101` and `seresnet152` are deeper, and `seresnext50_32x4d` is a ResNeXt-50 with gates. A gate has a sixteenth
of the channels inside and biases in both 1x1 convolutions, as in timm.

`senet154` is the paper's entry to ILSVRC 2017 (its appendix): a ResNeXt-152 of 64 groups of 4 channels with gates, half
the channels in the first 1x1 of a bottleneck, three 3x3 convolutions in the stem, 3x3 convolutions in shortcuts that
halve the resolution, and dropout of 0.2. As in timm's `senet154`, the stem's pooling is padded on all sides; the
authors' own, in Caffe, has windows that hang over the lower right edge.

No known departures beyond these and those of `cnn_bench.models.resnet`, whose fields they have.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import SqueezeExcite, require
from cnn_bench.models.resnet import Bottleneck, ResNet


class SEBottleneck(Bottleneck):
    """A bottleneck with `SqueezeExcite` after its last convolution."""

    gate: Callable | None = None  # `SqueezeExcite`: `gate(reduced, name='se')(x)`
    reduction: int = 16

    def body(self, x):
        x = super().body(x)
        return self.gate(max(1, x.shape[-1] // self.reduction), name='se')(x)


class SEResNet(ResNet):
    """A ResNet of blocks that take a `gate`."""

    block: Callable = SEBottleneck
    reduction: int = 16  # a block's output channels, as a multiple of those inside its gate

    def __post_init__(self):
        super().__post_init__()
        require(self, 'reduction', self.reduction > 0, 'above 0')

    @nn.nowrap
    def block_of(self, train: bool) -> Callable:
        point = partial(self.conv, dtype=self.dtype, kernel_init=self.kernel_init)
        gate = partial(SqueezeExcite, conv=point, act=self.act)
        return partial(super().block_of(train), gate=gate, reduction=self.reduction)


SEResNet50 = partial(SEResNet, depths=(3, 4, 6, 3))
SEResNet101 = partial(SEResNet, depths=(3, 4, 23, 3))
SEResNet152 = partial(SEResNet, depths=(3, 8, 36, 3))
SEResNeXt50 = partial(SEResNet50, block=partial(SEBottleneck, widen=2, groups=32))
SENet154 = partial(
    SEResNet152,
    block=partial(SEBottleneck, widen=4, groups=64, widen_first=2),
    deep_stem=(64, 64, 128),
    shortcut='projection_3x3',
    dropout=0.2,
)
