"""RegNet: the linear rule against the paper's tables of stages, and what a block is made of."""

from functools import partial

import jax
import numpy as np
import pytest
from zoo import maps, native, paths, random_variables, small, variables

from cnn_bench.errors import UserError
from cnn_bench.models import layers, registry, regnet
from cnn_bench.models.blocks import ConvNorm, SqueezeExcite

# Radosavovic et al. 2020, figures 16 and 17: the channels and depths of the stages, and the group width.
PUBLISHED = {
    'regnet_x_400mf': ((32, 64, 160, 384), (1, 2, 7, 12), 16),
    'regnet_x_800mf': ((64, 128, 288, 672), (1, 3, 7, 5), 16),
    'regnet_x_1_6gf': ((72, 168, 408, 912), (2, 4, 10, 2), 24),
    'regnet_x_3_2gf': ((96, 192, 432, 1008), (2, 6, 15, 2), 48),
    'regnet_x_8gf': ((80, 240, 720, 1920), (2, 5, 15, 1), 120),
    'regnet_x_16gf': ((256, 512, 896, 2048), (2, 6, 13, 1), 128),
    'regnet_x_32gf': ((336, 672, 1344, 2520), (2, 7, 13, 1), 168),
    'regnet_y_400mf': ((48, 104, 208, 440), (1, 3, 6, 6), 8),
    'regnet_y_800mf': ((64, 128, 320, 768), (1, 3, 8, 2), 16),
    'regnet_y_1_6gf': ((48, 120, 336, 888), (2, 6, 17, 2), 24),
    'regnet_y_3_2gf': ((72, 216, 576, 1512), (2, 5, 13, 1), 24),
    'regnet_y_8gf': ((168, 448, 896, 2016), (2, 4, 10, 1), 56),
    'regnet_y_16gf': ((224, 448, 1232, 3024), (2, 4, 11, 1), 112),
    'regnet_y_32gf': ((232, 696, 1392, 3712), (2, 5, 12, 1), 232),
}


@pytest.mark.parametrize('name', PUBLISHED)
def test_six_numbers_give_the_published_stages(name):
    module = registry.build(name)
    assert (module.maps, module.depths, module.group_width) == PUBLISHED[name]


def test_stages_by_hand():
    # Widths 16, 32, 48, 64 are 16 times 2 to the power 0, 1, 1.58 and 2: rounded, 16, 32, 64 and 64.
    assert regnet.stages_of(4, 16, 16, 2.0, 8) == ((16, 32, 64), (1, 1, 2))
    # Groups of 24: 16 is less and stays, 32 is nearest to 24, 64 to 72. With 64, 32 is one group.
    assert regnet.stages_of(4, 16, 16, 2.0, 24) == ((16, 24, 72), (1, 1, 2))
    assert regnet.stages_of(4, 16, 16, 2.0, 64) == ((16, 32, 64), (1, 1, 2))
    # A line without a slope is one stage, of a multiple of 8 channels.
    assert regnet.stages_of(3, 20, 0, 2.0, 8) == ((16,), (3,))


def test_groups_have_the_group_width():
    shapes = paths(native('regnet_x_8gf')[1]['params'])
    kernels = [shapes[f'stage{stage}/block1/conv2/conv/kernel'].shape for stage in range(1, 5)]
    assert kernels == [(3, 3, 80, 80), (3, 3, 120, 240), (3, 3, 120, 720), (3, 3, 120, 1920)]


def test_groups_are_whole_at_any_width():
    shapes = paths(variables(small('regnet_y_400mf', width=0.3, group_width=16), (1, 28, 28, 1))['params'])
    # 104, 208 and 440 channels times 0.3 are 32, 62 and 132: two groups, 3 of 20 and 8 of 16.
    kernels = [shapes[f'stage{stage}/block1/conv2/conv/kernel'].shape for stage in range(2, 5)]
    assert kernels == [(3, 3, 16, 32), (3, 3, 20, 60), (3, 3, 16, 128)]


def test_a_gate_has_a_quarter_of_the_blocks_input_channels():
    shapes = paths(native('regnet_y_400mf')[1]['params'])
    assert shapes['stage1/block1/se/reduce/kernel'].shape == (1, 1, 48, 8)  # of the stem's 32
    assert shapes['stage4/block2/se/reduce/kernel'].shape == (1, 1, 440, 110)
    assert not any('/se/' in path for path in paths(native('regnet_x_400mf')[1]['params']))


def test_the_gate_stands_between_the_last_two_convolutions():
    conv_norm_act = partial(ConvNorm, act=layers.identity)
    fields = {'group_width': 2, 'residual': False, 'conv_norm_act': conv_norm_act, 'act': layers.identity}
    plain = regnet.RegNetBlock(4, 1, **fields)
    gated = regnet.RegNetBlock(4, 1, gate=partial(SqueezeExcite, conv=layers.conv), **fields)
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 4)).astype(np.float32)
    values = random_variables(variables(gated, x.shape))['params']
    values['se']['expand'] = jax.tree.map(np.zeros_like, values['se']['expand'])  # every gate is one half
    ungated = {name: values[name] for name in ('conv1', 'conv2', 'conv3')}
    bias = values['conv3']['conv']['bias']
    expected = 0.5 * (plain.apply({'params': ungated}, x) - bias) + bias
    np.testing.assert_allclose(gated.apply({'params': values}, x), expected, rtol=1e-4, atol=1e-5)


def test_every_stage_halves_the_map():
    shapes = native('regnet_x_400mf')[2]
    assert [shapes[name] for name in ('stem', 'stage1', 'stage2', 'stage3', 'stage4')] == [
        (112, 112, 32),
        (56, 56, 32),
        (28, 28, 64),
        (14, 14, 160),
        (7, 7, 384),
    ]
    of_small = maps(registry.build('regnet_x_400mf', stem='small'), (28, 28, 1))
    assert [of_small[f'stage{stage}'][0] for stage in range(1, 5)] == [28, 14, 7, 4]


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'depths': (1, 2)}, 'depths of RegNet is (1, 2); it must be as long as maps, 4'),
        ({'group_width': 0}, 'group_width of RegNet is 0; it must be above 0'),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(UserError) as raised:
        registry.build('regnet_x_400mf', **fields)
    assert str(raised.value) == message
