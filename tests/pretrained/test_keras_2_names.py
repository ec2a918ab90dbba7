"""Files that Keras Applications publishes have names that Keras 3 no longer gives: those in the source of Keras 2."""

import pytest

from cnn_bench.pretrained.convert import _today
from cnn_bench.pretrained.layout import layout_of


@pytest.mark.parametrize(
    ('arch', 'name', 'expected'),
    [
        ('mobilenet_v1', 'conv_dw_13/depthwise_kernel', 'conv_dw_13/kernel'),
        ('mobilenet_v1', 'conv_pw_13/kernel', 'conv_pw_13/kernel'),
        ('mobilenet_v2', 'expanded_conv_depthwise/depthwise_kernel', 'expanded_conv_depthwise/kernel'),
        ('mobilenet_v2', 'Conv_1/kernel', 'Conv_1/kernel'),
        ('mobilenet_v3_small', 'Conv/kernel', 'conv/kernel'),
        ('mobilenet_v3_small', 'Conv_BatchNorm/gamma', 'conv_bn/gamma'),
        ('mobilenet_v3_small', 'Conv_1_BatchNorm/moving_mean', 'conv_1_bn/moving_mean'),
        ('mobilenet_v3_small', 'Conv_2/bias', 'conv_2/bias'),
        ('mobilenet_v3_small', 'Logits/kernel', 'logits/kernel'),
        ('mobilenet_v3_large', 'expanded_conv_12_depthwise/depthwise_kernel', 'expanded_conv_12_depthwise/kernel'),
        ('mobilenet_v3_large', 'expanded_conv_depthwise_BatchNorm/beta', 'expanded_conv_depthwise_bn/beta'),
        (
            'mobilenet_v3_large',
            'expanded_conv_3_squeeze_excite_Conv/bias',
            'expanded_conv_3_squeeze_excite_conv/bias',
        ),
        (
            'mobilenet_v3_large',
            'expanded_conv_3_squeeze_excite_Conv_1/kernel',
            'expanded_conv_3_squeeze_excite_conv_1/kernel',
        ),
        ('efficientnet_b0', 'block1a_dwconv/depthwise_kernel', 'block1a_dwconv/kernel'),
        ('convnext_tiny', 'convnext_tiny_stem/kernel', 'convnext_tiny_stem_conv/kernel'),
        ('convnext_tiny', 'convnext_tiny_stem/beta', 'convnext_tiny_stem_layernorm/beta'),
        (
            'convnext_tiny',
            'convnext_tiny_downsampling_block_2/gamma',
            'convnext_tiny_downsampling_layernorm_2/gamma',
        ),
        (
            'convnext_tiny',
            'convnext_tiny_stage_0_block_1_layer_scale/Variable',
            'convnext_tiny_stage_0_block_1_layer_scale/gamma',
        ),
    ],
)
def test_names_of_keras_2(arch, name, expected):
    assert _today(name, layout_of(arch, 'keras')) == expected
