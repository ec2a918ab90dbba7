"""NASNet-A and PNASNet-5, networks of cells that were found by search.

Zoph, Vasudevan, Shlens, Le: Learning transferable architectures for scalable image recognition, 2017. Liu et al.:
Progressive neural architecture search, 2017.

A cell takes the outputs of the two cells before it, brings both to its channels, and adds pairs of operations on them
and on sums that it already has; sums that it does not use itself are concatenated. `nasnet_mobile` is the paper's
NASNet-A (4 @ 1056), `nasnet_large` its NASNet-A (6 @ 4032), `pnasnet5_large` the other paper's PNASNet-5 (N=4, F=216).
The numbers are those of the authors' release (tensorflow/models, research/slim/nets/nasnet): dropout of one half before
the logits, running statistics of momentum 0.9997, epsilon 0.001, TensorFlow's padding. In strided poolings of Keras's
networks padding counts as zeros, and so it does in the mean poolings of timm's NASNet (`zero_pad`).

Departures: the initialisation is He's. In training, operations are dropped for a fraction of the images that grows from
cell to cell up to `drop_path`; in the release it grows with the steps too.

The auxiliary head, behind stage 4, is for training only, and off unless `aux=True`. With it, the network has its
parameters too (7,701,218 in all for `nasnet_mobile`), and in training puts its logits into the collection 'aux_logits'.

`stem='small'` (ours): the first convolution and the first cell keep the resolution, so that 28x28 images give 28, 14, 7
and 4.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, StochasticDepth, require
from cnn_bench.models.inception_v3 import AuxHead
from cnn_bench.models.layers import avg_pool, conv, identity, no_norm, same_pads, separable_conv

# Inputs of a cell's operations: the output of the cell before the last, that of the last, or a sum of the cell itself.
PREVIOUS, LAST = 'previous', 'last'


class Table(NamedTuple):
    """A cell: pairs of (operation, input) whose outputs are added, and which of the inputs and sums are concatenated.

    Operations are 'sep3', 'sep5', 'sep7': two separable convolutions; 'max', 'mean': 3x3 pooling; 'same': the identity.
    A sum is an input by its number in the table, from 0.
    """

    pairs: tuple[tuple[tuple[str, str | int], tuple[str, str | int]], ...]
    outputs: tuple[str | int, ...]


# Zoph et al., figure 4, and Liu et al., figure 1 on the left.
NORMAL_A = Table(
    (
        (('sep5', LAST), ('sep3', PREVIOUS)),
        (('sep5', PREVIOUS), ('sep3', PREVIOUS)),
        (('mean', LAST), ('same', PREVIOUS)),
        (('mean', PREVIOUS), ('mean', PREVIOUS)),
        (('sep3', LAST), ('same', LAST)),
    ),
    (PREVIOUS, 0, 1, 2, 3, 4),
)
REDUCTION_A = Table(
    (
        (('sep5', LAST), ('sep7', PREVIOUS)),
        (('max', LAST), ('sep7', PREVIOUS)),
        (('mean', LAST), ('sep5', PREVIOUS)),
        (('same', 1), ('mean', 0)),
        (('sep3', 0), ('max', LAST)),
    ),
    (1, 2, 3, 4),
)
PROGRESSIVE = Table(
    (
        (('sep5', PREVIOUS), ('max', PREVIOUS)),
        (('sep7', LAST), ('max', LAST)),
        (('sep5', LAST), ('sep3', LAST)),
        (('sep3', 2), ('max', LAST)),
        (('sep3', PREVIOUS), ('same', LAST)),
    ),
    (0, 1, 2, 3, 4),
)


class Layers(NamedTuple):
    """What the operations of a network's cells are made of."""

    conv_norm: Callable  # `conv_norm_act` without activation
    conv_only: Callable  # and without normalisation
    normalise: Callable
    act: Callable
    pool: Callable
    zero_pad: tuple


class Operation(nn.Module):
    """One of `Table`'s operations, with `features` channels. Convolutions come behind an activation."""

    kind: str
    features: int
    stride: int
    layers: Layers

    @nn.compact
    def __call__(self, x):
        conv_norm, act = self.layers.conv_norm, self.layers.act
        project = partial(conv_norm, self.features, 1, name='project')
        fits = x.shape[-1] == self.features
        if self.kind == 'same':
            return x if fits and self.stride == 1 else project(stride=self.stride)(act(x))
        if self.kind in ('max', 'mean'):
            pool = self.layers.pool if self.kind == 'max' else avg_pool
            pads = same_pads(x, 3, self.stride)
            if self.kind in self.layers.zero_pad and self.stride > 1:
                x, pads = jnp.pad(x, ((0, 0), *pads, (0, 0))), 0
            x = pool(x, 3, self.stride, padding=pads)
            return x if fits else project()(x)
        kernel = int(self.kind.removeprefix('sep'))
        x = conv_norm(self.features, kernel, self.stride, 'same', name='conv1')(act(x))
        return conv_norm(self.features, kernel, padding='same', name='conv2')(act(x))


class Halving(nn.Module):
    """Half of the resolution, without the loss of three pixels of four.

    One half of the `features` comes from every second pixel, the other from those one row and column further, with zero
    behind the edge, by a 1x1 convolution each.
    """

    features: int
    layers: Layers

    @nn.compact
    def __call__(self, x):
        x, half = self.layers.act(x), self.features // 2
        shifted = jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))[:, 1:, 1:]
        paths = [
            self.layers.conv_only(half, 1, name='path1')(x[:, ::2, ::2]),
            self.layers.conv_only(self.features - half, 1, name='path2')(shifted[:, ::2, ::2]),
        ]
        return self.layers.normalise(name='norm')(jnp.concatenate(paths, axis=-1))


