"""Network in network. Lin, Chen, Yan: Network in network, 2013.

`nin` is the ImageNet network that the authors published for Caffe; the paper itself describes only smaller ones.
Four mlpconv blocks, each a convolution and two 1x1 convolutions; the last gives a map per class, and the logits are
the means of these maps after their ReLU. Pooling sizes are rounded up, as Caffe does. Its last 1x1 convolution
belongs to the head here. Where it departs from that network: He initialisation.

`nin_bn` stands for the BN-NIN of Canziani, Paszke, Culurciello: An analysis of deep neural network models for
practical applications, 2016, which lists no layers. The choice of ours is to take the network of that name in
imagenet-multiGPU.torch, trained by S. Zagoruyko, with the same 62.6 % top-1: batch normalisation (epsilon 0.001)
behind every convolution, whose biases stay; five pixels of padding in the first, one in each pooling, which gives
maps of 56, 28, 14 and 7; a fourth block of 1024 maps throughout, global average pool and a dense layer; no dropout.

`stem='small'` (ours): a 5x5 first convolution with stride 1, as in the paper's networks for small images.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, PooledHead, require
from cnn_bench.models.layers import batch_norm, no_norm


class MLPConv(nn.Module):
    """A convolution, then `points` 1x1 convolutions of as many maps, each with its activation."""

    features: int
    kernel: int
    stride: int
    padding: int | None
    unit: Callable
    points: int = 2

    @nn.compact
    def __call__(self, x):
        x = self.unit(self.features, self.kernel, self.stride, self.padding, name='conv')(x)
        for number in range(1, self.points + 1):
            x = self.unit(self.features, 1, name=f'point{number}')(x)
        return x


class MapsHead(nn.Module):
    """The global average of one map per class, made by a 1x1 convolution and activated."""

    num_classes: int
    unit: Callable

    @nn.compact
    def __call__(self, x, train):
        return self.unit(self.num_classes, 1, name='maps')(x).mean((1, 2))


class NIN(Classifier):
    """Four mlpconv blocks, pooled between them; dropout before the last."""

    takes_maxout: ClassVar[bool] = True

    dropout: float = 0.5
    norm: Callable = no_norm  # after every convolution before the head
    maps: tuple = (96, 256, 384, 1024)
    stem_padding: int = 0
    pool_padding: int = 0  # above 0, sizes are rounded down
    class_maps: bool = True  # the head: means of a map per class, or a dense layer behind a third 1x1 convolution

    def __post_init__(self):
        super().__post_init__()
        require(self, 'maps', len(self.maps) == 4, '4 numbers')

    @nn.compact
    def features(self, x, train=False):
        block = partial(MLPConv, unit=self.unit(train, use_bias=True))
        pool = partial(self.pool, window=3, stride=2, padding=self.pool_padding, ceil=not self.pool_padding)
        maps = [self.channels(count) for count in self.maps]
        first = (5, 1, None) if self.small else (11, 4, self.stem_padding)
        x = pool(block(maps[0], *first, name='mlpconv1')(x))
        x = pool(block(maps[1], 5, 1, None, name='mlpconv2')(x))
        x = pool(block(maps[2], 3, 1, None, name='mlpconv3')(x))
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x)
        return block(maps[3], 3, 1, None, points=1 if self.class_maps else 2, name='mlpconv4')(x)

    @nn.nowrap
    def make_head(self):
        if self.class_maps:
            return MapsHead(self.num_classes, partial(self.unit(False, use_bias=True), norm=no_norm))
        return PooledHead(self.num_classes, 0.0, self.dense)


NINBN = partial(NIN, norm=batch_norm, bn_epsilon=1e-3, dropout=0.0, stem_padding=5, pool_padding=1, class_maps=False)
