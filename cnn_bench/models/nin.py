"""Network in network. Lin, Chen, Yan: Network in network, 2013.

`nin` is the ImageNet network that the authors published for Caffe; the paper describes only smaller ones. It has four
mlpconv blocks, each a convolution and two 1x1 convolutions. The last block gives a feature map per class; the logits
are the means of these maps after ReLU. Pooling sizes are rounded up, as in Caffe. The last 1x1 convolution is part of
the head here. Departure from that network: He initialisation.

`nin_bn` stands for the BN-NIN of Canziani, Paszke, Culurciello: An analysis of deep neural network models for
practical applications, 2016, which does not list the layers. Our choice is the network of that name in
imagenet-multiGPU.torch, trained by S. Zagoruyko, with the same 62.6 % top-1: batch normalisation (epsilon 0.001) after
every convolution, which keeps its bias; five pixels of padding in the first, one in each pooling, which gives 56, 28,
14 and 7; a fourth block with 1024 channels throughout, global average pool and a dense layer; no dropout.

`stem='small'` (ours): a 5x5 first convolution with stride 1, as in the paper's networks for small images.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, PooledHead, require
from cnn_bench.models.layers import batch_norm, no_norm


class MLPConv(nn.Module):
    """A convolution and `points` 1x1 convolutions with as many channels, each followed by an activation."""

    features: int
    kernel: int
    stride: int
    padding: int | None
    conv_norm_act: Callable
    points: int = 2

    @nn.compact
    def __call__(self, x):
        x = self.conv_norm_act(self.features, self.kernel, self.stride, self.padding, name='conv')(x)
        for number in range(1, self.points + 1):
            x = self.conv_norm_act(self.features, 1, name=f'point{number}')(x)
        return x


class MapsHead(nn.Module):
    """A 1x1 convolution to one feature map per class, its activation, global average pool."""

    num_classes: int
    conv_norm_act: Callable

    @nn.compact
    def __call__(self, x, train):
        return self.conv_norm_act(self.num_classes, 1, name='maps')(x).mean((1, 2))


class NIN(Classifier):
    """Four mlpconv blocks with pooling between them; dropout before the last."""

    takes_maxout: ClassVar[bool] = True

    dropout: float = 0.5
    norm: Callable = no_norm  # after every convolution before the head
    maps: tuple = (96, 256, 384, 1024)
    stem_padding: int = 0
    pool_padding: int = 0  # sizes are rounded up if 0, else down
    class_maps: bool = True  # head: means of a map per class, or a dense layer after another 1x1 convolution

    def __post_init__(self):
        super().__post_init__()
        require(self, 'maps', len(self.maps) == 4, '4 numbers')

    @nn.compact
    def features(self, x, train=False):
        block = partial(MLPConv, conv_norm_act=self.conv_norm_act(train, use_bias=True))
        pool = partial(self.pool, window=3, stride=2, padding=self.pool_padding, ceil=not self.pool_padding)
        channels = [self.scaled(count) for count in self.maps]
        first = (5, 1, None) if self.small else (11, 4, self.stem_padding)
        x = pool(block(channels[0], *first, name='mlpconv1')(x))
        x = pool(block(channels[1], 5, 1, None, name='mlpconv2')(x))
        x = pool(block(channels[2], 3, 1, None, name='mlpconv3')(x))
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x)
        return block(channels[3], 3, 1, None, points=1 if self.class_maps else 2, name='mlpconv4')(x)

    @nn.nowrap
    def make_head(self):
        if self.class_maps:
            return MapsHead(self.num_classes, partial(self.conv_norm_act(False, use_bias=True), norm=no_norm))
        return PooledHead(self.num_classes, 0.0, self.dense)


NINBN = partial(NIN, norm=batch_norm, bn_epsilon=1e-3, dropout=0.0, stem_padding=5, pool_padding=1, class_maps=False)
