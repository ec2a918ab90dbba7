"""ResNet's descendants and DenseNet: what each changes, against hand-computed values, the papers and Keras's counts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from zoo import IMAGES, maps, native, paths, random_variables, small, variables

from cnn_bench.complexity import model_cost
from cnn_bench.models import layers, nfnet, registry
from cnn_bench.models.blocks import ConvNorm, SqueezeExcite
from cnn_bench.models.res2net import Res2Bottleneck
from cnn_bench.models.resnet import BasicBlock, Bottleneck
from cnn_bench.models.seresnet import SEBottleneck

NATIVE = (1, 224, 224, 3)


def _kernels(name):
    shapes = paths(native(name)[1]['params'])
    return {path: leaf.shape for path, leaf in shapes.items() if path.endswith('kernel')}


@pytest.mark.parametrize(
    ('name', 'count'),
    [
        ('resnetv2_50', 50),
        ('resnetv2_101', 101),
        ('resnetv2_152', 152),
        ('resnetv2_164', 164),
        ('resnet26', 26),
        ('resnet50d', 50 + 2),  # a stem of three convolutions
        ('resnext50_32x4d', 50),
        ('resnext101_64x4d', 101),
        ('wide_resnet50_2', 50),
        ('wide_resnet101_2', 101),
        ('wide_resnet28_10', 28 - 3 + 1),  # the paper counts three shortcuts, and not the dense layer
        ('pyramidnet110_a48', 110),
        ('senet154', 154 + 2 * 50),  # two convolutions in each of 50 gates
        ('dpn68', 68),
        ('densenet_bc100_12', 100),
        ('densenet121', 121),
        ('densenet161', 161),
        ('densenet169', 169),
        ('densenet201', 201),
    ],
)
def test_the_name_counts_the_layers_with_weights(name, count):
    assert len([path for path in _kernels(name) if 'shortcut' not in path]) == count


# --- ResNet


def test_stride_first_makes_version_one():
    cost = model_cost(registry.build('resnet50', stride_first=True), (224, 224, 3))
    assert cost.macs == registry.get('resnet50_v1').macs != registry.get('resnet50').macs


def test_stride_first_changes_no_basic_block():
    shapes = maps(registry.build('resnet18', stride_first=True), (224, 224, 3))
    assert shapes == maps(registry.build('resnet18'), (224, 224, 3))


def test_each_tweak_of_resnet_d_costs_what_the_paper_says():
    """He et al. 2018 (Bag of tricks), table 5: 4.1 G multiply-adds for B, 4.3 G for C and D."""
    deep = {'deep_stem': (32, 32, 64)}
    tweaks = ({}, deep, {**deep, 'shortcut': 'pooled_projection'})
    costs = [model_cost(registry.build('resnet50', **fields), NATIVE[1:]).macs for fields in tweaks]
    assert [f'{macs / 1e9:.1f}' for macs in costs] == ['4.1', '4.3', '4.3']
    # C: three convolutions on a map of 112x112 for a 7x7. D: shortcuts of the same size, on as many pixels.
    assert costs[1] - costs[0] == 112**2 * (27 * 32 + 9 * 32 * 32 + 9 * 32 * 64 - 3 * 49 * 64)
    assert costs[2] == costs[1] == registry.get('resnet50d').macs


SHORTCUT_ALONE = partial(BasicBlock, 2, conv_norm_act=partial(ConvNorm, act=layers.identity), act=layers.identity)


def _of_ones(block) -> dict:
    """Variables for one channel: ones in the shortcut's kernel, zeros in the body."""
    values = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), variables(block, (1, 4, 4, 1)))
    if 'shortcut' in values.get('params'):
        values['params']['shortcut']['conv']['kernel'] += 1
    return values


def test_a_pooled_shortcut_sees_every_pixel():
    x = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    means = np.array([[3, 5, 6.5], [13, 15, 16.5], [20.5, 22.5, 24]])  # windows of 2x2, cut off at the edge
    projected, padded = (SHORTCUT_ALONE(stride=2, shortcut=kind) for kind in ('pooled_projection', 'pooled_pad'))
    np.testing.assert_allclose(projected.apply(_of_ones(projected), x)[0], np.stack([means, means], -1))
    np.testing.assert_allclose(padded.apply(_of_ones(padded), x)[0], np.stack([means, 0 * means], -1))


def test_a_3x3_shortcut_sums_its_window():
    strided, plain = (SHORTCUT_ALONE(stride=stride, shortcut='projection_3x3') for stride in (2, 1))
    summed = strided.apply(_of_ones(strided), np.ones((1, 4, 4, 1), np.float32))
    np.testing.assert_allclose(summed[0, :, :, 0], [[4, 6], [6, 9]])
    assert paths(_of_ones(plain))['params/shortcut/conv/kernel'].shape == (1, 1, 1, 2)


