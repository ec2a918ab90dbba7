"""The lecture's table of LeNet-5, the paper's own figures, and the lecture's small network for Fashion-MNIST."""

from functools import partial

from cnn_bench.lecture.claims import layer_table
from cnn_bench.lecture.claims.claim import Claim
from cnn_bench.lecture.claims.network_facts import (
    below,
    connections,
    convolutions,
    cost,
    dropouts,
    operations,
    params,
    poolings,
    weighted,
)

TABLE = 'lecture, LeNet-5 (table)'
KERAS = 'lecture, A simple CNN to tackle the Fashion-MNIST'
PAPER = 'LeCun et al. 1998, section II.B'

WINDOWS = {
    'C1': ('c1/conv', (28, 28, 6), (5, 1)),
    'S2': (0, (14, 14, 6), (2, 2)),
    'C3': ('c3/conv', (10, 10, 16), (5, 1)),
    'S4': (1, (5, 5, 16), (2, 2)),
    'C5': ('c5/conv', (1, 1, 120), (5, 1)),
}
ORIGINAL = 'lenet5_1998'
# Section II.B of the paper: path of the layer in `lenet5_1998`, its trainable parameters and its connections.
PUBLISHED = {
    'c1': ('c1/', 156, 122_304),
    's2': ('s2', 12, 5_880),
    'c3': ('c3/', 1_516, 151_600),
    's4': ('s4', 32, 2_000),
    'c5': ('c5/', 48_120, 48_120),
    'f6': ('head/f6', 10_164, 10_164),
}
DENSE = {'F6': ('head/f6', 84), 'Out': ('head/fc', 10)}


def claims() -> list[Claim]:
    """The claims about LeNet-5 and the Fashion-MNIST network."""
    return [*_table(), *_published(), *_keras()]


def _table():
    yield from layer_table.claims_by_line('lenet5', TABLE, (32, 32, 1), WINDOWS, DENSE)
    yield Claim(
        'lenet5.mean_pooling',
        'S2 and S4 pool by the mean',
        TABLE,
        2,
        'poolings of `lenet5` that add their windows up',
        lambda: sum(op.primitive == 'reduce_window_sum' for op in operations('lenet5')),
    )
    yield Claim(
        'lenet5.tanh',
        'tanh follows C1, S2, C3, S4, C5 and F6',
        TABLE,
        6,
        'tanh operations of `lenet5`',
        lambda: sum(op.primitive == 'tanh' for op in operations('lenet5')),
    )
    yield Claim(
        'lenet5.rbf',
        'the output layer is an RBF, with codes that are not trained',
        TABLE,
        0,
        "parameters of the output layer of `lenet5` with output='rbf'",
        lambda: params('lenet5', output='rbf') - sum(row.params for row in below('lenet5', 'c') + _f6()),
    )


def _f6():
    return below('lenet5', 'head/f6')


def _published():
    for name, (path, weights, links) in PUBLISHED.items():
        yield Claim(
            f'{ORIGINAL}.{name}_parameters',
            f'{name.upper()} has {weights:,} trainable parameters',
            PAPER,
            weights,
            f'parameters of {path.strip("/")} of `{ORIGINAL}`',
            partial(_trainable, ORIGINAL, path),
        )
        yield Claim(
            f'{ORIGINAL}.{name}_connections',
            f'{name.upper()} has {links:,} connections',
            PAPER,
            links,
            f'multiply-adds, pooled values, biases and distances of {path.strip("/")} of `{ORIGINAL}`',
            partial(connections, ORIGINAL, path),
        )
    yield Claim(
        f'{ORIGINAL}.connections',
        'LeNet-5 has 340,908 connections',
        PAPER,
        340_908,
        f'the same of the whole of `{ORIGINAL}`',
        partial(connections, ORIGINAL),
        'connections',
    )
    yield Claim(
        f'{ORIGINAL}.parameters',
        'of 60,000 trainable parameters',
        PAPER,
        60_000,
        f'parameters of `{ORIGINAL}`',
        partial(params, ORIGINAL),
        'parameters',
    )
    yield Claim(
        'lenet5.parameters',
        "the lecture's table, too, makes a network of the paper's 60,000 parameters",
        f'{TABLE}; {PAPER}',
        60_000,
        'parameters of `lenet5`',
        partial(params, 'lenet5'),
        'parameters',
        why="the table's C3 sees all six maps of S2 (+900), its pooling has nothing to train (-44), and the output "
        'here is dense (+850)',
    )


def _trainable(arch, path):
    return sum(row.params for row in cost(arch).layers if row.path.startswith(path))


def _keras():
    yield Claim(
        'fashion_cnn.convolutions',
        'five convolutions of 64, 128, 128, 256 and 256 maps, 7x7 and then 3x3, with SAME padding',
        KERAS,
        ((64, 7, 28), (128, 3, 14), (128, 3, 14), (256, 3, 7), (256, 3, 7)),
        'the convolutions of `fashion_cnn` as built, on 28x28x1',
        lambda: tuple((c.output[-1], c.kernel, c.output[0]) for c in convolutions('fashion_cnn').values()),
        'maps, kernel, side',
    )
    yield Claim(
        'fashion_cnn.pooling',
        'three 2x2 max poolings',
        KERAS,
        ((2, 2), (2, 2), (2, 2)),
        'the poolings of `fashion_cnn` as counted',
        lambda: tuple((pool.window, pool.stride) for pool in poolings('fashion_cnn')),
        'window, stride',
    )
    yield Claim(
        'fashion_cnn.dense',
        'dense layers of 128, 64 and 10',
        KERAS,
        (128, 64, 10),
        'the dense layers of `fashion_cnn`',
        lambda: tuple(row.output_shape[-1] for row in weighted('fashion_cnn') if row.op == 'dense'),
    )
    yield Claim(
        'fashion_cnn.dropout',
        'dropout of one half twice',
        KERAS,
        ('0.5', '0.5'),
        'the rates of the dropout layers of `fashion_cnn`',
        partial(dropouts, 'fashion_cnn'),
    )
