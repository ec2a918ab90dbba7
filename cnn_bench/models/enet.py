"""ENet's encoder as a classifier. Paszke, Chaurasia, Kim, Culurciello: ENet: a deep neural network architecture for
real-time semantic segmentation, 2016.

The paper's network labels pixels; Canziani, Paszke, Culurciello (2016) compare a form of it that classifies ImageNet
and list no layers. `enet` is table 1 up to stage 3, in the authors' order, with a head of ours: global average pool
and one dense layer. From the paper and the authors' code:
  - the initial block's normalisation and activation follow the concatenation of its 13 maps and the 3 pooled ones;
  - a bottleneck projects to a quarter of its output channels, with a 2x2 convolution of stride 2 where it halves the
    map; its shortcut then is pooled 2x2 and filled up with maps of zeros;
  - an asymmetric bottleneck has a 5x1 and a 1x5 convolution with nothing between them;
  - PReLU, a slope per channel, behind every normalisation and behind the sum;
  - whole maps are dropped before the sum: 0.01 of them in stage 1, ten times that later (`dropout=0.1`);
  - batch normalisation with epsilon 0.001.
Choices here: no dropout in the head; no convolution before a normalisation has a bias, where the paper's code has
some that it absorbs; PReLU's slopes start at 0.25; He initialisation.

`depths` shortens stages; stages 2 and 3 repeat the kinds of table 1. `stem='small'` (ours): the initial block's
convolution has stride 1 and its pooling none, so that 28x28 images give 28, 14, 7 and 7.
"""

from collections.abc import Callable
from functools import partial
from itertools import cycle, islice

import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, PooledHead, Stage, require
from cnn_bench.models.layers import identity, no_norm

REGULAR, ASYMMETRIC = 'regular', 'asymmetric'
# Stages 2 and 3: a number is the dilation.
KINDS = (REGULAR, 2, ASYMMETRIC, 4, REGULAR, 8, ASYMMETRIC, 16)


class PReLU(nn.Module):
    """x where it is positive, elsewhere x times a trainable slope per channel (He et al. 2015)."""

    @nn.compact
    def __call__(self, x):
        slope = self.param('slope', nn.initializers.constant(0.25), x.shape[-1:])
        return jnp.where(x > 0, x, slope.astype(x.dtype) * x)


def prelu(x: jax.Array) -> jax.Array:
    """`PReLU` as the activation of the module that calls it, which has one only."""
    return PReLU(name='prelu')(x)


class InitialBlock(nn.Module):
    """A 3x3 convolution beside 2x2 pooling of the image, concatenated to `features` maps, normalised, activated."""

    features: int
    stride: int
    unit: Callable
    norm: Callable
    act: Callable
    pool: Callable

    @nn.compact
    def __call__(self, x):
        maps = max(1, self.features - x.shape[-1])
        y = self.unit(maps, 3, self.stride, norm=no_norm, act=identity, name='conv')(x)
        pooled = self.pool(x, 2, ceil=True) if self.stride > 1 else x
        return self.act(self.norm(name='norm')(jnp.concatenate([y, pooled], axis=-1)))


class Bottleneck(nn.Module):
    """1x1 convolution to a quarter of the channels, a 3x3 or `asymmetric`, 1x1 back; added to the input.

    With `halves`, the first is 2x2 with stride 2, and the input is pooled and filled up with maps of zeros.
    """

    features: int
    train: bool
    unit: Callable
    middle: Callable  # `unit` of the convolution between the two 1x1
    act: Callable
    pool: Callable
    drop: float  # part of the maps
    asymmetric: bool = False
    halves: bool = False

    @nn.compact
    def __call__(self, x):
        inner = max(1, self.features // 4)
        odd = tuple((0, size % 2) for size in x.shape[1:3])
        y = self.unit(inner, *((2, 2, odd) if self.halves else (1,)), name='reduce')(x)
        if self.asymmetric:
            y = self.middle(inner, (5, 1), norm=no_norm, act=identity, name='column')(y)
            y = self.middle(inner, (1, 5), name='row')(y)
        else:
            y = self.middle(inner, 3, name='conv')(y)
        y = self.unit(self.features, 1, act=identity, name='expand')(y)
        y = nn.Dropout(self.drop, broadcast_dims=(1, 2), deterministic=not self.train, name='dropout')(y)
        x = self.pool(x, 2, ceil=True) if self.halves else x
        return self.act(y + jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, self.features - x.shape[-1]))))


class ENet(Classifier):
    """The initial block, then three stages of bottlenecks, of which the first two halve the map."""

    dropout: float = 0.1  # of whole maps in stages 2 and 3; a tenth of it in stage 1
    act: Callable = prelu
    bn_epsilon: float = 1e-3
    depths: tuple = (4, 8, 8)  # bottlenecks that keep the map's size

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == 3, '3 numbers')

    @nn.compact
    def features(self, x, train=False):
        unit, pool, maps = self.unit(train), self.pool, self.channels
        stride = 1 if self.small else 2
        x = InitialBlock(maps(16), stride, unit, self.normalise(train), self.act, pool, name='initial')(x)

        def bottleneck(kind, **fields):
            dilation = kind if isinstance(kind, int) else 1
            middle = self.unit(train, conv=partial(self.conv, dilation=dilation))
            return partial(
                Bottleneck,
                train=train,
                unit=unit,
                middle=middle,
                act=self.act,
                pool=pool,
                asymmetric=kind == ASYMMETRIC,
                **fields,
            )

        kinds = [
            islice(cycle(kinds), depth) for kinds, depth in zip(((REGULAR,), KINDS, KINDS), self.depths, strict=True)
        ]
        first = partial(bottleneck, features=maps(64), drop=self.dropout / 10)
        later = partial(bottleneck, features=maps(128), drop=self.dropout)
        x = Stage((first(REGULAR, halves=True), *map(first, kinds[0])), name='stage1')(x)
        x = Stage((later(REGULAR, halves=True), *map(later, kinds[1])), name='stage2')(x)
        return Stage(tuple(map(later, kinds[2])), name='stage3')(x)

    @nn.nowrap
    def make_head(self):
        return PooledHead(self.num_classes, 0.0, self.dense)