# --- ResNet-RS


def test_a_convolution_stands_for_the_pooling():
    shapes = native('resnetrs50')[2]
    assert (shapes['stem'], shapes['stem_pool'], shapes['stage2']) == ((80, 80, 64), (40, 40, 64), (40, 40, 256))
    assert shapes['stage2/block1/se/reduce'] == (1, 1, 64)  # a quarter of 256


# --- ResNeXt


def test_resnext_has_32_groups_of_4_channels_in_its_first_stage():
    kernels = _kernels('resnext50_32x4d')
    widths = {kernels[f'stage{stage}/block1/conv2/conv/kernel'] for stage in range(2, 6)}
    assert widths == {(3, 3, 4, 128), (3, 3, 8, 256), (3, 3, 16, 512), (3, 3, 32, 1024)}


def test_resnext_keeps_its_groups_at_any_width():
    shapes = paths(variables(small('resnext50_32x4d', width=0.3), IMAGES)['params'])
    assert shapes['stage2/block1/conv2/conv/kernel'].shape == (3, 3, 1, 32)  # 2 x 20 channels: one in each group


# --- SE-ResNet


def test_a_gate_at_one_half_halves_the_residual():
    conv_norm_act = partial(ConvNorm, act=layers.identity)
    plain = Bottleneck(2, 1, conv_norm_act, layers.identity)
    gated = SEBottleneck(2, 1, conv_norm_act, layers.identity, gate=partial(SqueezeExcite, conv=layers.conv))
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 8)).astype(np.float32)
    values = random_variables(variables(gated, x.shape))
    values['params']['se']['expand'] = jax.tree.map(jnp.zeros_like, values['params']['se']['expand'])
    residual = plain.apply({'params': {key: values['params'][key] for key in ('conv1', 'conv2', 'conv3')}}, x) - x
    np.testing.assert_allclose(gated.apply(values, x), x + 0.5 * residual, rtol=1e-4, atol=1e-5)


def test_gates_have_a_sixteenth_of_the_channels_and_biases():
    shapes = paths(native('seresnet50')[1]['params'])
    assert shapes['stage5/block2/se/reduce/kernel'].shape == (1, 1, 2048, 128)
    assert shapes['stage5/block2/se/reduce/bias'].shape == (128,)
    gates = [leaf.size for path, leaf in shapes.items() if '/se/' in path]
    assert registry.get('seresnet50').params == registry.get('resnet50').params + sum(gates)


# --- NFNet


@pytest.mark.parametrize(
    ('act', 'variance'),
    [
        (layers.identity, 1),
        (jax.nn.relu, 1 / 2 - 1 / (2 * np.pi)),  # half the second moment, less the square of the mean 1 / sqrt(2 pi)
        (layers.exact_gelu, 1 / 1.70093**2),
    ],
)
def test_an_activation_keeps_the_variance(act, variance):
    assert nfnet.gain_of(act) == pytest.approx(variance**-0.5, rel=1e-5)


def test_every_block_of_nfnet_expects_what_the_blocks_before_it_add():
    """Section 2: the variance grows by alpha^2 = 0.04 with each block; a stage's first brings it back to 1 + 0.04."""
    blocks = []
    with nn.intercept_methods(lambda call, args, kwargs, context: _seen(call, args, kwargs, context, blocks)):
        variables(registry.build('nfnet_f0'), NATIVE)
    added = [round((block.beta**-2 - 1) / 0.04) for block in blocks]
    assert added == [0, 1, 1, 2, 1, 2, 3, 4, 5, 6, 1, 2]
    rates = [block.drop_path for block in blocks]
    np.testing.assert_allclose(rates, [0.25 * index / 12 for index in range(12)])
    assert [block.groups for block in blocks] == [1, 2, 2, *[6] * 9]


def _seen(call, args, kwargs, context, blocks):
    if isinstance(context.module, nfnet.NFBlock) and context.method_name == '__call__':
        blocks.append(context.module)
    return call(*args, **kwargs)


def test_a_block_of_nfnet_begins_as_its_shortcut():
    module = registry.build('nfnet_f0', width=0.1, depths=(2,), maps=(256,), num_classes=0, stem='small')
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 3)).astype(np.float32)
    values = random_variables(variables(module, x.shape))
    values['params']['stage2']['block2']['gain'] = np.float32(0)
    _, state = module.apply(values, x, capture_intermediates=True)
    stage = state['intermediates']['stage2']
    np.testing.assert_array_equal(stage['block2']['__call__'][0], stage['block1']['__call__'][0])


