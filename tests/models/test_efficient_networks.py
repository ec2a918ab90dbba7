"""What is particular to the efficient networks: MobileNets, their relatives, ShuffleNetV2, SqueezeNet and ConvNeXt."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import image, maps, native, paths, quick_jit, random_variables, small, variables

from cnn_bench.errors import UserError
from cnn_bench.models import convnext, convnext_v2, ghostnet, inverted_residual, layers, registry, shufflenet_v2
from cnn_bench.models.blocks import ConvNorm, StochasticDepth

SHAPE = (2, 28, 28, 3)


def _zeros(module, x):
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), variables(module, x.shape))


def _noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


# --- Inverted residual blocks


@pytest.mark.parametrize(
    ('channels', 'expected'),
    [(32 * 1.1, 32), (16 * 1.2, 24), (24 * 1.1, 24), (40 * 1.1, 48), (18, 24), (3, 8)],
)
def test_channels_are_rounded_to_eights_and_not_below_nine_tenths(channels, expected):
    assert inverted_residual.divisible(channels) == expected


def test_an_inverted_residual_block_of_zeros_is_its_shortcut():
    block = partial(inverted_residual.InvertedResidual, expanded=12, kernel=3, train=False, conv_norm_act=ConvNorm)
    x = _noise(1, 6, 6, 4)
    same = block(4, stride=1)
    np.testing.assert_array_equal(same.apply(_zeros(same, x), x), x)
    for other in (block(4, stride=2), block(6, stride=1)):
        np.testing.assert_array_equal(other.apply(_zeros(other, x), x), 0)


def test_a_fused_block_is_one_convolution_or_two():
    x = _noise(1, 6, 6, 4)
    block = partial(inverted_residual.FusedInvertedResidual, 4, kernel=3, train=False, conv_norm_act=ConvNorm)
    for expanded, layers_of in ((4, ['fused']), (12, ['fused', 'project'])):
        module = block(expanded, stride=1)
        shapes = variables(module, (1, 6, 6, 4))['params']
        assert sorted(shapes) == layers_of
        assert shapes['fused']['conv']['kernel'].shape == (3, 3, 4, expanded)
        np.testing.assert_array_equal(module.apply(_zeros(module, x), x), x)
    alone = block(4, stride=1, skips=False)
    np.testing.assert_array_equal(alone.apply(_zeros(alone, x), x), 0)


@pytest.mark.parametrize(
    ('start', 'kernel', 'expected'),
    [
        (0, 3, {'expand': (8, 12), 'depthwise': (4, 12), 'project': (4, 6)}),
        (5, 3, {'start': (8, 4), 'expand': (8, 12), 'depthwise': (4, 12), 'project': (4, 6)}),
        (5, 0, {'start': (4, 4), 'expand': (4, 12), 'project': (4, 6)}),
    ],
)
def test_where_a_universal_block_filters_and_halves_the_map(start, kernel, expected):
    """Qin et al. 2024, figure 4: inverted bottleneck, extra depthwise, ConvNeXt-like; side and channels of the maps."""
    block = inverted_residual.InvertedResidual(6, 12, kernel, 2, False, ConvNorm, start=start)
    shapes = maps(block, (8, 8, 4))
    found = {name: shapes[name][1:] for name in ('start', 'expand', 'depthwise', 'project') if name in shapes}
    assert found == expected


def test_a_universal_block_without_filters_is_two_dense_layers():
    block = inverted_residual.InvertedResidual(4, 12, 0, 1, False, ConvNorm)
    x = _noise(1, 2, 2, 4)
    values = random_variables(variables(block, x.shape))
    expand, project = (values['params'][name]['conv'] for name in ('expand', 'project'))
    hidden = np.maximum(x @ expand['kernel'][0, 0] + expand['bias'], 0)
    expected = x + hidden @ project['kernel'][0, 0] + project['bias']
    np.testing.assert_allclose(block.apply(values, x), expected, rtol=1e-4, atol=1e-5)


def test_a_ghost_module_filters_the_half_that_it_made():
    module = ghostnet.GhostModule(6, ConvNorm)
    x = _noise(1, 5, 5, 4)
    values = random_variables(variables(module, x.shape))
    primary, cheap = (values['params'][name]['conv'] for name in ('primary', 'cheap'))
    half = np.maximum(x @ primary['kernel'][0, 0] + primary['bias'], 0)
    y = module.apply(values, x)
    np.testing.assert_allclose(y[..., :3], half, rtol=1e-4, atol=1e-5)
    centre = (half[0, 1:4, 1:4] * cheap['kernel'][:, :, 0]).sum((0, 1)) + cheap['bias']
    np.testing.assert_allclose(y[0, 2, 2, 3:], np.maximum(centre, 0), rtol=1e-4, atol=1e-5)


def test_only_strided_ghost_blocks_filter_between_their_modules():
    blocks = native('ghostnet')[1]['params']
    assert sorted(blocks['stage2']['block1']) == ['depthwise', 'ghost1', 'ghost2', 'shortcut', 'shortcut_depthwise']
    assert sorted(blocks['stage2']['block2']) == ['ghost1', 'ghost2']
    assert sorted(blocks['stage5']['block1']) == ['ghost1', 'ghost2', 'se', 'shortcut', 'shortcut_depthwise']


def test_gates_of_ghostnet_are_rounded_to_fours():
    shapes = paths(native('ghostnet')[1]['params'])
    inside = [
        shapes[f'stage{s}/block{b}/se/reduce/kernel'].shape[-1] for s, b in ((3, 1), (3, 2), (5, 1), (6, 1), (6, 3))
    ]
    assert inside == [20, 32, 120, 168, 240]  # of 72, 120, 480, 672, 960


def test_a_block_that_expands_nothing_has_no_expanding_convolution():
    for name in ('mobilenet_v2', 'mobilenet_v3_small', 'mobilenet_v3_large', 'mnasnet1_0', 'efficientnet_b0'):
        blocks = native(name)[1]['params']
        assert 'expand' not in blocks['stage1']['block1']
        assert 'expand' in blocks['stage2']['block1']


@pytest.mark.parametrize(
    ('name', 'depths'),
    [('efficientnet_b0', 16), ('efficientnet_b4', 32), ('efficientnet_b7', 55), ('efficientnet_lite4', 30)],
)
def test_compound_scaling_deepens(name, depths):
    # Of b4, 1.8 times 1, 2, 2, 3, 3, 4, 1 rounded up: 2 + 4 + 4 + 6 + 6 + 8 + 2. Of b7, 3.1
    # times: 4 + 7 + 7 + 10 + 10 + 13 + 4. Of lite4, first and last as in b0.
    shapes = paths(native(name)[1]['params'])
    assert sum(path.endswith('depthwise/conv/kernel') for path in shapes) == depths


@pytest.mark.parametrize(
    ('name', 'gates'),
    [
        ('mobilenet_v3_small', 9),
        ('mobilenet_v3_large', 8),
        ('efficientnet_b0', 16),
        ('efficientnet_lite0', 0),
        ('efficientnet_v2_s', 30),  # 6 + 9 + 15: not in fused blocks
        ('ghostnet', 7),
        ('mnasnet1_0', 0),
    ],
)
def test_gates_are_where_the_papers_have_them(name, gates):
    shapes = paths(native(name)[1]['params'])
    assert sum(path.endswith('se/reduce/kernel') for path in shapes) == gates


@pytest.mark.parametrize(('name', 'odd'), [('mobilenet_v1', 97), ('mobilenet_v2', 97), ('efficientnet_b0', 97)])
def test_padding_of_tensorflow_shows_on_even_maps_only(name, odd):
    """With stride 2, half the kernel on each side and 'same' differ by one pixel, where the map's size is even."""
    fields = {'num_classes': 0, 'stem': 'imagenet', 'width': 0.1}
    fields['depths'] = (1,) * len(registry.build(name).depths)
    half, same = (registry.build(name, padding=padding, **fields) for padding in ('half', 'same'))
    values = random_variables(variables(half, (1, 32, 32, 3)))
    assert maps(half, (64, 64, 3)) == maps(same, (64, 64, 3))
    for size, agree in ((odd, True), (64, False)):  # 97, 49, 25, 13, 7, 4
        x = _noise(1, size, size, 3)
        results = [quick_jit(module.apply)(values, x) for module in (half, same)]
        assert np.allclose(*results, rtol=1e-4, atol=1e-4) == agree