class Cell(nn.Module):
    """A cell of `table` with `features` channels in each of its outputs, and a stride for operations on its inputs."""

    table: Table
    features: int
    stride: int
    layers: Layers
    drop_path: float
    train: bool

    @nn.compact
    def __call__(self, previous, last):
        """The output (n, h', w', c') for inputs (n, h, w, c); `previous` may be None, or twice as large as `last`."""
        states = {PREVIOUS: last if previous is None else self._fitted(previous, last)}
        states[LAST] = self._projected(last, 'adapt_last')
        for number, (left, right) in enumerate(self.table.pairs):
            states[number] = self._applied(f'pair{number + 1}_left', states, *left)
            states[number] += self._applied(f'pair{number + 1}_right', states, *right)
        return jnp.concatenate([states[key] for key in self.table.outputs], axis=-1)

    def _projected(self, x, name):
        return self.layers.conv_norm(self.features, 1, name=name)(self.layers.act(x))

    def _fitted(self, previous, last):
        if previous.shape[1:3] == last.shape[1:3]:
            return self._projected(previous, 'adapt_previous')
        return Halving(self.features, self.layers, name='halve_previous')(previous)

    def _applied(self, name, states, kind, source):
        stride = self.stride if source in (PREVIOUS, LAST) else 1
        x = Operation(kind, self.features, stride, self.layers, name=name)(states[source])
        return x if kind == 'same' else StochasticDepth(self.drop_path, name=f'{name}_drop')(x, self.train)


class Place(NamedTuple):
    """A cell of a network."""

    name: str
    reduces: bool  # halves the resolution
    maps: int  # channels of each output


class NASNet(Classifier):
    """A 3x3 convolution, two cells that halve the resolution, and stages 3 to 5 of `depths` cells.

    Stages 4 and 5 begin with another cell that halves it; where the network `skips`, the cell after that takes, as the
    one before the last, the input that the halving cell had. The cells of stage 3 have `maps` channels in each output.
    """

    normal: Table = NORMAL_A
    reduction: Table = REDUCTION_A
    stem_maps: int = 96
    maps: int = 168
    depths: tuple = (6, 6, 6)  # cells that keep the resolution
    skips: bool = False
    zero_pad: tuple = ()  # 'max' and 'mean': in which strided poolings the padding counts, as zeros
    conv: Callable = separable_conv
    dropout: float = 0.5
    drop_path: float = 0.0
    aux: bool = False
    bn_momentum: float = 0.9997
    bn_epsilon: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == 3 and min(self.depths) > 0, 'three numbers above 0')
        require(self, 'zero_pad', set(self.zero_pad) <= {'max', 'mean'}, "of 'max' and 'mean'")
        require(self, 'drop_path', 0 <= self.drop_path < 1, 'from 0 to below 1')

    @nn.compact
    def features(self, x, train=False):
        stem = partial(self.conv_norm_act(train, conv=conv), act=identity, name='stem')
        last = stem(self.scaled(self.stem_maps), 3, *((1,) if self.small else (2, 0)))(x)
        previous, plan = None, self.plan()
        with_aux = self.aux and self.num_classes and (train or self.is_initializing())
        for number, (name, reduces, maps) in enumerate(plan, 1):
            table, stride = (self.reduction, 2) if reduces else (self.normal, 1)
            stride = 1 if self.small and number == 1 else stride
            rate = self.drop_path * number / len(plan)
            out = Cell(table, self.scaled(maps), stride, self._layers(train), rate, train, name=name)(previous, last)
            kept = self.skips and reduces and number > 2
            previous, last = previous if kept else last, out
            if number == len(plan) - 1 - self.depths[-1] and with_aux:
                self._aux_head(train)(self.act(last))
        return self.act(last)

    @nn.nowrap
    def plan(self) -> list[Place]:
        """The network's cells, from the stem on."""
        cells = [Place('stage2_cell1', True, self.maps // 4), Place('stage3_cell1', True, self.maps // 2)]
        for stage, depth in enumerate(self.depths, 3):
            maps = self.maps * 2 ** (stage - 3)
            cells += [Place(f'stage{stage}_cell1', True, maps)] if stage > 3 else []
            cells += [Place(f'stage{stage}_cell{number}', False, maps) for number in range(2, depth + 2)]
        return cells

    def _aux_head(self, train):
        features = self.scaled(128), self.scaled(768)
        conv_norm_act = self.conv_norm_act(train, conv=conv)
        return AuxHead(self.num_classes, features, conv_norm_act, self.dense, whole=True, name='aux')

    @nn.nowrap
    def _layers(self, train: bool) -> Layers:
        conv_norm = partial(self.conv_norm_act(train), act=identity)
        return Layers(
            conv_norm, partial(conv_norm, norm=no_norm), self.normalise(train), self.act, self.pool, self.zero_pad
        )


NASNetMobile = partial(NASNet, stem_maps=32, maps=44, depths=(4, 4, 4))
NASNetLarge = partial(NASNet, skips=True, drop_path=0.3)
PNASNet5Large = partial(NASNet, normal=PROGRESSIVE, reduction=PROGRESSIVE, maps=216, depths=(4, 3, 3), drop_path=0.4)
