"""The lecture's arithmetic on single layers: the memory example, filters, padding, pooling, 1x1 and separable layers.

Every figure is counted on our own layers, or read off their output shape.
"""

from functools import partial
from math import prod

import jax

from cnn_bench.lecture.claims.claim import EQUAL, Claim
from cnn_bench.lecture.claims.network_facts import layer_cost, output_shape, params, weighted
from cnn_bench.models import layers

MEMORY = 'lecture, Hyperparameters and Memory Requirements'
BATCH = 100
IMAGE = (100, 150, 3)  # the memory example's: 150 wide, 100 high
SMALL_IMAGE = (32, 32, 3)
WIDE = (28, 28, 256)  # a feature map inside a network, for separable layers


def claims() -> list[Claim]:
    """The claims about single layers."""
    return [*_memory(), *_filters(), *_pooling(), *_pointwise(), *_separable(), *_kernels()]


def _memory():
    claim = partial(Claim, source=MEMORY)
    example = 'a 5x5 convolution of 200 maps on 150x100x3, stride 1, SAME'
    yield claim(
        'memory.neurons',
        'a map of 150x100 has 15,000 neurons',
        expected=15_000,
        how=f'height times width that {example} gives',
        recompute=lambda: _neurons() // 200,
    )
    yield claim(
        'memory.inputs',
        'each neuron sums 75 inputs',
        expected=75,
        how=f'multiply-adds per output of {example}',
        recompute=lambda: _example().macs // _neurons(),
    )
    yield claim(
        'memory.multiplications',
        'the layer takes 225 million multiplications',
        expected='225 M',
        unit='multiply-adds',
        how=f'multiply-adds of {example}',
        recompute=lambda: _example().macs,
    )
    yield claim(
        'memory.bits',
        'its maps take 96 million bits',
        expected='96 M',
        unit='bits',
        how='activation bytes of the layer, float32, times 8',
        recompute=lambda: 8 * _example().activation_bytes,
    )
    yield claim(
        'memory.bytes',
        'that is 11.4 MB',
        expected='11.4 Mi',
        unit='bytes',
        how='activation bytes of the layer',
        recompute=lambda: _example().activation_bytes,
    )
    yield claim(
        'memory.batch',
        'for 100 images 1 GB',
        expected='1 Gi',
        unit='bytes',
        how='activation bytes of the layer for a batch of 100, in the units of the 11.4 MB',
        recompute=lambda: _example(BATCH).activation_bytes,
    )


def _example(batch=1):
    return layer_cost(layers.conv(200, 5, use_bias=False), IMAGE, batch)


def _neurons():
    return _example().activation_bytes // 4


def _filters():
    first = partial(layers.conv, 1, 5, padding=0)
    yield Claim(
        'filter.depth',
        'a 5x5 filter on a colour image spans its 3 channels: 75 products at each place',
        'lecture, Filter',
        5 * 5 * 3,
        'multiply-adds per output of our 5x5 convolution on 32x32x3',
        lambda: layer_cost(first(), SMALL_IMAGE).macs // (28 * 28),
    )
    yield Claim(
        'filter.weights',
        'and has 75 weights and a bias',
        'lecture, Applying dot product',
        5 * 5 * 3 + 1,
        'parameters of the same layer',
        lambda: layer_cost(first(), SMALL_IMAGE).params,
    )
    yield Claim(
        'filter.map',
        'slid over 32x32x3 it gives a 28x28 map',
        'lecture, Sliding over all spatial locations',
        (28, 28, 1),
        "the same layer's output shape",
        lambda: layer_cost(first(), SMALL_IMAGE).layers[0].output_shape[1:],
    )
    yield Claim(
        'filter.stack',
        'two filters give a stack of two maps',
        'lecture, Stack the activation maps',
        (28, 28, 2),
        'the output shape of the same layer with two filters',
        lambda: layer_cost(layers.conv(2, 5, padding=0), SMALL_IMAGE).layers[0].output_shape[1:],
    )
    yield Claim(
        'filter.output_size',
        'padding p and stride s leave (n + 2p - k) / s + 1, rounded down, of n',
        'lecture, Zero Padding and Stride',
        0,
        'sizes at which our convolution departs, for n 7 to 9, k 1, 2, 3 and 5, p 0 to 2, s 1 to 3',
        _sizes_off,
        'sizes',
    )
    yield Claim(
        'filter.zero_padding',
        'zeros around an image keep its size: 2 for a 5x5 filter',
        'lecture, Zero Padding',
        SMALL_IMAGE[:2],
        'the output shape of our 5x5 convolution with padding 2 on 32x32x3',
        lambda: layer_cost(layers.conv(1, 5, padding=2), SMALL_IMAGE).layers[0].output_shape[1:3],
    )


