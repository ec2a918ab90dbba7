"""LeNet-5. LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998.

`lenet5` is the network as textbooks and lectures tabulate it. Departures from the paper:
  - C3 is connected to all six feature maps of S2 instead of subsets of them;
  - pooling is a plain mean followed by tanh, without the paper's trainable coefficient and bias;
  - tanh(x) instead of 1.7159 tanh(2x/3);
  - LeCun's later initialisation (variance 1 / fan-in) instead of uniform in +-2.4 / fan-in;
  - `output='dense'`, the default, is a dense layer. `output='rbf'` is the paper's: minus the squared distance of F6 to
    a fixed code of +-1 per digit. The codes are 7x12 bitmaps drawn for this project after the paper's figure 3. There
    are ten, so they fit any data set with ten classes.

`lenet5_1998` is the network of the paper, with 60,000 trainable parameters: C3 is connected as in table I, subsampling
has a coefficient and a bias per map followed by the activation, the activation is 1.7159 tanh(2x/3), weights start
uniform in +-2.4 / fan-in, the output is 'rbf'. Departures from the paper:
  - the ten codes are those described above;
  - the loss is the trainer's cross-entropy of minus the distances instead of the paper's MAP criterion (which is the
    same but for an extra class for rubbish at the constant distance j);
  - biases start at 0;
  - the pipeline pads images with zeros and scales them, where the paper's ink is 1.175 and its background -0.1.
At other widths, table I is resampled to the number of feature maps (see `connections`). `output='dense'` has a dense
layer instead.

Images smaller than 32x32 are padded with zeros on all sides, as the paper places a 20x20 digit in a larger field.
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
from cnn_bench.models.fast_ops import Pads
from cnn_bench.models.layers import INITS, avg_pool, conv, no_norm, scaled_tanh

FIELD = 32  # side of the image for which C5's 5x5 kernels give 1x1
OUTPUTS = ('dense', 'rbf')

# Table I: the feature maps of S2 that each feature map of C3 is connected to.
C3_INPUTS = ('012', '123', '234', '345', '045', '015', '0123', '1234', '2345', '0345', '0145', '0125', '0134', '1245')
C3_INPUTS += ('0235', '012345')
S2_MAPS = 6

# Twelve rows of seven pixels for each digit; '#' is +1, '.' is -1.
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
    """The codes (10, 84) of +1 and -1: a row per digit, its 12x7 bitmap read row by row."""
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
    """LeNet-5: C1, S2, C3, S4, C5, F6 and an output layer, 'dense' or 'rbf'."""

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
        conv_norm_act = partial(self.conv_norm_act(train), padding=0)
        x = padded(x, FIELD)
        x = conv_norm_act(self.scaled(6), 5, name='c1')(x)
        x = self.act(self.pool(x, 2))
        x = conv_norm_act(self.scaled(16), 5, name='c3')(x)
        x = self.act(self.pool(x, 2))
        return conv_norm_act(self.scaled(120), 5, name='c5')(x)

    @nn.nowrap
    def make_head(self):
        bits = digit_codes().shape[1]
        hidden = bits if self.output == 'rbf' else self.scaled(bits)
        return LeNetHead(self.num_classes, hidden, self.output, self.dense, self.act)


def padded(x, side: int):
    """Images x (n, h, w, c) in the middle of a square of zeros. Raises UserError if they are larger."""
    missing = [side - size for size in x.shape[1:3]]
    if min(missing) < 0:
        raise UserError(f'the image is larger than {side}x{side}')
    return jnp.pad(x, ((0, 0), *((gap // 2, gap - gap // 2) for gap in missing), (0, 0)))


def connections(in_channels: int, features: int) -> tuple[tuple[int, ...], ...]:
    """The input channels of each of C3's `features`: table I for 6 and 16, resampled to other numbers.

    Channel i of n stands for the fraction [i/n, (i+1)/n) of the paper's channels; an input and an output are connected
    if their fractions overlap with a connected pair of the paper.
    """
    rows = [C3_INPUTS[len(C3_INPUTS) * number // features] for number in range(features)]
    return tuple(
        tuple(i for i in range(in_channels) if any(_overlap(i, in_channels, int(own)) for own in row)) for row in rows
    )


def _overlap(i: int, in_channels: int, own: int) -> bool:
    return i * S2_MAPS < (own + 1) * in_channels and own * in_channels < (i + 1) * S2_MAPS


class PartialConv(nn.Module):
    """A convolution in which each output channel sees only some input channels (`connections`); a `conv` for each."""

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
        outputs = [
            layer(name=f'map{number}')(jnp.concatenate([channels[i] for i in inputs], axis=-1))
            for number, inputs in enumerate(table, 1)
        ]
        return jnp.concatenate(outputs, axis=-1)


class Subsampling(nn.Module):
    """2x2 pooling, a trainable coefficient and bias per channel, and the activation."""

    pool: Callable
    act: Callable
    dtype: Any
    scale_init: Callable

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1:]
        scale = self.param('scale', self.scale_init, channels).astype(self.dtype)
        bias = self.param('bias', nn.initializers.zeros, channels).astype(self.dtype)
        return self.act(scale * self.pool(x, 2) + bias)


def sum_pool(x: jax.Array, window: int) -> jax.Array:
    """Sum over square windows."""
    return window**2 * avg_pool(x, window)


def within_2_4(fan_in: int, key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32) -> jax.Array:
    """Uniform in +-2.4 / fan_in."""
    return jax.random.uniform(key, shape, dtype, -2.4 / fan_in, 2.4 / fan_in)


def lecun_1998(key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32) -> jax.Array:
    """Initialise a kernel uniformly in +-2.4 / fan-in, as in the paper."""
    return within_2_4(int(np.prod(shape[:-1])), key, shape, dtype)


class LeNet1998(LeNet5):
    """LeNet-5 with a partially connected C3, trainable subsampling and fixed codes."""

    act: Callable = scaled_tanh
    pool: Callable = sum_pool
    kernel_init: Callable = lecun_1998
    output: str = 'rbf'

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = partial(self.conv_norm_act(train), padding=0)
        partial_conv = partial(self.conv_norm_act(train, conv=partial(PartialConv, conv=self.conv)), padding=0)
        subsample = partial(Subsampling, self.pool, self.act, self.dtype, partial(within_2_4, 4))
        x = padded(x, FIELD)
        x = conv_norm_act(self.scaled(6), 5, name='c1')(x)
        x = subsample(name='s2')(x)
        x = partial_conv(self.scaled(16), 5, name='c3')(x)
        x = subsample(name='s4')(x)
        return conv_norm_act(self.scaled(120), 5, name='c5')(x)
