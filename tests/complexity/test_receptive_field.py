"""Receptive fields against the pixels that a gradient reaches, and against published sizes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cnn_bench.complexity import Uncountable, model_cost, model_receptive_fields, receptive_fields
from cnn_bench.models import layers, registry


def reached(module, shape, position):
    """First and last pixel, per axis, whose gradient is not zero at one output of a network of positive weights."""
    x = np.ones((1, *shape), np.float32)
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)
    generator = np.random.default_rng(0)
    values = jax.tree.map(lambda leaf: generator.uniform(0.5, 1.5, leaf.shape).astype(np.float32), shapes)
    output = jax.grad(lambda x: module.apply(values, x)[0, position[0], position[1]].sum())
    pixels = np.argwhere(np.asarray(jax.jit(output)(x))[0].sum(-1) != 0)
    return [tuple(int(n) for n in pair) for pair in zip(pixels.min(0), pixels.max(0), strict=True)]


def assert_as_reached(module, channels=1):
    """At the first output whose field lies inside the image, and some outputs further on."""
    field = model_receptive_fields(module, (64, 64, channels)).last_map
    axes = list(zip(field.size, field.jump, field.start, strict=True))
    firsts = [-(start // jump) for _, jump, start in axes]
    sides = [
        32 * (1 + (jump * (first + 2) + start + size) // 32)
        for first, (size, jump, start) in zip(firsts, axes, strict=True)
    ]
    assert model_receptive_fields(module, (*sides, channels)).last_map.start == field.start
    for step in ((0, 0), (1, 2)):
        position = [first + further for first, further in zip(firsts, step, strict=True)]
        pixels = [jump * i + start for i, (_, jump, start) in zip(position, axes, strict=True)]
        inside = [(low, low + size - 1) for low, (size, _, _) in zip(pixels, axes, strict=True)]
        assert min(pixels) >= 0
        assert reached(module, (*sides, channels), position) == inside


class Net(nn.Module):
    """`make(x)`, with layers named by `layer`."""

    make: object

    @nn.compact
    def __call__(self, x):
        return self.make(x)


def conv(kernel, *args, name='conv', **fields):
    return layers.conv(2, kernel, *args, name=name, **fields)


def inception(x):
    x = conv(3, 2, name='stem')(x)
    wide = conv((1, 7), name='row')(conv((7, 1), name='column')(x))
    return jnp.concatenate([conv(1, name='point')(x), wide, layers.avg_pool(x, 3, 1, padding=1)], axis=-1)


def shortcut(x):
    y = conv(3, 2, name='conv2')(conv(3, name='conv1')(x))
    return y + jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, 1)))


NETS = {
    'strides': lambda x: conv(3, 2, name='b')(conv(5, 3, padding=1, name='a')(x)),
    'even kernels, padded on one side': lambda x: conv(2, 2, ((0, 1), (1, 0)), name='b')(conv(4, padding=1)(x)),
    'dilation': lambda x: conv(3, dilation=4, name='b')(conv((3, 5), 2, dilation=2)(x)),
    'pooling rounded up': lambda x: layers.avg_pool(conv(3)(x), 3, 2, ceil=True),
    'two groups': lambda x: conv(3, groups=2, name='b')(conv(3, 2)(x)),
    'depthwise': lambda x: layers.separable_conv(2, 5, 2, name='b')(conv(1)(x)),
    'branches': inception,
    'shortcut': shortcut,
    'shifted views': lambda x: x[:, 1:-3:2, 4:] + x[:, 3:-1:2, :-4],
    'transposed': lambda x: conv((3, 7))(x.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3),
    'behind a barrier': lambda x: lax.optimization_barrier((jnp.ones(3), conv(3)(x)))[1],
    'channels shuffled': lambda x: conv(3)(jnp.stack([x, 2 * x], -1).reshape(*x.shape[:3], -1)),
    'across channels': lambda x: jnp.tensordot(conv(3)(x), jnp.ones((2, 3)), 1),
}


@pytest.mark.parametrize('name', NETS)
def test_against_the_pixels_that_a_gradient_reaches(name):
    assert_as_reached(Net(NETS[name]))


@pytest.mark.parametrize(
    ('name', 'fields'),
    [('resnet20', {'depths': (1, 2, 1)}), ('enet', {'depths': (1, 3, 0)}), ('alexnet_owt', {'lrn': 'none'})],
)
def test_networks_against_the_pixels_that_a_gradient_reaches(name, fields):
    linear = {'act': 'none', 'norm': 'none', 'pool': 'average', 'width': 0.05, 'num_classes': 0}
    assert_as_reached(registry.build(name, **linear, **fields), channels=3)


@pytest.mark.parametrize(
    ('name', 'size'),
    [  # Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, 2019
        ('alexnet_owt', 195),
        ('vgg16', 212),
        ('resnet50_v1', 483),
        ('inception_v3', 1311),
        ('mobilenet_v1', 315),
    ],
)
def test_published_sizes(name, size):
    field = model_receptive_fields(registry.build(name), registry.get(name).input_shape).last_map
    assert field.size == (size, size)
    assert field.jump == (32, 32)


def test_layers_by_hand():
    def size(name, path):
        fields = model_receptive_fields(registry.build(name), registry.get(name).input_shape).layers
        (found,) = {field.size for field in fields if field.path == path}
        return found

    assert size('lenet5', 'c1/conv') == (5, 5)
    assert size('lenet5', 'c3/conv') == (14, 14)  # 5 + 1 of the pool, then 4 steps of 2
    assert size('lenet5', 'c5/conv') == (32, 32)
    assert size('lenet5', 'head/fc') == (None, None)
    assert size('vgg16', 'stage5/conv3/conv') == (196, 196)
    assert size('resnet50', 'stage5/block3/conv2/conv') == (427, 427)  # stride in the 3x3: less than the 483 of v1


@pytest.mark.parametrize('name', ['alexnet', 'nin', 'squeezenet1_1', 'mobilenet_v1', 'lenet5_1998'])
def test_layers_are_the_rows_of_the_count(name):
    module, shape = registry.build(name), registry.get(name).input_shape
    rows = [(row.path, row.op) for row in model_cost(module, shape).layers if row.op in ('conv', 'dense', 'pool')]
    assert [(field.path, field.op) for field in model_receptive_fields(module, shape).layers] == rows


def test_what_sees_the_whole_image():
    gate = model_receptive_fields(Net(lambda x: x * x.mean((1, 2), keepdims=True)), (8, 8, 1)).last_map
    assert (gate.size, gate.start, gate.jump) == ((None, None), (None, None), (1, 1))
    rows = model_receptive_fields(Net(lambda x: conv(3)(x).mean(2)), (8, 8, 1))
    assert rows.layers[-1].size == (3, 3)
    assert rows.last_map.path == 'conv'
    flat = model_receptive_fields(Net(lambda x: nn.Dense(3, name='fc')(x.reshape(2, -1))), (8, 8, 1))
    assert (flat.layers[-1].op, flat.layers[-1].size, flat.last_map.op) == ('dense', (None, None), 'image')


def test_any_function_of_an_image():
    def fn(kernel, x):
        return jax.checkpoint(lambda x: lax.conv(x.transpose(0, 3, 1, 2), kernel, (2, 2), 'VALID'))(x)

    args = (jnp.zeros((4, 1, 3, 5)), jnp.zeros((1, 9, 9, 1)))
    (row,) = receptive_fields(fn, *args).layers
    assert (row.size, row.jump, row.start, row.output_shape) == ((3, 5), (2, 2), (0, 0), (1, 4, 4, 3))


@pytest.mark.parametrize(
    ('fn', 'primitive'),
    [
        (lambda x: x[:, ::-1], 'rev'),
        (lambda x: jnp.concatenate([x, x], axis=1), 'concatenate'),
        (lambda x: x[:, jnp.array([3, 1])], 'gather'),
        (lambda x: lax.conv_transpose(x, jnp.ones((2, 2, 1, 1)), (2, 2), 'VALID'), 'conv_general_dilated'),
        (lambda x: x[:, :4, :4] + layers.avg_pool(x, 2), 'add'),
        (lambda x: lax.scan(lambda y, _: (y * 2, None), x, length=3)[0], 'loop'),
    ],
)
def test_outputs_without_a_place_in_the_image(fn, primitive):
    with pytest.raises(Uncountable, match=primitive):
        receptive_fields(fn, jnp.zeros((1, 8, 8, 1)))