@pytest.mark.parametrize(
    ('name', 'fields', 'message'),
    [
        ('mobilenet_v1', {'padding': 'valid'}, "padding of MobileNetV1 is valid; it must be 'half' or 'same'"),
        ('mobilenet_v2', {'padding': 'valid'}, "padding of MobileNetV2 is valid; it must be 'half' or 'same'"),
        ('mnasnet1_0', {'depths': (1, 2)}, 'depths of MnasNet is (1, 2); it must be 7 numbers'),
        ('efficientnet_b0', {'drop_path': 1.0}, 'drop_path of EfficientNet is 1.0; it must be from 0 to below 1'),
        (
            'efficientnet_v2_s',
            {'table': (), 'depths': ()},
            'table of EfficientNetV2 is (); it must be more than 3 rows',
        ),
        ('efficientnet_b0', {'squeeze': -4}, 'squeeze of EfficientNet is -4; it must be 0 (no gates) or more'),
        ('convnext_tiny', {'drop_path': -0.1}, 'drop_path of ConvNeXt is -0.1; it must be from 0 to below 1'),
        ('squeezenet1_0', {'depths': (4, 4, 4)}, 'depths of SqueezeNet is (4, 4, 4); it must be 8 modules at most'),
    ],
)
def test_bad_fields_are_refused(name, fields, message):
    with pytest.raises(UserError) as raised:
        registry.build(name, **fields)
    assert str(raised.value) == message


def _used(module):
    """A network's program: the functions that it calls, as text."""
    shapes = variables(module, SHAPE)
    return str(jax.make_jaxpr(module.apply)(shapes, image(SHAPE)))


