"""Blocks, heads and the base class that the networks share.

A network binds its convolution, normalisation and activation once, in `Classifier.conv_norm_act`, and passes the
resulting callable to its blocks. So a variant is a field (`norm=group_norm`, or by name `build('resnet50',
norm='group')`), never a copy of the network. Arrays are (n, h, w, c).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.errors import ScopeParamShapeError

from cnn_bench.errors import UserError, unknown
from cnn_bench.models.fast_ops import Pads
from cnn_bench.models.folded import weights_norm_act
from cnn_bench.models.layers import (
    INITS,
    Kernel,
    adaptive_avg_pool,
    batch_norm,
    conv,
    local_response_norm,
    max_pool,
    maxout,
    no_norm,
    pieces,
    same_pads,
    scale_channels,
)


class ConvNorm(nn.Module):
    """Convolution, normalisation and activation. Networks bind its layers in `Classifier.conv_norm_act`."""

    features: int
    kernel: Kernel
    stride: int = 1
    padding: int | Pads | str | None = None  # 'same': as TensorFlow; None: half the kernel on each side
    groups: int = 1
    conv: Callable = conv
    norm: Callable = no_norm
    act: Callable = nn.relu

    @nn.compact
    def __call__(self, x):
        padding = same_pads(x, self.kernel, self.stride) if self.padding == 'same' else self.padding
        features = self.features * pieces(self.act)
        conv = partial(self.conv, features, self.kernel, self.stride, padding, self.groups, name='conv')
        return weights_norm_act(conv, self.norm(name='norm'), self.act, x)


class SqueezeExcite(nn.Module):
    """x times a gate per channel, computed from the global average of x by two 1x1 convolutions (Hu et al. 2017)."""

    reduced: int
    conv: Callable  # bound: `conv(features, kernel, name=...)`
    act: Callable = nn.relu
    gate: Callable = nn.sigmoid

    @nn.compact
    def __call__(self, x):
        y = self.conv(self.reduced, 1, name='reduce')(x.mean((1, 2), keepdims=True))
        return x * self.gate(self.conv(x.shape[-1], 1, name='expand')(self.act(y)))


class StochasticDepth(nn.Module):
    """In training, zero for a fraction `rate` of the images and x / (1 - rate) for the rest (Huang et al. 2016)."""

    rate: float

    @nn.compact
    def __call__(self, x, train):
        return nn.Dropout(self.rate, broadcast_dims=(1, 2, 3), deterministic=not train, name='drop')(x)


class Stage(nn.Module):
    """A sequence of blocks named block1, block2, ... Each entry of `blocks` builds one: `block(name=...)`."""

    blocks: tuple[Callable, ...]
    label: str = 'block'

    @nn.compact
    def __call__(self, x):
        for number, block in enumerate(self.blocks, 1):
            x = block(name=f'{self.label}{number}')(x)
        return x


class PooledHead(nn.Module):
    """Global average pool, dropout, one dense layer."""

    num_classes: int
    dropout: float
    dense: Callable

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dropout(self.dropout, deterministic=not train, name='dropout')(x.mean((1, 2)))
        return self.dense(self.num_classes, name='fc')(x)


class DenseHead(nn.Module):
    """Flatten, hidden dense layers fc1, fc2, ..., and the dense layer `fc` for the logits.

    If `pooled`, the feature map is averaged instead of flattened; with `pool_to` it is first pooled to that many rows
    and columns, so that images of any size have as many values. Dropout follows each hidden layer, or precedes it if
    `drop_inputs`. Normalisation, if any, is between a hidden layer and its activation.
    """

    num_classes: int
    hidden: tuple[int, ...]
    dropout: float
    dense: Callable
    act: Callable
    drop_inputs: bool = False
    norm: Callable = no_norm  # `norm(train=train, name=...)`
    pooled: bool = False
    pool_to: int | None = None

    @nn.compact
    def __call__(self, x, train):
        x = x if self.pool_to is None else adaptive_avg_pool(x, (self.pool_to, self.pool_to))
        x = x.mean((1, 2)) if self.pooled else x.reshape(x.shape[0], -1)
        for number, features in enumerate(self.hidden, 1):
            drop = nn.Dropout(self.dropout, deterministic=not train, name=f'dropout{number}')
            x = drop(x) if self.drop_inputs else x
            dense = partial(self.dense, features * pieces(self.act), name=f'fc{number}')
            x = weights_norm_act(dense, self.norm(train=train, name=f'norm{number}'), self.act, x)
            x = x if self.drop_inputs else drop(x)
        return self.dense(self.num_classes, name='fc')(x)


def sow_aux(module: nn.Module, logits: jax.Array) -> None:
    """Store the logits (n, num_classes) of an auxiliary head in the collection 'aux_logits', under the head's path."""
    if not module.is_initializing():
        module.sow('aux_logits', 'logits', logits.astype(jnp.float32), init_fn=lambda: None, reduce_fn=lambda _, y: y)


def require(module: nn.Module, field: str, holds: bool, allowed: str) -> None:
    """Raise UserError unless the condition on a field of `module` holds; `allowed` says what the field must be."""
    if not holds:
        raise UserError(f'{field} of {type(module).__name__} is {getattr(module, field)}; it must be {allowed}')


