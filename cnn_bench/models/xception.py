"""Xception. Chollet: Xception: deep learning with depthwise separable convolutions, 2016.

As in Keras Applications: batch normalisation with momentum 0.99 and epsilon 0.001, Glorot initialisation, 'SAME'
pooling, no auxiliary head and no dropout (the paper's ImageNet network has dropout of one half before the logits:
`dropout=0.5`). `conv='dense'` replaces the separable convolutions by plain ones.

`stem='small'` (ours): the first convolution and the first of the four strided blocks keep the resolution, so that 28x28
images give 28, 14, 7 (the middle flow) and 4.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from cnn_bench.models import layers
from cnn_bench.models.blocks import Classifier, require
from cnn_bench.models.layers import INITS, identity, same_pads, separable_conv


class XceptionBlock(nn.Module):
    """Separable convolutions, each after an activation, 3x3 pooling if `stride` > 1, and a shortcut."""

    features: tuple[int, ...]
    stride: int
    conv_norm: Callable  # separable convolution and normalisation
    shortcut: Callable  # convolution and normalisation
    act: Callable
    pool: Callable
    act_first: bool = True
    padding: str = 'same'

    @nn.compact
    def __call__(self, x):
        y = x
        for number, features in enumerate(self.features, 1):
            y = self.act(y) if self.act_first or number > 1 else y
            y = self.conv_norm(features, 3, name=f'sepconv{number}')(y)
        if self.stride > 1:
            padding = same_pads(y, 3, self.stride) if self.padding == 'same' else 1
            y = self.pool(y, 3, self.stride, padding=padding)
        if self.stride > 1 or x.shape[-1] != y.shape[-1]:
            x = self.shortcut(y.shape[-1], 1, self.stride, name='shortcut')(x)
        return x + y


class Xception(Classifier):
    """Entry flow, a middle flow of `middle` equal blocks, exit flow; layers are numbered as in Keras."""

    bn_momentum: float = 0.99
    bn_epsilon: float = 1e-3
    conv: Callable = separable_conv
    kernel_init: Callable = INITS['glorot']
    middle: int = 8
    padding: str = 'same'  # of the pools, as in TensorFlow; 'half': half the window on each side, as in timm's port

    def __post_init__(self):
        super().__post_init__()
        require(self, 'padding', self.padding in ('same', 'half'), "'same' or 'half'")

    @nn.compact
    def features(self, x, train=False):
        plain = self.conv_norm_act(train, conv=layers.conv)
        separable = self.conv_norm_act(train)
        block = partial(
            XceptionBlock,
            conv_norm=partial(separable, act=identity),
            shortcut=partial(plain, act=identity),
            act=self.act,
            pool=self.pool,
            padding=self.padding,
        )
        scaled = self.scaled
        x = plain(scaled(32), 3, *((1, 1) if self.small else (2, 0)), name='block1_conv1')(x)
        x = plain(scaled(64), 3, padding=1 if self.small else 0, name='block1_conv2')(x)
        x = block((scaled(128),) * 2, 1 if self.small else 2, act_first=False, name='block2')(x)
        x = block((scaled(256),) * 2, 2, name='block3')(x)
        x = block((scaled(728),) * 2, 2, name='block4')(x)
        for number in range(5, 5 + self.middle):
            x = block((scaled(728),) * 3, 1, name=f'block{number}')(x)
        last = 5 + self.middle
        x = block((scaled(728), scaled(1024)), 2, name=f'block{last}')(x)
        x = separable(scaled(1536), 3, name=f'block{last + 1}_sepconv1')(x)
        return separable(scaled(2048), 3, name=f'block{last + 1}_sepconv2')(x)
