"""The shape of every stage against the tables of the papers, and of the small forms against hand-computed ones."""

import pytest
from zoo import maps, variables

from cnn_bench.models import registry

INCEPTIONS = {  # Szegedy et al. 2014, table 1
    'conv1': (112, 112, 64),
    'conv2': (56, 56, 192),
    'inception_3a': (28, 28, 256),
    'inception_3b': (28, 28, 480),
    'inception_4a': (14, 14, 512),
    'inception_4b': (14, 14, 512),
    'inception_4c': (14, 14, 512),
    'inception_4d': (14, 14, 528),
    'inception_4e': (14, 14, 832),
    'inception_5a': (7, 7, 832),
    'inception_5b': (7, 7, 1024),
}
VGG = {f'stage{i}': (224 >> (i - 1),) * 2 + (count,) for i, count in enumerate((64, 128, 256, 512, 512), 1)}
CIFAR = {'stem': (32, 32, 16), 'stage2': (32, 32, 16), 'stage3': (16, 16, 32), 'stage4': (8, 8, 64)}  # section 4.2


def _resnet(expansion):  # He et al. 2015, table 1
    stages = {f'stage{i}': (56 >> (i - 2),) * 2 + (expansion * 64 << (i - 2),) for i in range(2, 6)}
    return {'stem': (112, 112, 64), **stages}


INCEPTION_V3 = {  # Szegedy et al. 2015 (Rethinking), table 1, and the released network's 256, 288, 768, 1280, 2048
    'stem': (35, 35, 192),
    'inception_a1': (35, 35, 256),
    'inception_a3': (35, 35, 288),
    'reduction_a': (17, 17, 768),
    'inception_b4': (17, 17, 768),
    'reduction_b': (8, 8, 1280),
    'inception_c2': (8, 8, 2048),
}
INCEPTION_V4 = {  # Szegedy et al. 2016, figures 3 and 9
    'stem': (147, 147, 64),
    'stem_a': (73, 73, 160),
    'stem_b': (71, 71, 192),
    'stem_c': (35, 35, 384),
    'inception_a4': (35, 35, 384),
    'reduction_a': (17, 17, 1024),
    'inception_b7': (17, 17, 1024),
    'reduction_b': (8, 8, 1536),
    'inception_c3': (8, 8, 1536),
}
INCEPTION_RESNET_V2 = {
    'mixed': (35, 35, 320),
    'block_a10': (35, 35, 320),
    'reduction_a': (17, 17, 1088),
    'block_b20': (17, 17, 1088),
    'reduction_b': (8, 8, 2080),
    'block_c10': (8, 8, 2080),
    'last': (8, 8, 1536),
}


