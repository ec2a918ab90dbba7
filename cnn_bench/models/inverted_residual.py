"""The inverted residual block and the base class of networks built from it. Sandler et al.: MobileNetV2, 2018.

A block expands the channels by a 1x1 convolution, applies a depthwise convolution, optionally gates the channels
(squeeze-and-excitation) and reduces them by a 1x1 convolution without activation; if the shapes agree, its input is
added. Normalisation follows every convolution. Two later forms are here too: the universal inverted bottleneck of
MobileNetV4 (Qin et al. 2024), in which a depthwise convolution may stand before the expansion and the other may be
missing, and the fused block of EfficientNetV2 (Tan & Le 2021), in which one dense convolution expands and filters.

Channels times `width` are rounded to even numbers as in all networks here, where the papers round to multiples of 8:
`mobilenet_v2_x0_5` and the like are the published networks, a `width` of 0.5 is not.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from flax import linen as nn

from cnn_bench.models.blocks import Classifier, SqueezeExcite, Stage, StochasticDepth, require
from cnn_bench.models.layers import identity

PADDINGS = {'half': None, 'same': 'same'}  # padding of strided convolutions -> argument of `ConvNorm`


def divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, or the next larger one if that is less than 0.9 times them."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


class Row(NamedTuple):
    """One block of a network, with its channels at width 1."""

    kernel: int  # of the convolution between expansion and projection, or of the fused one; 0: there is none
    expanded: int
    features: int
    stride: int = 1
    squeezed: int = 0  # channels inside the gate; 0: no gate
    early: bool = False  # uses the network's `early_act`, if it has one
    start: int = 0  # kernel of a depthwise convolution before the expansion; 0: there is none
    fused: bool = False  # a `FusedInvertedResidual`
    skips: bool = True  # adds its input where the shapes agree


def repeated(table: Iterable, depths: tuple[int, ...], channels: int, squeeze: int = 0) -> tuple[tuple[Row, ...], ...]:
    """The rows of every stage of a table (expansion, kernel, features, stride), for `channels` input channels.

    Only the first block of a stage has its stride. Gates have 1 / `squeeze` of the block's input channels.
    """
    stages = []
    for (expansion, kernel, features, stride), depth in zip(table, depths, strict=True):
        rows = []
        for step in (stride, *(1,) * (depth - 1)):
            rows.append(Row(kernel, expansion * channels, features, step, channels // squeeze if squeeze else 0))
            channels = features
        stages.append(tuple(rows))
    return tuple(stages)


def multiplied(table: Iterable, factor: float) -> tuple[tuple[int, int, int, int], ...]:
    """The rows (expansion, kernel, features, stride) of a table with `factor` times the features, in multiples of 8."""
    return tuple((expansion, kernel, divisible(factor * features), step) for expansion, kernel, features, step in table)


class InvertedResidual(nn.Module):
    """Expand (unless x already has `expanded` channels), filter, gate, project, and add x if the shapes agree.

    The stride is that of the depthwise convolution behind the expansion, or of the one before it where `kernel` is 0.
    """

    features: int
    expanded: int
    kernel: int
    stride: int
    train: bool
    conv_norm_act: Callable
    padding: str | None = None
    gate: Callable | None = None  # `SqueezeExcite`: `gate(name='se')(x)`
    drop_path: float = 0.0
    start: int = 0  # kernel of a depthwise convolution before the expansion, without activation
    skips: bool = True

    @nn.compact
    def __call__(self, x):
        y, kept = self.body(x), self.shortcut(x)
        return y if kept is None else kept + StochasticDepth(self.drop_path, name='drop_path')(y, self.train)

    def shortcut(self, x):
        """What is added to the body's output (n, h, w, features), or None."""
        return x if self.skips and self.stride == 1 and x.shape[-1] == self.features else None

    def body(self, x):
        """The block without its shortcut: (n, h / stride, w / stride, features)."""
        if self.start:
            x = self.depthwise(x, self.start, 1 if self.kernel else self.stride, act=identity, name='start')
        if self.expanded != x.shape[-1]:
            x = self.conv_norm_act(self.expanded, 1, name='expand')(x)
        if self.kernel:
            x = self.depthwise(x, self.kernel, self.stride, name='depthwise')
        x = self.gate(name='se')(x) if self.gate else x
        return self.conv_norm_act(self.features, 1, act=identity, name='project')(x)

    def depthwise(self, x, kernel, stride, **fields):
        """A depthwise convolution of x, its normalisation and its activation."""
        channels = x.shape[-1]
        return self.conv_norm_act(channels, kernel, stride, self.padding, channels, **fields)(x)


