"""PyramidNet. Han, Kim, Kim: Deep pyramidal residual networks, 2016 (CVPR 2017).

The additive networks for CIFAR, of blocks with two 3x3 convolutions. Every block has a few channels more than the one
before it: 16 + k alpha / N behind block k of N. There is no activation before a block's first convolution, and a
normalisation behind its last; shortcuts have no parameters. `pyramidnet110_a48` has alpha = 48 and 18 blocks a stage;
`alpha=84` and `alpha=270` are the paper's larger ones, of 3.9 and 28.5 million parameters, where its table says 3.8 and
28.3.

The number of channels is rounded down, as in the paper's equation 2, which gives the 1.7 million parameters of its
table; the authors' release rounds to the nearest number, which gives 1.77 million. No known departures otherwise.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import identity
from cnn_bench.models.resnet import shortcut


class PyramidBlock(nn.Module):
    """x, averaged where the block is strided and with zero channels appended, plus two 3x3 convolutions of x."""

    features: int
    stride: int
    conv_norm_act: Callable
    normalise: Callable

    @nn.compact
    def __call__(self, x):
        y = self.conv_norm_act(self.features, 3, self.stride, name='conv1')(self.normalise(name='norm')(x))
        y = self.conv_norm_act(self.features, 3, act=identity, name='conv2')(y)
        return y + shortcut('pooled_pad', x, self.features, self.stride, self.conv_norm_act)


class PyramidNet(Classifier):
    """A 3x3 convolution, stages of `depths` blocks and a final normalisation. Later stages halve the resolution."""

    stems: ClassVar[tuple[str, ...]] = ('small',)

    num_classes: int = 10
    stem: str = 'small'
    stem_maps: int = 16
    alpha: int = 48  # channels that the last block has more than the stem
    depths: tuple = (18, 18, 18)

    def __post_init__(self):
        super().__post_init__()
        require(self, 'alpha', self.alpha >= 0, '0 or more')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        x = conv_norm_act(self.scaled(self.stem_maps), 3, act=identity, name='stem')(x)
        block = partial(PyramidBlock, conv_norm_act=conv_norm_act, normalise=self.normalise(train))
        done = 0
        for stage, depth in enumerate(self.depths, 2):
            strides = (1 if stage == 2 else 2, *(1,) * (depth - 1))
            maps = [self._maps(number) for number in range(done + 1, done + depth + 1)]
            x = Stage(tuple(partial(block, *each) for each in zip(maps, strides, strict=True)), name=f'stage{stage}')(x)
            done += depth
        return self.act(self.normalise(train)(name='norm')(x))

    @nn.nowrap
    def _maps(self, number: int) -> int:
        """Channels behind block `number`, counted from 1 through all stages."""
        return self.scaled(self.stem_maps + self.alpha * number // sum(self.depths))


PyramidNet110 = PyramidNet