def test_senet_154_by_hand():
    """Hu et al. 2017, appendix: 64 groups of 4 channels, half of them in the first 1x1, 3x3 shortcuts."""
    kernels = _kernels('senet154')
    block = {name: kernels[f'stage4/block1/{name}/conv/kernel'] for name in ('conv1', 'conv2', 'conv3', 'shortcut')}
    assert block['conv1'] == (1, 1, 512, 512)
    assert block['conv2'] == (3, 3, 512 // 64, 1024)
    assert block['conv3'] == (1, 1, 1024, 1024)
    assert block['shortcut'] == (3, 3, 512, 1024)
    assert kernels['stage2/block1/shortcut/conv/kernel'] == (1, 1, 128, 256)


# --- Res2Net


def _splits(stride: int, x: np.ndarray) -> np.ndarray:
    """Four splits of one channel, the channels of x, behind 3x3 kernels whose centre is 1: (h, w, 4)."""
    plain = partial(ConvNorm, act=layers.identity)
    block = Res2Bottleneck(4, stride, plain, layers.identity, residual=False, split_maps=16)
    values = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), variables(block, x.shape)['params'])
    values['conv1']['conv']['kernel'][0, 0, :4] = np.eye(4)
    for number in (1, 2, 3):
        assert values[f'conv2_{number}']['conv']['kernel'].shape == (3, 3, 1, 1)
        values[f'conv2_{number}']['conv']['kernel'][1, 1] = 1
    values['conv3']['conv']['kernel'][0, 0, :, :4] = np.eye(4)
    return np.asarray(block.apply({'params': values}, x))[0, :, :, :4]


def test_res2net_adds_each_split_to_the_next():
    x = np.random.default_rng(0).uniform(size=(1, 3, 3, 16)).astype(np.float32)
    one, two, three, four = np.moveaxis(x[0, :, :, :4], -1, 0)
    np.testing.assert_allclose(_splits(1, x), np.stack([one, one + two, one + two + three, four], -1), rtol=1e-5)


def test_the_first_block_of_a_res2net_stage_pools_its_last_split():
    result = _splits(2, np.ones((1, 4, 4, 4), np.float32))
    np.testing.assert_array_equal(result[..., :3], 1)  # each split alone
    np.testing.assert_allclose(9 * result[..., 3], [[4, 6], [6, 9]], rtol=1e-6)  # zeros around the map count


# --- Dual path networks


def test_dual_paths_by_hand():
    """Chen et al. 2017, table 1: 64 to 512 channels are added to; 16, 32, 32 and 64 are appended by each block."""
    shapes = native('dpn68')[2]
    rows = zip(range(2, 6), (64, 128, 256, 512), (16, 32, 32, 64), (3, 4, 12, 3), strict=True)
    assert {stage: shapes[f'stage{stage}'][-1] for stage in range(2, 6)} == {
        stage: added + (2 + depth) * appended for stage, added, appended, depth in rows
    }


def test_a_block_adds_to_one_path_and_appends_to_the_other():
    module = registry.build('dpn68', depths=(2,), maps=(4,), growths=(2,), inner=(32,), stem='small', num_classes=0)
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 3)).astype(np.float32)
    values = random_variables(variables(module, x.shape))
    last = values['params']['stage2']['block2']['conv3']['conv']
    last['kernel'] = jnp.zeros_like(last['kernel']).at[..., 0].set(1)  # adds to channel 0
    _, state = module.apply(values, x, capture_intermediates=True)
    one, two = (state['intermediates']['stage2'][f'block{number}']['__call__'][0] for number in (1, 2))
    assert (one.shape[-1], two.shape[-1]) == (4 + 3 * 2, 4 + 4 * 2)
    assert (two[..., 0] > one[..., 0]).any()
    np.testing.assert_array_equal(two[..., 1:10], one[..., 1:])
    np.testing.assert_array_equal(two[..., 10:], 0)


# --- ResNet with pre-activation


def test_an_identity_block_passes_negative_values_on():
    module = registry.build('resnetv2_50', depths=(2,), maps=(16,), stem='small')
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 3)).astype(np.float32)
    values = random_variables(variables(module, x.shape))
    values['params']['stage2']['block2']['conv3'] = jax.tree.map(
        jnp.zeros_like, values['params']['stage2']['block2']['conv3']
    )
    _, state = module.apply(values, x, capture_intermediates=True)
    stage = state['intermediates']['stage2']
    np.testing.assert_array_equal(stage['block2']['__call__'][0], stage['block1']['__call__'][0])
    assert (stage['block2']['__call__'][0] < 0).any()