class FusedInvertedResidual(InvertedResidual):
    """One dense convolution expands and filters, a 1x1 projects; where nothing is expanded, the first is all."""

    def body(self, x):
        expands = self.expanded != x.shape[-1]
        first = self.expanded if expands else self.features
        x = self.conv_norm_act(first, self.kernel, self.stride, self.padding, name='fused')(x)
        return self.conv_norm_act(self.features, 1, act=identity, name='project')(x) if expands else x


class InvertedResidualNet(Classifier):
    """A 3x3 convolution, stages of inverted residual blocks, a 1x1 convolution; subclasses define the `rows`.

    In training, blocks are dropped for a fraction of the images that grows from 0 at the first block to `drop_path`.
    `padding` is that of strided convolutions: half the kernel on each side, or 'same' as in TensorFlow. `stem='small'`
    (ours): the first convolution and the first strided block keep the resolution, so that 28x28 images give 28, 14, 7
    and 4.
    """

    depths: tuple = ()  # number of blocks in each stage
    stem_maps: int = 32
    last_maps: int = 1280
    padding: str = 'half'
    drop_path: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        require(self, 'padding', self.padding in PADDINGS, ' or '.join(map(repr, PADDINGS)))
        require(self, 'drop_path', 0 <= self.drop_path < 1, 'from 0 to below 1')
        require(self, 'depths', len(self.depths) == self.stages, f'{self.stages} numbers')

    @property
    def stages(self) -> int:
        """Number of stages."""
        raise NotImplementedError(type(self).__name__)

    @nn.nowrap
    def rows(self) -> tuple[tuple[Row, ...], ...]:
        """The blocks of each stage."""
        raise NotImplementedError(type(self).__name__)

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        first = (3, 1 if self.small else 2, PADDINGS[self.padding])
        x = conv_norm_act(self.scaled(self.stem_maps), *first, name='stem')(x)
        for stage, blocks in enumerate(self._blocks(train), 1):
            x = Stage(blocks, name=f'stage{stage}')(x)
        return conv_norm_act(self.scaled(self.last_maps), 1, name='last')(x)

    @nn.nowrap
    def _blocks(self, train: bool) -> list[tuple[Callable, ...]]:
        stages, halvings, done = self.rows(), 0, 0
        total = sum(map(len, stages))
        built = []
        for rows in stages:
            blocks = []
            for row in rows:
                halvings += row.stride > 1
                stride = 1 if self.small and halvings == 1 else row.stride
                blocks.append(self._block(row._replace(stride=stride), train, self.drop_path * done / total))
                done += 1
            built.append(tuple(blocks))
        return built

    @nn.nowrap
    def _block(self, row: Row, train: bool, drop_path: float) -> Callable:
        return partial(
            self.block_of(row),
            self.scaled(row.features),
            self.scaled(row.expanded),
            row.kernel,
            row.stride,
            train,
            partial(self.conv_norm_act(train), act=self.act_of(row)),
            PADDINGS[self.padding],
            self.gate_of(row) if row.squeezed else None,
            drop_path,
            row.start,
            row.skips,
        )

    @nn.nowrap
    def block_of(self, row: Row) -> type[InvertedResidual]:
        """The kind of a block."""
        return FusedInvertedResidual if row.fused else InvertedResidual

    @nn.nowrap
    def act_of(self, row: Row) -> Callable:
        """The activation of a block."""
        return self.act

    @nn.nowrap
    def gate_of(self, row: Row, **fields: Callable) -> Callable:
        """The gate of a block, with the network's activation unless `fields` of `SqueezeExcite` set another."""
        point = partial(self.conv, dtype=self.dtype, kernel_init=self.kernel_init)
        return partial(SqueezeExcite, self.scaled(row.squeezed), **{'conv': point, 'act': self.act, **fields})


class TabledNet(InvertedResidualNet):
    """Stages of the first blocks in the rows of `table`; a stage of more repeats the last of its row, with stride 1."""

    table: tuple = ()  # a tuple of `Row` for each stage

    @property
    def stages(self):
        return len(self.table)

    @nn.nowrap
    def rows(self):
        stages = zip(self.table, self.depths, strict=True)
        return tuple((*rows[:depth], *(rows[-1]._replace(stride=1),) * (depth - len(rows))) for rows, depth in stages)
