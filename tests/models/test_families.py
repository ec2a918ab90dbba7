"""What is particular to one family: each against a hand-computed value or the paper."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import IMAGES, image, maps, native, paths, random_variables, small, trial, variables

from cnn_bench.errors import UserError
from cnn_bench.models import lenet, registry
from cnn_bench.models.blocks import ConvNorm
from cnn_bench.models.darknet import CrossStage
from cnn_bench.models.hrnet import enlarge
from cnn_bench.models.nasnet import Halving, Layers
from cnn_bench.models.resnet import BasicBlock


def _count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


# --- LeNet-5


def test_lenet_parameters_by_hand():
    params = variables(registry.build('lenet5'), (1, 28, 28, 1))['params']
    layers = {'c1': 156, 'c3': 2416, 'c5': 48_120}
    assert {name: _count(params[name]) for name in layers} == layers
    assert (_count(params['head']['f6']), _count(params['head']['fc'])) == (10_164, 850)


def test_lenet_pads_small_images_with_zeros():
    case = trial('lenet5')
    padded = np.pad(case.x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    np.testing.assert_allclose(case.module.apply(case.variables, padded), case.evaluate(), rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match='LeNet5 cannot take 33x32x1: the image is larger than 32x32'):
        variables(case.module, (1, 33, 32, 1))


def test_lenet_rbf_output_against_numpy():
    module = registry.build('lenet5', output='rbf', num_classes=10)
    values = random_variables(variables(module, IMAGES))
    x = np.random.default_rng(0).standard_normal(IMAGES).astype(np.float32)
    logits = module.apply(values, x)
    assert set(values['params']['head']) == {'f6'}
    c5 = np.asarray(module.apply(values, x, method=module.features)).reshape(len(x), 120)
    f6 = np.tanh(c5 @ values['params']['head']['f6']['kernel'] + values['params']['head']['f6']['bias'])
    expected = [[-np.sum((row - code) ** 2) for code in lenet.digit_codes()] for row in f6]
    np.testing.assert_allclose(logits, expected, rtol=1e-4)


def test_lenet_codes_are_ten_different_bitmaps():
    codes = lenet.digit_codes()
    assert codes.shape == (10, 12 * 7)
    assert set(np.unique(codes)) == {-1.0, 1.0}
    assert all(len(rows.split()) == 12 and {len(row) for row in rows.split()} == {7} for rows in lenet.DIGITS)
    distances = (codes[:, None] != codes).sum(-1) + 99 * np.eye(10)
    assert distances.min() >= 4


# --- VGG


def test_vgg_with_batch_norm_keeps_its_biases():
    plain, normed = (paths(native(name)[1]['params']) for name in ('vgg16', 'vgg16_bn'))
    assert set(plain) <= set(normed)
    assert sum(leaf.size for path, leaf in normed.items() if '/norm/' in path) == 2 * 4224  # 4,224 maps in 13 layers


# --- GoogLeNet


@pytest.mark.parametrize(
    ('name', 'with_heads'),
    [
        ('googlenet', 13_378_280),
        ('googlenet_bn', 13_004_888),
        # By hand: 1x1 and 4x4 convolutions of 528 channels and their norms, the dense layer.
        ('nasnet_mobile', 5_289_978 + (528 + 2) * 128 + (4 * 4 * 128 + 2) * 768 + 769 * 1000),
    ],
)
def test_auxiliary_heads_have_parameters_only_when_asked_for(name, with_heads):
    shape = (1, 224, 224, 3)
    assert _count(variables(registry.build(name, aux=True), shape)['params']) == with_heads
    assert _count(variables(registry.build(name, aux=True), shape, train=False)['params']) == with_heads
    assert _count(variables(registry.build(name, aux=False), shape)['params']) == registry.get(name).params


@pytest.mark.parametrize('name', ['googlenet', 'googlenet_bn'])
def test_auxiliary_heads_vanish_in_evaluation(name):
    case = trial(name)
    trained = case.traced()
    heads = paths(trained.state['aux_logits'])
    assert {path: leaf.shape for path, leaf in heads.items()} == {'aux1/logits': (4, 10), 'aux2/logits': (4, 10)}
    assert trained.logits.shape == (4, 10)

    def evaluate(values, x):
        return case.module.apply(values, x, mutable=['aux_logits', 'batch_stats'])

    _, state = jax.eval_shape(evaluate, case.variables, image(IMAGES))
    assert 'aux_logits' not in state
    without = {name: value for name, value in case.variables['params'].items() if not name.startswith('aux')}
    logits = jax.eval_shape(small(name, aux=False).apply, {**case.variables, 'params': without}, image(IMAGES))
    assert logits.shape == (4, 10)


def test_naive_modules_keep_the_depth_of_their_pool():
    shapes = maps(registry.build('googlenet', inception='naive', stem='small'), (28, 28, 3))
    assert shapes['inception_3a'] == (14, 14, 64 + 128 + 32 + 192)
    assert shapes['inception_3b'] == (14, 14, 128 + 192 + 96 + 416)
    assert not any(path.endswith(('_reduce/conv', 'branch_pool/conv')) and 'inception' in path for path in shapes)


def test_googlenet_bn_has_3x3_kernels_for_5x5():
    kernels = [
        paths(native(name)[1])['params/inception_3a/branch_5x5/conv/kernel'].shape
        for name in ('googlenet', 'googlenet_bn')
    ]
    assert kernels == [(5, 5, 16, 32), (3, 3, 16, 32)]


# --- ResNet


def test_option_a_shortcut_takes_every_second_pixel_and_appends_zeros():
    block = BasicBlock(4, 2, ConvNorm, jax.nn.relu, shortcut='pad')
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 3)).astype(np.float32)
    values = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), variables(block, x.shape))
    assert sorted(values['params']) == ['conv1', 'conv2']
    expected = np.concatenate([np.maximum(x[:, ::2, ::2], 0), np.zeros((1, 2, 2, 1), np.float32)], -1)
    np.testing.assert_allclose(block.apply(values, x), expected)


def test_a_plain_block_has_no_shortcut():
    block = BasicBlock(3, 1, ConvNorm, jax.nn.relu, residual=False)
    x = np.ones((1, 4, 4, 3), np.float32)
    values = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), variables(block, x.shape))
    np.testing.assert_array_equal(block.apply(values, x), 0)


def test_plain_networks_have_the_parameters_of_their_residual_twins():
    shapes = [variables(registry.build(name), (1, 32, 32, 3)) for name in ('plain20', 'resnet20')]
    assert jax.tree.all(jax.tree.map(lambda a, b: a.shape == b.shape, *shapes))
    case = trial('resnet20')
    assert not np.allclose(small('plain20').apply(case.variables, case.x), case.evaluate())


def test_where_the_bottleneck_halves_the_map():
    late, early = (native(name)[2] for name in ('resnet50', 'resnet50_v1'))
    assert late['stage3/block1/conv1'] == (56, 56, 128)
    assert early['stage3/block1/conv1'] == (28, 28, 128)
    assert late['stage3/block1/conv2'] == early['stage3/block1/conv2'] == (28, 28, 128)


@pytest.mark.parametrize(
    ('name', 'layers'), [('resnet18', 18), ('resnet34', 34), ('resnet50', 50), ('resnet101', 101), ('resnet152', 152)]
)
def test_the_name_counts_the_layers_with_weights(name, layers):
    # As the paper counts: convolutions and the dense layer, without the projections of the shortcuts.
    kernels = [path for path in paths(native(name)[1]['params']) if 'kernel' in path]
    assert len([path for path in kernels if 'shortcut' not in path]) == layers


# --- Xception


def test_xception_macs_by_hand():
    def separable(side, channels, maps):
        return side**2 * (9 * channels + channels * maps)

    entry = 149**2 * 27 * 32 + 147**2 * 288 * 64
    entry += separable(147, 64, 128) + separable(147, 128, 128) + 74**2 * 64 * 128
    entry += separable(74, 128, 256) + separable(74, 256, 256) + 37**2 * 128 * 256
    entry += separable(37, 256, 728) + separable(37, 728, 728) + 19**2 * 256 * 728
    middle = 8 * 3 * separable(19, 728, 728)
    leave = separable(19, 728, 728) + separable(19, 728, 1024) + 10**2 * 728 * 1024
    leave += separable(10, 1024, 1536) + separable(10, 1536, 2048) + 2048 * 1000
    assert registry.get('xception').macs == entry + middle + leave


def test_xception_can_be_made_of_plain_convolutions():
    shapes = paths(variables(small('xception', conv='dense'), IMAGES)['params'])
    assert not any('depthwise' in path for path in shapes)
    assert shapes['block2/sepconv1/conv/kernel'].shape == (3, 3, 16, 32)


# --- DarkNet and CSPDarkNet


def test_darknet53_counts_its_layers():
    """Redmon & Farhadi 2018: 52 convolutions and the last layer."""
    assert sum(path.endswith('kernel') for path in paths(native('darknet53')[1]['params'])) == 53


def test_a_half_of_the_channels_passes_the_blocks_of_a_crossing_stage():
    stage = CrossStage(4, 1, 1, partial(ConvNorm, act=lambda x: x))
    x = np.random.default_rng(0).standard_normal((1, 3, 3, 4)).astype(np.float32)
    values = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), variables(stage, x.shape))['params']
    values['down']['conv']['kernel'] = values['down']['conv']['kernel'].at[1, 1].set(jnp.eye(4))
    for name, matrix in (('split', jnp.eye(4)), ('after', 10 * jnp.eye(2)), ('merge', jnp.eye(4))):
        values[name]['conv']['kernel'] = matrix[None, None]
    expected = np.concatenate([x[..., :2], 10 * x[..., 2:]], axis=-1)  # the block adds zero
    np.testing.assert_allclose(stage.apply({'params': values}, x), expected, rtol=1e-6)


# --- HRNet


def test_smaller_maps_are_enlarged_to_the_larger_and_cut():
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(enlarge(x, 2, (3, 4))[0, :, :, 0], [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4]])


# --- NASNet and PNASNet


@pytest.mark.parametrize(('name', 'macs', 'unit'), [('nasnet_mobile', 564, 1e6), ('nasnet_large', 238, 1e8)])
def test_nasnet_has_the_multiply_adds_of_the_paper(name, macs, unit):
    assert round(registry.get(name).macs / unit) == macs  # Zoph et al. 2017, tables 2 and 3


def test_pixels_of_a_halved_map():
    """Every second pixel, and those one row and column further, behind the edge zero."""
    plain = partial(ConvNorm, act=lambda x: x)
    module = Halving(2, Layers(plain, plain, lambda name: lambda x: x, jax.nn.relu, None, ()))
    x = np.arange(-4.0, 5.0, dtype=np.float32).reshape(1, 3, 3, 1)
    ones = jax.tree.map(lambda leaf: jnp.full(leaf.shape, float(len(leaf.shape) > 1)), variables(module, x.shape))
    halved = module.apply(ones, x)
    np.testing.assert_array_equal(halved[0, :, :, 0], [[0, 0], [2, 4]])
    np.testing.assert_array_equal(halved[0, :, :, 1], [[0, 0], [0, 0]])
    np.testing.assert_array_equal(module.apply(ones, x + 4)[0, :, :, 1], [[4, 0], [0, 0]])