def test_where_the_map_is_halved():
    ours, last = (maps(registry.build('resnetv2_50', stride_last=last), (224, 224, 3)) for last in (False, True))
    sizes = [[shapes[f'stage{stage}'][0] for stage in range(2, 6)] for shapes in (ours, last)]
    assert sizes == [[56, 28, 14, 7], [28, 14, 7, 7]]
    assert ours['stage3/block1/conv1'][0] == 56
    assert last['stage3/block4/conv1'][0] == 28
    assert last['stage3/block4/conv2'][0] == 14


@pytest.mark.parametrize(
    ('name', 'trainable'), [('resnetv2_50', 25_568_360), ('resnetv2_101', 44_577_896), ('resnetv2_152', 60_236_904)]
)
def test_with_biases_it_has_as_many_parameters_as_that_of_keras(name, trainable):
    params = variables(registry.build(name, biased=True), NATIVE)['params']
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == trainable


def test_zeros_pad_the_first_pooling():
    values = {}
    for zero_pad in (False, True):
        module = registry.build('resnetv2_50', num_classes=0, depths=(1,), maps=(64,), biased=True, zero_pad=zero_pad)
        shapes = variables(module, (1, 8, 8, 3))
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
        zeros['params']['stem']['conv']['bias'] = -jnp.ones(64)  # a map of -1, 4x4, pooled to 2x2
        block = zeros['params']['stage2']['block1']
        block['norm']['bias'] = jnp.ones(64) * 2
        block['norm']['scale'] = jnp.ones(64)
        zeros['batch_stats']['stage2']['block1']['norm']['var'] = jnp.ones(64) - 1e-5
        block['shortcut']['conv']['kernel'] = jnp.ones((1, 1, 64, 256)) / 64
        zeros['params']['norm']['scale'] = jnp.ones(256)
        zeros['batch_stats']['norm']['var'] = jnp.ones(256) - 1e-5
        values[zero_pad] = np.asarray(module.apply(zeros, jnp.zeros((1, 8, 8, 3))))[0, :, :, 0]
    np.testing.assert_allclose(values[False], [[1, 1], [1, 1]], rtol=1e-5)
    np.testing.assert_allclose(values[True], [[2, 2], [2, 1]], rtol=1e-5)


# --- DenseNet


def test_every_layer_sees_all_maps_before_it():
    kernels = _kernels('densenet121')
    inputs = [kernels[f'stage3/layer{layer}/conv1/conv/kernel'] for layer in range(1, 13)]
    assert inputs == [(1, 1, 128 + 32 * layer, 128) for layer in range(12)]
    assert kernels['stage3/layer12/conv2/conv/kernel'] == (3, 3, 128, 32)
    assert kernels['transition3/reduce/conv/kernel'] == (1, 1, 512, 256)


def test_a_layer_passes_its_input_on():
    module = registry.build('densenet121', depths=(2, 1), width=0.25, stem='small', num_classes=0)
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 3)).astype(np.float32)
    values = random_variables(variables(module, x.shape))
    _, state = module.apply(values, x, capture_intermediates=True)
    stem, stage = (state['intermediates'][name]['__call__'][0] for name in ('stem', 'stage2'))
    assert stage.shape[-1] == 16 + 2 * 8
    np.testing.assert_array_equal(stage[..., :16], stem)


# --- Convolutions that are not square


def test_a_row_of_taps_sums_along_the_row():
    x = jnp.arange(5.0).reshape(1, 1, 5, 1)
    row = layers.conv(1, (1, 3), use_bias=False)
    column = layers.conv(1, (3, 1), use_bias=False)
    ones = {'params': {'kernel': jnp.ones((1, 3, 1, 1))}}
    np.testing.assert_allclose(row.apply(ones, x)[0, 0, :, 0], [1, 3, 6, 9, 7])
    turned = column.apply({'params': {'kernel': jnp.ones((3, 1, 1, 1))}}, x.transpose(0, 2, 1, 3))
    np.testing.assert_allclose(turned[0, :, 0, 0], [1, 3, 6, 9, 7])


def test_a_separable_convolution_need_not_be_square():
    shapes = paths(variables(layers.separable_conv(6, (1, 7)), (1, 9, 9, 4))['params'])
    assert shapes['depthwise/kernel'].shape == (1, 7, 1, 4)
    assert 'kernel' in paths(variables(layers.separable_conv(6, (1, 1)), (1, 9, 9, 4))['params'])
