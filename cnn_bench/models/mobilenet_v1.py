"""MobileNet. Howard et al.: MobileNets: efficient convolutional neural networks for mobile vision applications, 2017.

The paper's network at full width: a 3x3 convolution, then blocks of a 3x3 depthwise and a 1x1 convolution, both with
normalisation and ReLU. Our choices where the paper leaves them open: He initialisation, no dropout, half the kernel as
padding on each side. `width` is the paper's multiplier, but rounds channels to even numbers. `padding='same'` pads
strided convolutions as in TensorFlow. Keras pads strided depthwise convolutions only behind, which is the same for
feature maps of even size.

`stem='small'` (ours): the first convolution and the first strided block keep the resolution, so that 28x28 images give
28, 14, 7 and 4.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.inverted_residual import PADDINGS

CHANNELS = (64, 128, 256, 512, 1024)  # table 1, by stage; the first block of every stage but the first has stride 2


class SeparableBlock(nn.Module):
    """A 3x3 depthwise convolution and a 1x1 convolution, each with normalisation and activation."""

    features: int
    stride: int
    conv_norm_act: Callable
    padding: str | None = None

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1]
        x = self.conv_norm_act(channels, 3, self.stride, self.padding, groups=channels, name='depthwise')(x)
        return self.conv_norm_act(self.features, 1, name='pointwise')(x)


class MobileNetV1(Classifier):
    """A stem and stages of `depths` separable blocks."""

    depths: tuple = (1, 2, 2, 6, 2)
    padding: str = 'half'

    def __post_init__(self):
        super().__post_init__()
        require(self, 'padding', self.padding in PADDINGS, ' or '.join(map(repr, PADDINGS)))
        require(self, 'depths', len(self.depths) == len(CHANNELS), f'{len(CHANNELS)} numbers')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act, padding = self.conv_norm_act(train), PADDINGS[self.padding]
        x = conv_norm_act(self.scaled(32), 3, 1 if self.small else 2, padding, name='stem')(x)
        for stage, (channels, depth) in enumerate(zip(CHANNELS, self.depths, strict=True), 1):
            block = partial(SeparableBlock, self.scaled(channels), conv_norm_act=conv_norm_act, padding=padding)
            halves = stage > (2 if self.small else 1)
            strides = (2 if halves else 1, *(1,) * (depth - 1))
            x = Stage(tuple(partial(block, stride=stride) for stride in strides), name=f'stage{stage}')(x)
        return x
