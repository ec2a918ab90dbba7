"""LeNet-5. LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998.

`lenet5` is the network as textbooks and lectures tabulate it. Where it departs from the paper:
  - C3 sees all six maps of S2, not the paper's subsets of them;
  - pooling is a plain mean followed by tanh, without the paper's trainable coefficient and bias;
  - tanh(x), not 1.7159 tanh(2x/3);
  - weights start by LeCun's later rule (variance 1 / fan-in), not uniformly in +-2.4 / fan-in;
  - `output='dense'`, the default, is a dense layer of 10. `output='rbf'` is the paper's: minus the squared distance
    of F6 to a fixed +-1 code per digit. The codes are 7x12 bitmaps drawn for this project after the paper's figure
    3, with ten classes only, so that they fit any data set of ten classes.

`lenet5_1998` is the paper's own, of 60,000 trainable parameters: C3's maps see the subsets of table I, subsampling
has a coefficient and a bias per map and is squashed, the squashing is 1.7159 tanh(2x/3), weights start uniformly in
+-2.4 / fan-in, the output is 'rbf'. Where it departs from the paper:
  - the codes are the ones described above, ten of them;
  - the loss is the trainer's: the cross-entropy of minus the distances, not the paper's MAP criterion (the same
    without a class of rubbish, whose distance there is the constant j);
  - biases start at 0;
  - images are padded with zeros and scaled by the pipeline, where the paper's ink is 1.175 and its background -0.1.
At another width, tables of as many rows and columns as there are maps take the place of table I: a map there is
connected where the part of the six (or sixteen) that it stands for is. `output='dense'` has a dense layer instead.

Images smaller than 32x32 are padded with zeros all around, as the paper places a 20x20 digit in a larger field.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from cnn_bench.errors import UserError, unknown
from cnn_bench.models.blocks import Classifier
from cnn_bench.models.layers import INITS, avg_pool, conv, no_norm, scaled_tanh
from cnn_bench.models.primitives import Pads

FIELD = 32  # side of the input that C5's 5x5 kernels reduce to 1x1
OUTPUTS = ('dense', 'rbf')

# Table I: the maps of S2 that each map of C3 sees.
SEEN_BY_C3 = ('012', '123', '234', '345', '045', '015', '0123', '1234', '2345', '0345', '0145', '0125', '0134', '1245')
SEEN_BY_C3 += ('0235', '012345')
S2_MAPS = 6

# Twelve rows of seven for each digit, rows 0 to 11 from the top; '#' is +1.
DIGITS = (
    """.......
       ..###..
       .#...#.
       #.....#
       #.....#
       #.....#
       #.....#
       #.....#
       #.....#
       .#...#.
       ..###..
       .......""",
    """.......
       ...#...
       ..##...
       .#.#...
       ...#...
       ...#...
       ...#...
       ...#...
       ...#...
       ...#...
       .#####.
       .......""",
    """.......
       .#####.
       #.....#
       ......#
       ......#
       .....#.
       ...##..
       .##....
       #......
       #......
       #######
       .......""",
    """.......
       .#####.
       #.....#
       ......#
       ......#
       ..####.
       ......#
       ......#
       ......#
       #.....#
       .#####.
       .......""",
    """.......
       ....##.
       ...#.#.
       ..#..#.
       .#...#.
       #....#.
       #....#.
       #######
       .....#.
       .....#.
       .....#.
       .......""",
    """.......
       #######
       #......
       #......
       #.####.
       ##....#
       ......#
       ......#
       ......#
       #.....#
       .#####.
       .......""",
    """.......
       ..####.
       .#.....
       #......
       #......
       #.####.
       ##....#
       #.....#
       #.....#
       #.....#
       .#####.
       .......""",
    """.......
       #######
       ......#
       .....#.
       .....#.
       ....#..
       ....#..
       ...#...
       ...#...
       ..#....
       ..#....
       .......""",
    """.......
       .#####.
       #.....#
       #.....#
       #.....#
       .#####.
       #.....#
       #.....#
       #.....#
       #.....#
       .#####.
       .......""",
    """.......
       .#####.
       #.....#
       #.....#
       #.....#
       #....##
       .####.#
       ......#
       ......#
       .....#.
       .####..
       .......""",
)


def digit_codes() -> np.ndarray:
    """The codes (10, 84) of +1 and -1: a row per digit, its bitmap of 12 rows of 7 read row by row."""
    return np.array([[1.0 if dot == '#' else -1.0 for dot in ''.join(rows.split())] for rows in DIGITS], np.float32)


class LeNetHead(nn.Module):
    """F6 and the output layer."""

    num_classes: int
    hidden: int
    output: str
    dense: Callable
    act: Callable

    @nn.compact
    def __call__(self, x, train):
        x = self.act(self.dense(self.hidden, name='f6')(x.reshape(x.shape[0], -1)))
        if self.output == 'dense':
            return self.dense(self.num_classes, name='fc')(x)
        codes = digit_codes()[: self.num_classes]
        return -jnp.square(x[:, None, :].astype(jnp.float32) - codes).sum(-1)


class LeNet5(Classifier):
    """LeNet-5: C1, S2, C3, S4, C5, then F6 and an output that is `dense` or `rbf`."""

    stems: ClassVar[tuple[str, ...]] = ('small',)

    num_classes: int = 10
    stem: str = 'small'
    norm: Callable = no_norm
    act: Callable = nn.tanh
    pool: Callable = avg_pool
    kernel_init: Callable = INITS['lecun']
    output: str = 'dense'

    def __post_init__(self):
        super().__post_init__()
        if self.output not in OUTPUTS:
            raise unknown('output of lenet5', self.output, OUTPUTS)
        if self.output == 'rbf' and self.num_classes > len(DIGITS):
            raise UserError(f"lenet5's output 'rbf' has codes for {len(DIGITS)} classes, not {self.num_classes}")

    @nn.compact
    def features(self, x, train=False):
        unit = partial(self.unit(train), padding=0)
        x = padded(x, FIELD)
        x = unit(self.channels(6), 5, name='c1')(x)
        x = self.act(self.pool(x, 2))
        x = unit(self.channels(16), 5, name='c3')(x)
        x = self.act(self.pool(x, 2))
        return unit(self.channels(120), 5, name='c5')(x)

    @nn.nowrap
    def make_head(self):
        bits = digit_codes().shape[1]
        hidden = bits if self.output == 'rbf' else self.channels(bits)
        return LeNetHead(self.num_classes, hidden, self.output, self.dense, self.act)


def padded(x, side: int):
    """Images x (n, h, w, c) in the middle of a square of zeros; UserError if they are larger than it."""
    missing = [side - size for size in x.shape[1:3]]
    if min(missing) < 0:
        raise UserError(f'the image is larger than {side}x{side}')
    return jnp.pad(x, ((0, 0), *((gap // 2, gap - gap // 2) for gap in missing), (0, 0)))


def connections(seen: int, maps: int) -> tuple[tuple[int, ...], ...]:
    """Which of `seen` maps each of `maps` maps is connected to: table I for 6 and 16, else as near to it as they come.

    Map i of n stands for the part [i/n, (i+1)/n) of the paper's maps, and is connected to all whose part meets a
    connected one's.
    """
    rows = [SEEN_BY_C3[len(SEEN_BY_C3) * number // maps] for number in range(maps)]
    return tuple(tuple(i for i in range(seen) if any(_meet(i, seen, int(own)) for own in row)) for row in rows)


def _meet(i: int, seen: int, own: int) -> bool:
    return i * S2_MAPS < (own + 1) * seen and own * seen < (i + 1) * S2_MAPS


class PartialConv(nn.Module):
    """A convolution whose maps each see some of the maps before (`connections`): a convolution of its own for each."""

    features: int
    kernel: int
    stride: int = 1
    padding: int | Pads | None = None
    groups: int = 1
    conv: Callable = conv
    use_bias: bool = True
    dtype: Any = jnp.float32
    kernel_init: Callable = INITS['lecun']

    @nn.compact
    def __call__(self, x):
        fields = {'use_bias': self.use_bias, 'dtype': self.dtype, 'kernel_init': self.kernel_init}
        layer = partial(self.conv, 1, self.kernel, self.stride, self.padding, self.groups, **fields)
        table = connections(x.shape[-1], self.features)
        channels = jnp.split(x, x.shape[-1], axis=-1)
        maps = [
            layer(name=f'map{number}')(jnp.concatenate([channels[i] for i in seen], axis=-1))
            for number, seen in enumerate(table, 1)
        ]
        return jnp.concatenate(maps, axis=-1)


class Subsampling(nn.Module):
    """2x2 pooling, then per map a trainable coefficient and bias, then the squashing."""

    pool: Callable
    act: Callable
    dtype: Any
    scale_init: Callable

    @nn.compact
    def __call__(self, x):
        maps = x.shape[-1:]
        scale = self.param('scale', self.scale_init, maps).astype(self.dtype)
        bias = self.param('bias', nn.initializers.zeros, maps).astype(self.dtype)
        return self.act(scale * self.pool(x, 2) + bias)


def sum_pool(x: jax.Array, window: int) -> jax.Array:
    """Sum over square windows."""
    return window**2 * avg_pool(x, window)


def within_2_4(fan_in: int, key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32) -> jax.Array:
    """Uniform in +-2.4 / fan_in."""
    return jax.random.uniform(key, shape, dtype, -2.4 / fan_in, 2.4 / fan_in)


def lecun_1998(key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32) -> jax.Array:
    """A kernel uniform in +-2.4 / fan-in, the paper's start."""
    return within_2_4(int(np.prod(shape[:-1])), key, shape, dtype)


class LeNet1998(LeNet5):
    """LeNet-5 with a partially connected C3, trainable subsampling and fixed codes."""

    act: Callable = scaled_tanh
    pool: Callable = sum_pool
    kernel_init: Callable = lecun_1998
    output: str = 'rbf'

    @nn.compact
    def features(self, x, train=False):
        unit = partial(self.unit(train), padding=0)
        partly = partial(self.unit(train, conv=partial(PartialConv, conv=self.conv)), padding=0)
        subsample = partial(Subsampling, self.pool, self.act, self.dtype, partial(within_2_4, 4))
        x = padded(x, FIELD)
        x = unit(self.channels(6), 5, name='c1')(x)
        x = subsample(name='s2')(x)
        x = partly(self.channels(16), 5, name='c3')(x)
        x = subsample(name='s4')(x)
        return unit(self.channels(120), 5, name='c5')(x)