def test_activations_of_mobilenet_v3():
    own, deep, early = (
        _used(small('mobilenet_v3_small', **fields)) for fields in ({}, {'act': 'tanh'}, {'early_act': 'tanh'})
    )
    assert (own.count(' tanh '), ' relu' in own) == (0, True)
    assert deep.count(' tanh ') > 0
    assert early.count(' tanh ') > 0
    everywhere = _used(small('mobilenet_v3_small', act='tanh', early_act='tanh'))
    assert everywhere.count(' tanh ') == deep.count(' tanh ') + early.count(' tanh ')


# --- ShuffleNetV2


def test_shuffle_interleaves_the_groups():
    x = np.arange(6.0).reshape(1, 1, 1, 6)
    np.testing.assert_array_equal(shufflenet_v2.shuffle(x, 2).ravel(), [0, 3, 1, 4, 2, 5])
    np.testing.assert_array_equal(shufflenet_v2.shuffle(x, 3).ravel(), [0, 2, 4, 1, 3, 5])


def test_a_shuffle_block_keeps_half_of_the_channels():
    block = shufflenet_v2.ShuffleBlock(6, 1, ConvNorm)
    x = _noise(1, 4, 4, 6)
    y = block.apply(_zeros(block, x), x)
    np.testing.assert_array_equal(y[..., ::2], x[..., :3])
    np.testing.assert_array_equal(y[..., 1::2], 0)


# --- SqueezeNet


def test_squeezenet_takes_maxout():
    module = registry.build('squeezenet1_1', act='maxout', num_classes=10)
    logits, shapes = jax.eval_shape(partial(module.init_with_output, jax.random.key(0)), image((2, 64, 64, 3)))
    assert logits.shape == (2, 10)
    assert shapes['params']['fire2']['squeeze']['conv']['kernel'].shape == (1, 1, 64, 32)
    assert shapes['params']['head']['conv10']['conv']['kernel'].shape == (1, 1, 512, 20)


# --- ConvNeXt


def test_layer_norm_is_of_each_pixel_by_itself():
    norm = layers.layer_norm(dtype=jnp.float32, epsilon=1e-6, name='norm')
    y = np.asarray(norm.init_with_output(jax.random.key(0), 5 * _noise(2, 3, 3, 64) + 1)[0])
    np.testing.assert_allclose(y.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(-1), 1, atol=1e-4)


def test_a_convnext_block_begins_near_its_shortcut():
    module = registry.build('convnext_tiny', width=0.1, depths=(1, 1, 1, 1), num_classes=0)
    shapes = variables(module, (1, 64, 64, 3))['params']
    assert sorted(shapes['stage2']['block1']) == ['depthwise', 'expand', 'layer_scale', 'project']
    values = jax.tree.map(np.asarray, quick_jit(module.init)(jax.random.key(0), jnp.zeros((1, 64, 64, 3))))
    np.testing.assert_allclose(values['params']['stage2']['block1']['layer_scale']['gamma'], 1e-6)


def test_a_convnext_block_of_zero_scale_is_its_shortcut():
    conv_norm = partial(ConvNorm, act=layers.identity)
    scale = partial(convnext.LayerScale, 0.0, jnp.float32)
    block = convnext.ConvNeXtBlock(False, conv_norm, layers.exact_gelu, scale, 0.0)
    x = _noise(1, 8, 8, 4)
    y, values = block.init_with_output(jax.random.key(0), x)
    np.testing.assert_array_equal(y, x)
    values['params']['layer_scale']['gamma'] = jnp.ones(4)
    assert not np.allclose(block.apply(values, x), x)


def test_global_response_by_hand():
    """Norms over the image of two channels are 5 and 0, their mean 2.5: responses 2 and 0."""
    x = np.array([[[3.0, 0.0]], [[4.0, 0.0]]], np.float32)[None]
    params = {'scale': np.array([0.5, 7.0], np.float32), 'bias': np.array([1.0, -1.0], np.float32)}
    norm = convnext_v2.GlobalResponseNorm(0.0, jnp.float32)

    def respond(x):
        return norm.apply({'params': params}, x)

    np.testing.assert_allclose(respond(x)[0, :, 0], [[7, -1], [9, -1]])
    slope = jax.grad(lambda x: respond(x).sum())(x)  # of a channel that is 0 everywhere too
    assert np.isfinite(slope).all()


def test_convnext_v2_responds_instead_of_scaling():
    one, two = (native(name)[1]['params']['stage2']['block1'] for name in ('convnext_atto', 'convnextv2_atto'))
    assert set(one) - set(two) == {'layer_scale'}
    assert {path: leaf.shape for path, leaf in paths(two['grn']).items()} == {'scale': (160,), 'bias': (160,)}


@pytest.mark.parametrize(('name', 'last'), [('efficientnet_b0', 0.2 * 14 / 16), ('convnext_small', 0.4)])
def test_blocks_are_dropped_more_often_the_deeper_they_stand(name, last, monkeypatch):
    rates = []
    call = StochasticDepth.__call__
    monkeypatch.setattr(StochasticDepth, '__call__', lambda self, *args: rates.append(self.rate) or call(self, *args))
    variables(registry.build(name), (1, 32, 32, 3))
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(last)  # the last of b0's 16 blocks has no shortcut
