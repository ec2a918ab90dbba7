"""LeNet-5. LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998.

`lenet5` is the network as textbooks and lectures tabulate it. Where it departs from the paper:
  - C3 sees all six maps of S2, not the paper's subsets of them;
  - pooling is a plain mean followed by tanh, without the paper's trainable coefficient and bias;
  - tanh(x), not 1.7159 tanh(2x/3);
  - weights start by LeCun's later rule (variance 1 / fan-in), not uniformly in +-2.4 / fan-in;
  - `output='dense'`, the default, is a dense layer of 10. `output='rbf'` is the paper's: minus the squared distance
    of F6 to a fixed +-1 code per digit. The codes are 7x12 bitmaps drawn for this project after the paper's figure
    3, with ten classes only, so that they fit any data set of ten classes.
Images smaller than 32x32 are padded with zeros all around, as the paper places a 20x20 digit in a larger field.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from cnn_bench.errors import UserError, unknown
from cnn_bench.models.blocks import Classifier
from cnn_bench.models.layers import INITS, avg_pool, no_norm

FIELD = 32  # side of the input that C5's 5x5 kernels reduce to 1x1
OUTPUTS = ('dense', 'rbf')

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
