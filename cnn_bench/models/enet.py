"""ENet's encoder as a classifier. Paszke, Chaurasia, Kim, Culurciello: ENet: a deep neural network architecture for
real-time semantic segmentation, 2016.

The paper's network segments images; Canziani, Paszke, Culurciello (2016) compare a form of it that classifies ImageNet,
without listing its layers. `enet` is table 1 up to stage 3, in the authors' order, with our own head: global average
pool and one dense layer. From the paper and the authors' code:
  - the initial block's normalisation and activation follow the concatenation of 13 convolved and 3 pooled channels;
  - a bottleneck projects to a quarter of its output channels, with a 2x2 convolution of stride 2 if it halves the
    resolution; its shortcut is then pooled 2x2 and padded with channels of zeros;
  - an asymmetric bottleneck has a 5x1 and a 1x5 convolution with nothing in between;
  - PReLU, with a slope per channel, after every normalisation and after the sum;
  - whole channels are dropped before the sum: 0.01 of them in stage 1, ten times as many later (`dropout=0.1`);
  - batch normalisation with epsilon 0.001.
Choices here: no dropout in the head; no bias in convolutions before a normalisation, which would absorb it (the paper's
code has some); PReLU's slopes start at 0.25; He initialisation.

`depths` shortens stages; stages 2 and 3 repeat the kinds of bottleneck in table 1. `stem='small'` (ours): the initial
block's convolution has stride 1 and it does not pool, so that 28x28 images give 28, 14, 7 and 7.
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
# Bottlenecks of stages 2 and 3; a number is the dilation of a dilated one.
KINDS = (REGULAR, 2, ASYMMETRIC, 4, REGULAR, 8, ASYMMETRIC, 16)


class PReLU(nn.Module):
    """x if positive, else x times a trainable slope per channel (He et al. 2015)."""

    @nn.compact
    def __call__(self, x):
        slope = self.param('slope', nn.initializers.constant(0.25), x.shape[-1:])
        return jnp.where(x > 0, x, slope.astype(x.dtype) * x)


def prelu(x: jax.Array) -> jax.Array:
    """`PReLU` as an activation function; the calling module can have only one."""
    return PReLU(name='prelu')(x)


class InitialBlock(nn.Module):
    """A 3x3 convolution and 2x2 pooling of the image, concatenated to `features` channels, normalised, activated."""

    features: int
    stride: int
    conv_norm_act: Callable
    norm: Callable
    act: Callable
    pool: Callable

    @nn.compact
    def __call__(self, x):
        convolved = max(1, self.features - x.shape[-1])
        y = self.conv_norm_act(convolved, 3, self.stride, norm=no_norm, act=identity, name='conv')(x)
        pooled = self.pool(x, 2, ceil=True) if self.stride > 1 else x
        return self.act(self.norm(name='norm')(jnp.concatenate([y, pooled], axis=-1)))


class Bottleneck(nn.Module):
    """A 1x1 convolution to a quarter of the channels, a 3x3 (or 5x1 and 1x5), a 1x1 back, plus the input.

    If it `halves` the resolution, the first is 2x2 with stride 2, and the input is pooled and zero channels are added.
    """

    features: int
    train: bool
    conv_norm_act: Callable
    middle: Callable  # `conv_norm_act` for the convolution between the two 1x1
    act: Callable
    pool: Callable
    drop: float  # fraction of the channels
    asymmetric: bool = False
    halves: bool = False

    @nn.compact
    def __call__(self, x):
        inner = max(1, self.features // 4)
        odd = tuple((0, size % 2) for size in x.shape[1:3])
        y = self.conv_norm_act(inner, *((2, 2, odd) if self.halves else (1,)), name='reduce')(x)
        if self.asymmetric:
            y = self.middle(inner, (5, 1), norm=no_norm, act=identity, name='column')(y)
            y = self.middle(inner, (1, 5), name='row')(y)
        else:
            y = self.middle(inner, 3, name='conv')(y)
        y = self.conv_norm_act(self.features, 1, act=identity, name='expand')(y)
        y = nn.Dropout(self.drop, broadcast_dims=(1, 2), deterministic=not self.train, name='dropout')(y)
        x = self.pool(x, 2, ceil=True) if self.halves else x
        return self.act(y + jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, self.features - x.shape[-1]))))


class ENet(Classifier):
    """The initial block, then three stages of bottlenecks; the first two halve the resolution."""

    dropout: float = 0.1  # of whole channels in stages 2 and 3; a tenth of it in stage 1
    act: Callable = prelu
    bn_epsilon: float = 1e-3
    depths: tuple = (4, 8, 8)  # bottlenecks that keep the resolution

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == 3, '3 numbers')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act, pool, scaled = self.conv_norm_act(train), self.pool, self.scaled
        stride = 1 if self.small else 2
        x = InitialBlock(scaled(16), stride, conv_norm_act, self.normalise(train), self.act, pool, name='initial')(x)

        def bottleneck(kind, **fields):
            dilation = kind if isinstance(kind, int) else 1
            middle = self.conv_norm_act(train, conv=partial(self.conv, dilation=dilation))
            return partial(
                Bottleneck,
                train=train,
                conv_norm_act=conv_norm_act,
                middle=middle,
                act=self.act,
                pool=pool,
                asymmetric=kind == ASYMMETRIC,
                **fields,
            )

        kinds = [
            islice(cycle(kinds), depth) for kinds, depth in zip(((REGULAR,), KINDS, KINDS), self.depths, strict=True)
        ]
        first = partial(bottleneck, features=scaled(64), drop=self.dropout / 10)
        later = partial(bottleneck, features=scaled(128), drop=self.dropout)
        x = Stage((first(REGULAR, halves=True), *map(first, kinds[0])), name='stage1')(x)
        x = Stage((later(REGULAR, halves=True), *map(later, kinds[1])), name='stage2')(x)
        return Stage(tuple(map(later, kinds[2])), name='stage3')(x)

    @nn.nowrap
    def make_head(self):
        return PooledHead(self.num_classes, 0.0, self.dense)