def _by(images: jax.Array) -> str:
    return 'x'.join(map(str, images.shape[1:]))


class Classifier(nn.Module):
    """The base of all networks: a pure function of (variables, image, train).

    A network defines `features`, and `make_head` if its head is not a global average pool and one dense layer. With
    `num_classes=0` it has no head and returns its last feature map. Auxiliary heads put their logits into the
    collection 'aux_logits', in training only. Where it uses a primitive of its own, a class attribute
    `count_as = {'its_name': rule}` states the work (see `complexity.count`). Raises UserError for invalid field values
    and for images that are too small.
    """

    stems: ClassVar[tuple[str, ...]] = ('imagenet', 'small')
    takes_maxout: ClassVar[bool] = False  # whether every activation directly follows a convolution or dense layer

    num_classes: int = 1000
    width: float = 1.0  # multiplier of the number of channels
    stem: str = 'imagenet'  # 'small': first layers for images of 28x28 or 32x32
    dropout: float = 0.0
    dtype: Any = jnp.float32  # of the computation; parameters and logits are always float32
    bn_axis: str | None = None  # mapped axis to average batch statistics over; None: each device uses its own
    bn_momentum: float = 0.9
    bn_epsilon: float = 1e-5
    norm: Callable = batch_norm
    act: Callable = nn.relu
    conv: Callable = conv
    pool: Callable = max_pool
    kernel_init: Callable = INITS['he']

    def __post_init__(self):
        if self.stem not in self.stems:
            raise unknown(f'stem of {type(self).__name__}', self.stem, self.stems)
        require(self, 'width', self.width > 0, 'above 0')
        require(self, 'num_classes', self.num_classes >= 0, '0 (no head) or more')
        require(self, 'dropout', 0 <= self.dropout < 1, 'from 0 to below 1')
        require(self, 'bn_momentum', 0 <= self.bn_momentum <= 1, 'from 0 to 1')
        require(self, 'bn_epsilon', self.bn_epsilon >= 0, 'at least 0')
        if self.act is maxout and not self.takes_maxout:
            raise UserError(f'{type(self).__name__} activates sums or normalised maps; maxout needs weights before it')
        super().__post_init__()

    def setup(self):
        if self.num_classes:
            self.head = self.make_head()

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Logits (n, num_classes), float32, for images x (n, h, w, c). Training needs the RNG 'dropout'."""
        if x.ndim != 4:
            raise UserError(f'{type(self).__name__} takes images (n, h, w, c), not an array of shape {x.shape}')
        try:
            y = self.features(x, train)
            return (self.head(y, train) if self.num_classes else y).astype(jnp.float32)
        except UserError as error:
            raise UserError(f'{type(self).__name__} cannot take {_by(x)}: {error}') from None
        except ScopeParamShapeError as error:
            pools = (
                '; adaptive_pool=True lets it take any size' if getattr(self, 'adaptive_pool', None) is False else ''
            )
            what = str(error).partition('. (https:')[0].removesuffix('.')
            name = type(self).__name__
            raise UserError(f'these weights of {name} are not for images of {_by(x)}: {what}{pools}') from None

    def features(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The last feature map (n, h', w', c') before the head."""
        raise NotImplementedError(type(self).__name__)

    @nn.nowrap  # no layer of its own in nn.tabulate
    def make_head(self) -> nn.Module:
        """The module that computes logits from `features`."""
        return PooledHead(self.num_classes, self.dropout, self.dense)

    @property
    def small(self) -> bool:
        return self.stem == 'small'

    @nn.nowrap
    def scaled(self, channels: int) -> int:
        """Number of channels at this network's width."""
        return scale_channels(channels, self.width)

    @property
    def dense(self) -> Callable:
        """nn.Dense with this network's dtype and initialisation."""
        return partial(nn.Dense, dtype=self.dtype, kernel_init=self.kernel_init)

    @nn.nowrap
    def normalise(self, train: bool, norm: Callable | None = None) -> Callable:
        """This network's normalisation (or `norm`) with its settings: `normalise(train)(name='norm')(x)`."""
        return partial(
            norm or self.norm,
            train=train,
            axis_name=self.bn_axis,
            dtype=self.dtype,
            momentum=self.bn_momentum,
            epsilon=self.bn_epsilon,
        )

    @nn.nowrap
    def conv_norm_act(self, train: bool, *, conv: Callable | None = None, use_bias: bool | None = None) -> Callable:
        """`ConvNorm` with this network's layers: `conv_norm_act(train)(features, kernel, stride, name='conv1')(x)`.

        By default, convolutions have a bias unless they are followed by a normalisation with a bias of its own.
        """
        shifts = self.norm not in (no_norm, local_response_norm)
        bound = partial(
            conv or self.conv,
            use_bias=not shifts if use_bias is None else use_bias,
            dtype=self.dtype,
            kernel_init=self.kernel_init,
        )
        return partial(ConvNorm, conv=bound, norm=self.normalise(train), act=self.act)
