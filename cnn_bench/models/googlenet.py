"""GoogLeNet and its Inception module. Szegedy et al.: Going deeper with convolutions, 2014.

`googlenet` is the 2014 network, with pooling sizes rounded up. Departures from the paper: He initialisation; AlexNet's
constants for response normalisation, since the paper does not give any.

`googlenet_bn` is torchvision's network: batch normalisation (epsilon 0.001) after every convolution, which then has no
bias; no response normalisation; 3x3 kernels where the paper has 5x5; 2x2 in the last pooling; dropout 0.2. Its
auxiliary heads pool 5x5 with stride 3 as in the paper, where torchvision pools to 4x4.

The two auxiliary heads are for training only, and off unless `aux=True`. With `aux=True`, a network has their
parameters too (13,378,280 in all for `googlenet`, 13,004,888 for `googlenet_bn`), and in training puts their logits
into the collection 'aux_logits'; in evaluation they are not computed.

`inception='naive'` uses modules without 1x1 reductions. `stem='small'` (ours): a 3x3 first convolution with stride 1
and no pooling right before the first module, so that 28x28 images give 14, 7 and 3.

`inception_module_naive` and `inception_module_reduced` are single modules on 28x28x256, as lectures compare them.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.errors import unknown
from cnn_bench.models.blocks import Classifier, sow_aux
from cnn_bench.models.layers import avg_pool, batch_norm, local_response_norm, max_pool, no_norm, pieces

FORMS = ('reduced', 'naive')

# Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
MODULES = {
    '3a': (64, 96, 128, 16, 32, 32),
    '3b': (128, 128, 192, 32, 96, 64),
    '4a': (192, 96, 208, 16, 48, 64),
    '4b': (160, 112, 224, 24, 64, 64),
    '4c': (128, 128, 256, 24, 64, 64),
    '4d': (112, 144, 288, 32, 64, 64),
    '4e': (256, 160, 320, 32, 128, 128),
    '5a': (256, 160, 320, 32, 128, 128),
    '5b': (384, 192, 384, 48, 128, 128),
}
AUX_AFTER = {'4a': 'aux1', '4d': 'aux2'}


class Inception(nn.Module):
    """Four branches, concatenated: 1x1, 3x3 and 5x5 convolutions and 3x3 pooling.

    `features` is a row of the paper's table 1. `naive`: without the 1x1 convolutions before 3x3 and 5x5 and after the
    pool.
    """

    features: tuple[int, int, int, int, int, int]
    conv_norm_act: Callable
    pool: Callable = max_pool
    naive: bool = False
    large_kernel: int = 5

    @nn.compact
    def __call__(self, x):
        features1, reduce3, features3, reduce5, features5, project = self.features
        before3 = before5 = pooled = x
        pooled = self.pool(x, 3, 1, padding=1)
        if not self.naive:
            before3 = self.conv_norm_act(reduce3, 1, name='branch_3x3_reduce')(x)
            before5 = self.conv_norm_act(reduce5, 1, name='branch_5x5_reduce')(x)
            pooled = self.conv_norm_act(project, 1, name='branch_pool')(pooled)
        branches = (
            self.conv_norm_act(features1, 1, name='branch_1x1')(x),
            self.conv_norm_act(features3, 3, name='branch_3x3')(before3),
            self.conv_norm_act(features5, self.large_kernel, name='branch_5x5')(before5),
            pooled,
        )
        return jnp.concatenate(branches, axis=-1)


class AuxHead(nn.Module):
    """An auxiliary classifier: 5x5 mean pooling with stride 3, a 1x1 convolution, a hidden dense layer.

    Returns nothing; its logits go to the collection 'aux_logits'.
    """

    num_classes: int
    features: int
    hidden: int
    dropout: float
    conv_norm_act: Callable
    dense: Callable
    act: Callable

    @nn.compact
    def __call__(self, x, train):
        x = self.conv_norm_act(self.features, 1, name='conv')(avg_pool(x, 5, 3))
        x = self.act(self.dense(self.hidden * pieces(self.act), name='fc1')(x.reshape(x.shape[0], -1)))
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x)
        sow_aux(self, self.dense(self.num_classes, name='fc')(x))


class GoogLeNet(Classifier):
    """A stem, nine Inception modules in three stages, global average pool, one dense layer."""

    takes_maxout: ClassVar[bool] = True

    dropout: float = 0.4
    norm: Callable = no_norm  # after every convolution
    lrn: Callable = local_response_norm  # twice in the stem
    inception: str = 'reduced'
    large_kernel: int = 5  # of the branches named branch_5x5
    last_pool: int = 3  # window of the pooling before 5a
    aux: bool = False
    aux_dropout: float = 0.7

    def __post_init__(self):
        super().__post_init__()
        if self.inception not in FORMS:
            raise unknown('inception of GoogLeNet', self.inception, FORMS)

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        with_aux = self.aux and self.num_classes and (train or self.is_initializing())
        x = self._stem(x, train, conv_norm_act)
        for name, row in MODULES.items():
            if name == '4a':
                x = self.pool(x, 3, 2, ceil=True)
            elif name == '5a':
                x = self.pool(x, self.last_pool, 2, ceil=True)
            x = Inception(
                tuple(self.scaled(count) for count in row),
                conv_norm_act,
                self.pool,
                self.inception == 'naive',
                self.large_kernel,
                name=f'inception_{name}',
            )(x)
            if name in AUX_AFTER and with_aux:
                self._aux_head(AUX_AFTER[name], conv_norm_act)(x, train)
        return x

    def _stem(self, x, train, conv_norm_act):
        lrn = self.normalise(train, self.lrn)
        first = (3,) if self.small else (7, 2)
        x = conv_norm_act(self.scaled(64), *first, name='conv1')(x)
        x = lrn(name='lrn1')(self.pool(x, 3, 2, ceil=True))
        x = conv_norm_act(self.scaled(64), 1, name='conv2_reduce')(x)
        x = conv_norm_act(self.scaled(192), 3, name='conv2')(x)
        x = lrn(name='lrn2')(x)
        return x if self.small else self.pool(x, 3, 2, ceil=True)

    def _aux_head(self, name, conv_norm_act):
        features, hidden = self.scaled(128), self.scaled(1024)
        return AuxHead(
            self.num_classes, features, hidden, self.aux_dropout, conv_norm_act, self.dense, self.act, name=name
        )


GoogLeNetBN = partial(
    GoogLeNet, norm=batch_norm, bn_epsilon=1e-3, lrn=no_norm, large_kernel=3, last_pool=2, dropout=0.2
)


class InceptionModule(Classifier):
    """A single Inception module; returns its feature map (n, h, w, c), or logits if `num_classes` is not 0."""

    stems: ClassVar[tuple[str, ...]] = ('imagenet',)
    takes_maxout: ClassVar[bool] = True

    num_classes: int = 0
    norm: Callable = no_norm
    inception: str = 'reduced'
    maps: tuple = (128, 64, 192, 64, 96, 64)

    @nn.compact
    def features(self, x, train=False):
        features = tuple(self.scaled(count) for count in self.maps)
        return Inception(features, self.conv_norm_act(train), self.pool, self.inception == 'naive', name='inception')(x)


InceptionModuleNaive = partial(InceptionModule, inception='naive')
