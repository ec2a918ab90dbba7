"""Layers that networks can be given by name, and the blocks and the base class that hold them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax
from zoo import paths, quick_jit, random_variables, small, variables

from cnn_bench.errors import UserError
from cnn_bench.models import layers, registry
from cnn_bench.models.blocks import ConvNorm, DenseHead, Stage

SHAPE = (2, 28, 28, 1)


@pytest.mark.parametrize(
    ('channels', 'width', 'expected'),
    [
        (64, 1.0, 64),
        (3, 1, 3),
        (64, 0.25, 16),
        (30, 0.5, 16),
        (64, 0.1, 6),
        (16, 0.01, 2),
        (10, 1.5, 16),
        (728, 2, 1456),
    ],
)
def test_scaled_channels_are_even(channels, width, expected):
    assert layers.scale_channels(channels, width) == expected


@pytest.mark.parametrize(
    ('window', 'more', 'picked'),
    [
        (2, {}, [0, 2, 4]),  # the seventh pixel is in no whole window
        (2, {'ceil': True}, [0, 2, 4, 6]),
        (3, {'stride': 2}, [1, 3, 5]),
        (3, {'stride': 2, 'padding': 1}, [0, 2, 4, 6]),
        (3, {'stride': 1, 'padding': 1}, [0, 1, 2, 3, 4, 5, 6]),
        (2, {'padding': 1}, [0, 1, 3, 5]),  # the first middle is in the padding: the pixel at the edge
    ],
)
def test_stride_pooling_takes_the_middles_of_the_windows(window, more, picked):
    image = jnp.arange(49.0).reshape(1, 7, 7, 1)
    pooled = layers.stride_pool(image, window, **more)
    assert pooled.shape == layers.max_pool(image, window, **more).shape
    np.testing.assert_array_equal(pooled[0, :, :, 0], image[0, :, :, 0][np.ix_(picked, picked)])


@pytest.mark.parametrize(
    ('size', 'window', 'stride'), [(147, 3, 2), (74, 3, 2), (19, 3, 2), (28, 3, 1), (7, 2, 2), (8, 1, 2)]
)
def test_same_pads_are_those_of_tensorflow(size, window, stride):
    expected = lax.padtype_to_pads((size, size), (window, window), (stride, stride), 'SAME')
    assert list(layers.same_pads(jnp.zeros((1, size, size, 1)), window, stride)) == expected


def test_width_scales_parameters_and_keeps_groups():
    full, half = (variables(registry.build('alexnet', width=width), (1, 224, 224, 3)) for width in (1.0, 0.5))
    assert paths(full)['params/conv2/conv/kernel'].shape == (5, 5, 48, 256)
    assert paths(half)['params/conv2/conv/kernel'].shape == (5, 5, 24, 128)
    odd = variables(registry.build('alexnet', width=0.3, stem='small'), (1, 32, 32, 3))
    assert paths(odd)['params/conv2/conv/kernel'].shape == (5, 5, 14, 76)


@pytest.mark.parametrize('norm', ['group', 'lrn', 'none'])
def test_other_norms_have_no_batch_statistics(norm):
    shapes = variables(small('resnet50', norm=norm), SHAPE)
    assert set(shapes) == {'params'}
    assert ('params/stem/conv/bias' in paths(shapes)) == (norm != 'group')  # only a norm with a shift replaces the bias
    assert ('params/stem/norm/group/scale' in paths(shapes)) == (norm == 'group')


@pytest.mark.parametrize(('channels', 'groups'), [(64, 32), (16, 8), (728, 28), (6, 3), (2, 1), (1, 1)])
def test_group_norm_of_any_channels(channels, groups):
    norm = layers.group_norm(dtype=jnp.float32, epsilon=1e-6, name='norm')
    x = np.random.default_rng(0).standard_normal((2, 3, 3, channels)).astype(np.float32) * 5 + 1
    y = np.asarray(quick_jit(norm.init_with_output)(jax.random.key(0), x)[0]).reshape(2, 9, groups, -1)
    np.testing.assert_allclose(y.mean((1, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(y.std((1, 3)), 1, atol=1e-3)


@pytest.mark.parametrize('field', ['act=elu', 'act=sigmoid', 'pool=max', 'conv=separable', 'norm=batch'])
def test_layers_given_by_name_are_used(field):
    own, other = registry.build('lenet5'), registry.build('lenet5', **dict([field.split('=')]))

    def program(module):
        shapes = variables(module, SHAPE)
        return str(jax.make_jaxpr(module.apply)(shapes, jax.ShapeDtypeStruct(SHAPE, jnp.float32)))

    assert program(own) != program(other)


def test_leaky_relu_is_the_lectures():
    np.testing.assert_allclose(layers.leaky_relu(jnp.array([-2.0, 3.0])), [-0.2, 3.0])
    np.testing.assert_allclose(layers.ACTS['leaky_relu_0.01'](jnp.array([-2.0, 3.0])), [-0.02, 3.0])


@pytest.mark.parametrize(
    ('name', 'variance'),
    [('he', 2 / 450), ('glorot', 2 / (450 + 900)), ('lecun', 1 / 450), ('gaussian', 1e-4)],
)
def test_initialisations_have_their_variance(name, variance):
    kernel = quick_jit(lambda key: layers.INITS[name](key, (3, 3, 50, 100)))(jax.random.key(0))
    np.testing.assert_allclose(kernel.var(), variance, rtol=0.03)


def test_a_standardised_kernel_against_numpy():
    module = layers.StandardisedConv(6, 3, 2, groups=2, kernel_init=nn.initializers.normal(3.0))
    x = np.random.default_rng(0).standard_normal((1, 7, 7, 4)).astype(np.float32)
    values = random_variables(variables(module, x.shape))
    params = values['params']
    assert {path: leaf.shape for path, leaf in paths(params).items()} == {
        'kernel': (3, 3, 2, 6),
        'gain': (6,),
        'bias': (6,),
    }
    kernel = np.stack(
        [
            gain * (part - part.mean()) / np.sqrt(18 * (part.var() + 1e-5))
            for part, gain in zip(np.moveaxis(params['kernel'], -1, 0), params['gain'], strict=True)
        ],
        axis=-1,
    )
    expected = layers.conv(6, 3, 2, groups=2).apply({'params': {'kernel': kernel, 'bias': params['bias']}}, x)
    np.testing.assert_allclose(module.apply(values, x), expected, rtol=1e-4, atol=1e-5)


def test_separable_convolution_is_two_convolutions():
    module = layers.separable_conv(5, 3, 2)
    x = np.random.default_rng(0).standard_normal((1, 7, 7, 4)).astype(np.float32)
    values = random_variables(variables(module, x.shape))
    params = values['params']
    assert {path: leaf.shape for path, leaf in paths(params).items()} == {
        'depthwise/kernel': (3, 3, 1, 4),
        'pointwise/kernel': (1, 1, 4, 5),
        'pointwise/bias': (5,),
    }
    # One dense kernel with the same effect: the outer product of the two.
    dense = params['depthwise']['kernel'][:, :, 0, :, None] * params['pointwise']['kernel'][0, 0]
    bias = params['pointwise']['bias']
    expected = layers.conv(5, 3, 2).apply({'params': {'kernel': dense, 'bias': bias}}, x)
    np.testing.assert_allclose(module.apply(values, x), expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_over_a_named_axis_uses_the_whole_batch():
    x = np.random.default_rng(0).standard_normal((4, 28, 28, 1)).astype(np.float32)
    alone = small('resnet20')
    values = random_variables(variables(alone, SHAPE))
    whole, stats = quick_jit(lambda x: alone.apply(values, x, train=True, mutable=['batch_stats']))(x)

    def halves(axis):
        module = small('resnet20', bn_axis=axis)
        run = jax.vmap(lambda part: module.apply(values, part, train=True, mutable=['batch_stats']), axis_name='device')
        logits, state = quick_jit(run)(x.reshape(2, 2, *x.shape[1:]))
        return logits.reshape(whole.shape), state

    together, synced = halves('device')
    np.testing.assert_allclose(together, whole, rtol=1e-3, atol=1e-3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b, rtol=1e-3, atol=1e-3), synced, stats)
    assert not np.allclose(halves(None)[0], whole, rtol=1e-2, atol=1e-2)


def test_blocks_name_what_they_hold():
    stage = Stage((lambda name: ConvNorm(2, 1, name=name),) * 2, 'conv')
    shapes = jax.eval_shape(stage.init, jax.random.key(0), jnp.zeros((1, 2, 2, 1)))
    assert sorted(paths(shapes)) == [f'params/conv{i}/conv/{leaf}' for i in (1, 2) for leaf in ('bias', 'kernel')]


def test_dense_head_puts_dropout_where_told():
    head = partial(DenseHead, 3, (5,), 0.999999, partial(nn.Dense, kernel_init=nn.initializers.ones), jax.nn.relu)
    x = jnp.ones((1, 2, 2, 1))
    for drop_inputs in (True, False):
        module = head(drop_inputs)
        values = module.init(jax.random.key(0), x, False)
        values = jax.tree.map(jnp.ones_like, values)  # every bias 1
        logits = module.apply(values, x, True, rngs={'dropout': jax.random.key(0)})
        # All dropped before the hidden layer: its five units are relu(0 + 1); behind it: they are 0.
        np.testing.assert_allclose(logits, 5 + 1 if drop_inputs else 1)


def test_maxout_takes_the_larger_of_two_linear_pieces():
    x = np.random.default_rng(0).standard_normal((2, 5, 5, 3)).astype(np.float32)
    conv_norm_act = ConvNorm(4, 3, act=layers.maxout)
    values = random_variables(variables(conv_norm_act, x.shape))
    kernel, bias = (values['params']['conv'][leaf] for leaf in ('kernel', 'bias'))
    assert kernel.shape == (3, 3, 3, 8)
    one, other = (
        layers.conv(4, 3).apply({'params': {'kernel': kernel[..., piece::2], 'bias': bias[piece::2]}}, x)
        for piece in (0, 1)
    )
    np.testing.assert_allclose(conv_norm_act.apply(values, x), np.maximum(one, other), rtol=1e-5, atol=1e-5)


def test_networks_take_maxout_where_weights_stand_before_every_activation():
    shapes = paths(variables(registry.build('fashion_cnn', act='maxout'), SHAPE)['params'])
    assert shapes['conv2/conv/kernel'].shape == (3, 3, 64, 256)
    assert shapes['head/fc1/kernel'].shape == (3 * 3 * 256, 256)
    assert shapes['head/fc2/kernel'].shape == (128, 128)
    assert shapes['head/fc/kernel'].shape == (64, 10)
    with pytest.raises(UserError, match='ResNet activates sums or normalised maps; maxout needs weights before it'):
        registry.build('resnet18', act='maxout')