def _densenet(*channels):  # Huang et al. 2016, table 1; channels behind each dense block
    halved = {f'transition{i}': (28 >> (i - 2),) * 2 + (count // 2,) for i, count in enumerate(channels[:-1], 2)}
    return halved | {f'stage{i}': (56 >> (i - 2),) * 2 + (count,) for i, count in enumerate(channels, 2)}


NATIVE = {
    'lenet5': {'c1': (28, 28, 6), 'c3': (10, 10, 16), 'c5': (1, 1, 120), 'head/f6': (84,), 'head/fc': (10,)},
    'fashion_cnn': {'conv1': (28, 28, 64), 'conv3': (14, 14, 128), 'conv5': (7, 7, 256), 'head/fc1': (128,)},
    'alexnet': {
        'conv1': (55, 55, 96),
        'conv2': (27, 27, 256),
        'conv3': (13, 13, 384),
        'conv4': (13, 13, 384),
        'conv5': (13, 13, 256),
        'head/fc2': (4096,),
        'head/fc': (1000,),
    },
    'alexnet_owt': {'conv1': (55, 55, 64), 'conv2': (27, 27, 192), 'conv5': (13, 13, 256)},
    'vgg11': VGG,
    'vgg16': VGG,
    'vgg19_bn': VGG,
    'googlenet': INCEPTIONS,
    'googlenet_bn': INCEPTIONS,
    'inception_module_reduced': {'inception': (28, 28, 480)},  # 128 + 192 + 96 + 64
    'inception_module_naive': {'inception': (28, 28, 672)},  # 128 + 192 + 96 + 256
    'resnet18': _resnet(1),
    'resnet50': _resnet(4),
    'resnet50_v1': _resnet(4),
    'resnet152': _resnet(4),
    'resnetv2_50': _resnet(4),
    'resnetv2_152': _resnet(4),
    'resnext50_32x4d': _resnet(4) | {'stage2/block1/conv2': (56, 56, 128), 'stage5/block3/conv2': (7, 7, 1024)},
    'wide_resnet50_2': _resnet(4) | {'stage2/block1/conv2': (56, 56, 128), 'stage5/block3/conv2': (7, 7, 1024)},
    'seresnet50': _resnet(4),
    'resnet20': CIFAR,
    'plain20': CIFAR,
    'resnet110': CIFAR,
    'xception': {  # Chollet 2016, figure 5: 299 -> 19x19x728 in the middle flow, 2048 at the end
        'block1_conv1': (149, 149, 32),
        'block1_conv2': (147, 147, 64),
        'block2': (74, 74, 128),
        'block3': (37, 37, 256),
        'block4': (19, 19, 728),
        'block12': (19, 19, 728),
        'block13': (10, 10, 1024),
        'block14_sepconv2': (10, 10, 2048),
    },
    'inception_v3': INCEPTION_V3,
    'inception_v4': INCEPTION_V4,
    'inception_resnet_v2': INCEPTION_RESNET_V2,
    'densenet121': _densenet(256, 512, 1024, 1024),
    'densenet161': _densenet(384, 768, 2112, 2208),
    'densenet169': _densenet(256, 512, 1280, 1664),
    'densenet201': _densenet(256, 512, 1792, 1920),
}

SMALL = {
    'alexnet': {'conv1': (28, 28, 96), 'conv2': (13, 13, 256), 'conv5': (6, 6, 256)},
    'vgg16': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 4, 2), 1)},
    'googlenet': {'conv2': (14, 14), 'inception_3b': (14, 14), 'inception_4e': (7, 7), 'inception_5b': (3, 3)},
    'resnet18': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'resnet20': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7)},
    'resnetv2_50': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'densenet121': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (3, 3)},
    'inception_v3': {'stem': (13, 13), 'inception_a3': (13, 13), 'inception_b4': (6, 6), 'inception_c2': (2, 2)},
    'inception_v4': {'stem': (28, 28), 'stem_b': (28, 28), 'inception_a4': (13, 13), 'inception_c3': (2, 2)},
    'inception_resnet_v2': {'mixed': (13, 13), 'block_b20': (6, 6), 'block_c10': (2, 2)},
    'xception': {'block2': (28, 28), 'block3': (14, 14), 'block4': (7, 7), 'block12': (7, 7), 'block13': (4, 4)},
}


@pytest.mark.parametrize('name', NATIVE)
def test_stages_at_native_size(name):
    shapes = maps(registry.build(name), registry.get(name).input_shape)
    assert {path: shapes[path] for path in NATIVE[name]} == NATIVE[name]


@pytest.mark.parametrize('name', SMALL)
def test_stages_of_the_small_form(name):
    shapes = maps(registry.build(name, stem='small'), (28, 28, 1))
    assert {path: shapes[path][: len(shape)] for path, shape in SMALL[name].items()} == SMALL[name]


def test_alexnet_pools_to_six_by_six():
    for name in ('alexnet', 'alexnet_owt'):
        kernel = variables(registry.build(name), (1, 224, 224, 3))['params']['head']['fc1']['kernel']
        assert kernel.shape == (6 * 6 * 256, 4096)


def test_vgg_dense_layers_see_seven_by_seven():
    kernel = variables(registry.build('vgg16'), (1, 224, 224, 3))['params']['head']['fc1']['kernel']
    assert kernel.shape == (7 * 7 * 512, 4096)