def _sizes_off():
    return sum(
        (n + 2 * p - k) // s + 1 != _after(layers.conv(1, k, s, p), (n, n, 1))[0]
        for n in range(7, 10)
        for k in (1, 2, 3, 5)
        for p in range(3)
        for s in range(1, 4)
    )


def _after(layer, shape):
    return output_shape(lambda x: layer.init_with_output(jax.random.key(0), x)[0], shape)


def _pooling():
    yield Claim(
        'pooling.dropped',
        '2x2 pooling drops 75 % of the values',
        'lecture, Pooling Layer',
        '75',
        'one minus the size that our 2x2 max pooling leaves of 28x28x6',
        lambda: 100 * (1 - prod(output_shape(lambda x: layers.max_pool(x, 2), (28, 28, 6))) / (28 * 28 * 6)),
        '%',
    )
    yield Claim(
        'pooling.weights',
        'a pooling neuron has no weights',
        'lecture, Pooling Layer',
        0,
        'parameters of LeNet-5 that are in no convolution or dense layer',
        lambda: params('lenet5') - sum(row.params for row in weighted('lenet5')),
    )


def _pointwise():
    shape, layer = (56, 56, 64), layers.conv(32, 1, use_bias=False)
    slide = 'lecture, Note on 1x1 convolution'
    yield Claim(
        'pointwise.dot_product',
        'a 1x1 filter on 64 maps makes dot products of 64 dimensions',
        slide,
        64,
        'multiply-adds per output of our 1x1 convolution with 32 filters on 56x56x64',
        lambda: layer_cost(layer, shape).macs // prod(_after(layer, shape)),
    )
    yield Claim(
        'pointwise.map',
        '32 such filters keep the map and make its depth 32',
        slide,
        (56, 56, 32),
        "the same layer's output shape",
        lambda: _after(layer, shape),
    )


def _separable():
    slide = 'lecture, Separable convolutional layers'
    layer = 'our separable 3x3 layer from 256 to 256 maps of 28x28 over the plain one'
    for what, column in (('parameters', 'params'), ('bytes of weights', 'param_bytes'), ('computations', 'macs')):
        yield Claim(
            f'separable.{column}',
            f'a separable convolution needs fewer {what} than a plain one',
            slide,
            '< 1',
            f'{what} of {layer}',
            partial(_ratio, column),
            'times',
        )
    yield Claim(
        'separable.activations',
        'and less memory, also for its maps',
        slide,
        '< 1',
        f'activation bytes of {layer}',
        partial(_ratio, 'activation_bytes'),
        'times',
        why='the map between the depthwise and the pointwise step has to be stored as well: less memory is needed for '
        'weights only',
    )
    yield Claim(
        'separable.formula',
        'its multiply-adds are 1/c_out + 1/k^2 of the plain ones',
        'Howard et al. 2017 (MobileNets), section 3.1',
        EQUAL,
        'largest departure of the ratio of our layers, for k 3 and 5 and c_out 32, 128 and 512',
        lambda: max(abs(_macs_ratio(k, c) - (1 / c + 1 / k**2)) for k in (3, 5) for c in (32, 128, 512)),
    )
    for expected, end in (('> 8', 'at least 8'), ('< 9', 'at most 9')):
        yield Claim(
            f'separable.{end.replace(" ", "_")}_times',
            f'a 3x3 separable convolution takes 8 to 9 times fewer computations: {end}',
            'Howard et al. 2017 (MobileNets), section 3.1',
            expected,
            'multiply-adds of our plain 3x3 layer of 512 maps over the separable one',
            lambda: 1 / _macs_ratio(3, 512),
            'times',
        )


def _ratio(column, kernel=3, features=WIDE[-1]):
    separable, plain = (
        layer_cost(make(features, kernel, use_bias=False), WIDE) for make in (layers.separable_conv, layers.conv)
    )
    return getattr(separable, column) / getattr(plain, column)


def _macs_ratio(kernel, features):
    return _ratio('macs', kernel, features)


def _kernels():
    source = 'Simonyan & Zisserman 2014 (VGG), section 2.3'
    for claim, words, expected, count, kernel in (
        ('three_3x3', 'three 3x3 convolutions', 27, 3, 3),
        ('one_7x7', 'one 7x7 convolution', 49, 1, 7),
    ):
        yield Claim(
            f'kernels.{claim}',
            f'{words} from C to C maps: {expected} C^2 weights',
            source,
            expected,
            'weights of our layers for C = 64, over C^2',
            partial(_squares, count, kernel),
            'C^2',
        )
    yield Claim(
        'kernels.more',
        'one 7x7 convolution has 81 % more weights than three 3x3',
        source,
        '81',
        'weights of our layers for C = 64',
        lambda: 100 * (_squares(1, 7) / _squares(3, 3) - 1),
        '%',
    )


def _squares(count, kernel):
    cost = layer_cost(layers.conv(64, kernel, use_bias=False), (28, 28, 64))
    return count * cost.params // 64**2
