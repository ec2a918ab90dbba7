"""The lecture's table of AlexNet, its oddities, and the paper's own figures."""

from functools import partial
from math import prod

import jax

from cnn_bench.lecture.claims import layer_table
from cnn_bench.lecture.claims.claim import Claim
from cnn_bench.lecture.claims.network_facts import (
    below,
    convolutions,
    depth,
    dropouts,
    layer,
    operations,
    output_shape,
    params,
    poolings,
    weighted,
)
from cnn_bench.models.layers import conv, same_pads

TABLE = 'lecture, AlexNet (table)'
PAPER = 'Krizhevsky et al. 2012'

WINDOWS = {
    'C1': ('conv1/conv', (55, 55, 96), (11, 4)),
    'S2': (0, (27, 27, 96), (3, 2)),
    'C3': ('conv2/conv', (27, 27, 256), (5, 1)),
    'S4': (1, (13, 13, 256), (3, 2)),
    'C5': ('conv3/conv', (13, 13, 384), (3, 1)),
    'C6': ('conv4/conv', (13, 13, 384), (3, 1)),
    'C7': ('conv5/conv', (13, 13, 256), (3, 1)),
}
DENSE = {'F8': ('head/fc1', 4096), 'F9': ('head/fc2', 4096), 'Out': ('head/fc', 1000)}


def claims() -> list[Claim]:
    """The claims about AlexNet."""
    return [*layer_table.claims_by_line('alexnet', TABLE, (224, 224, 3), WINDOWS, DENSE), *_oddities(), *_published()]


def _oddities():
    yield Claim(
        'alexnet.c1_same',
        'C1 gives 55x55 of 224x224 with stride 4 and SAME padding',
        TABLE,
        55,
        'our 11x11 convolution with stride 4 and SAME padding on 224x224x3',
        _same_size,
        'pixels',
        why='SAME gives ceil(224 / 4) = 56; 55 needs 227x227 without padding, or, as built here, 1 pixel before and 2 '
        'behind. Either way S2 is 27x27',
    )
    yield Claim(
        'alexnet.pools',
        'two max poolings: none follows C7',
        TABLE,
        2,
        'poolings of `alexnet`',
        lambda: len(poolings('alexnet')),
        why='the 2012 network pools a third time, to 6x6x256, before its dense layers',
    )
    yield Claim(
        'alexnet.table_parameters',
        'the table as printed, one tower and F8 straight behind C7, is the network of 60 M parameters',
        TABLE,
        '60 M',
        'parameters of `alexnet` with groups=1, its F8 exchanged for one on the whole of C7',
        _as_printed,
        'parameters',
        why='F8 alone has 13 x 13 x 256 x 4096 weights, 177 M; the pooling that the table leaves out makes it 38 M',
    )
    yield Claim(
        'alexnet.relu',
        'ReLU follows C1, C3, C5, C6, C7, F8 and F9',
        TABLE,
        7,
        'elementwise maxima of `alexnet`',
        lambda: sum(op.primitive == 'max' for op in operations('alexnet')),
    )
    yield Claim(
        'alexnet.conv_layers',
        'convolutions stand directly on one another: C5, C6 and C7 share a size',
        'lecture, AlexNet',
        (13, 13, 13),
        'sides of the last three convolutions of `alexnet`',
        lambda: tuple(c.output[0] for c in convolutions('alexnet').values())[-3:],
    )


def _published():
    yield Claim(
        'alexnet.parameters',
        '60 million parameters',
        f'{PAPER}, abstract; lecture, GoogLeNet',
        '60 M',
        'parameters of `alexnet`',
        partial(params, 'alexnet'),
        'parameters',
        why='61 M to the nearest million; cut off, it is 60 M',
    )
    yield Claim(
        'alexnet.neurons',
        '650,000 neurons',
        f'{PAPER}, abstract',
        '650 k',
        'outputs of the convolutions and dense layers of `alexnet`',
        lambda: sum(prod(row.output_shape) for row in weighted('alexnet')),
        'neurons',
        why="its maps add up to 659,272, which 650,000 cuts; the paper's own list of layers gives C1 253,440 neurons "
        'where 55x55x96 is 290,400, and adds up to 622,312',
    )
    yield Claim(
        'alexnet.layers',
        'eight layers with weights, five of them convolutions',
        f'{PAPER}, section 3.5',
        (8, 5),
        'longest path of weighted layers, and convolutions, of `alexnet`',
        lambda: (depth('alexnet'), len(convolutions('alexnet'))),
        'layers',
    )
    yield Claim(
        'alexnet.dropout',
        'dropout of one half in the first two dense layers',
        f'{PAPER}, section 4.2; lecture, AlexNet Architecture',
        ('0.5', '0.5'),
        'the rates of the dropout layers of `alexnet`',
        partial(dropouts, 'alexnet'),
    )


def _same_size():
    def first(x):
        layer = conv(96, 11, 4, same_pads(x, 11, 4))
        return layer.init_with_output(jax.random.key(0), x)[0]

    return output_shape(first, (224, 224, 3))[0]


def _as_printed():
    c7 = below('alexnet', 'conv5/', groups=1)[0].output_shape
    f8 = layer('alexnet', 'head/fc1', groups=1)
    outputs = f8.output_shape[-1]
    return params('alexnet', groups=1) - f8.params + (prod(c7) + 1) * outputs
