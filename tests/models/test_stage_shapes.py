"""The shape of every stage against the tables of the papers, and of the small forms against hand-computed ones."""

import pytest
from zoo import maps, native

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


def _cifar(*channels):  # of the stem and three stages
    names = ('stem', 'stage2', 'stage3', 'stage4')
    return {name: (side, side, n) for name, side, n in zip(names, (32, 32, 16, 8), channels, strict=True)}


CIFAR = _cifar(16, 16, 32, 64)  # He et al. 2015, section 4.2


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


def _stages(*rows, first=1):  # (side, channels) of each stage
    return {f'stage{i}': (side, side, count) for i, (side, count) in enumerate(rows, first)}


DARKNET = {'stem': (256, 256, 32)}  # Redmon & Farhadi 2018, table 1
DARKNET |= _stages((128, 64), (64, 128), (32, 256), (16, 512), (8, 1024))
INVERTED = (112, 56, 28, 14, 14, 7, 7)  # sides of the seven stages of MobileNetV2, MnasNet and EfficientNet, of 224


def _inverted(stem, last, *channels):
    ends = {'stem': (112, 112, stem), 'last': (7, 7, last)}
    return ends | _stages(*zip(INVERTED, channels, strict=True))


NATIVE = {
    'lenet5': {'c1': (28, 28, 6), 'c3': (10, 10, 16), 'c5': (1, 1, 120), 'head/f6': (84,), 'head/fc': (10,)},
    'lenet5_1998': {  # LeCun et al. 1998, figure 2
        'c1': (28, 28, 6),
        's2': (14, 14, 6),
        'c3': (10, 10, 16),
        's4': (5, 5, 16),
        'c5': (1, 1, 120),
        'head/f6': (84,),
    },
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
    'alexnet_bn': {'conv1': (55, 55, 64), 'conv2': (27, 27, 192), 'conv5': (13, 13, 256), 'head/norm2': (4096,)},
    'nin': {  # by hand: (224 - 11) // 4 + 1, then pools that round up
        'mlpconv1': (54, 54, 96),
        'mlpconv2': (27, 27, 256),
        'mlpconv3': (13, 13, 384),
        'mlpconv4': (6, 6, 1024),
        'head/maps': (6, 6, 1000),
    },
    'nin_bn': {f'mlpconv{i}': (112 >> i,) * 2 + (n,) for i, n in enumerate((96, 256, 384, 1024), 1)},
    'enet': {  # Paszke et al. 2016, table 1, there for 512x512
        'initial': (112, 112, 16),
        'stage1': (56, 56, 64),
        'stage2': (28, 28, 128),
        'stage3': (28, 28, 128),
    },
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
    'resnet50d': _resnet(4) | {'stem/conv1': (112, 112, 32), 'stem/conv2': (112, 112, 32)},
    'seresnet50': _resnet(4),
    'senet154': _resnet(4) | {'stem/conv2': (112, 112, 64), 'stem': (112, 112, 128)},  # Hu et al. 2017, appendix
    'res2net50_26w_4s': _resnet(4) | {'stage2/block1/conv1': (56, 56, 104), 'stage2/block2/conv2_3': (56, 56, 26)},
    'dpn68': {'stem': (112, 112, 10), 'stage2/block1/conv2': (56, 56, 128), 'stage5/block3/conv2': (7, 7, 1024)},
    'resnetv2_164': _cifar(16, 64, 128, 256),  # He et al. 2016
    'wide_resnet28_10': _cifar(16, 160, 320, 640),  # Zagoruyko & Komodakis 2016, table 1
    'densenet_bc100_12': _cifar(24, 216, 300, 342),  # 24 + 16 * 12, then half of it and 16 * 12 more
    'resnet20': CIFAR,
    'plain20': CIFAR,
    'resnet110': CIFAR,
    'darknet53': DARKNET,
    'cspdarknet53': DARKNET | {'stage1/split': (128, 128, 128), 'stage2/split': (64, 64, 128)},
    'hrnet_w18': {  # Wang et al. 2019, figure 2 and appendix on classification
        'stem1': (112, 112, 64),
        'stage1': (56, 56, 256),
        'stage2/module1/branch2': (28, 28, 36),
        'stage4/module3/fuse1': (56, 56, 18),
        'stage4/module3/fuse4': (7, 7, 144),
        'widen1': (56, 56, 128),
        'widen4': (7, 7, 1024),
        'last': (7, 7, 2048),
    },
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
    'nasnet_large': {  # Zoph et al. 2017, section 3.2: 6 cells each, 4032 channels at the end
        'stem': (165, 165, 96),
        'stage2_cell1': (83, 83, 4 * 42),
        'stage3_cell1': (42, 42, 4 * 84),
        'stage3_cell7': (42, 42, 1008),
        'stage4_cell1': (21, 21, 4 * 336),
        'stage4_cell7': (21, 21, 2016),
        'stage5_cell7': (11, 11, 4032),
    },
    'nasnet_mobile': {  # 4 @ 1056
        'stem': (111, 111, 32),
        'stage2_cell1': (56, 56, 44),
        'stage3_cell5': (28, 28, 264),
        'stage4_cell5': (14, 14, 528),
        'stage5_cell5': (7, 7, 1056),
    },
    'pnasnet5_large': {  # Liu et al. 2017: F = 216, five sums are concatenated
        'stage2_cell1': (83, 83, 5 * 54),
        'stage3_cell1': (42, 42, 5 * 108),
        'stage3_cell5': (42, 42, 5 * 216),
        'stage4_cell4': (21, 21, 5 * 432),
        'stage5_cell4': (11, 11, 5 * 864),
    },
    'inception_v3': INCEPTION_V3,
    'inception_v4': INCEPTION_V4,
    'inception_resnet_v2': INCEPTION_RESNET_V2,
    'densenet121': _densenet(256, 512, 1024, 1024),
    'densenet161': _densenet(384, 768, 2112, 2208),
    'densenet169': _densenet(256, 512, 1280, 1664),
    'densenet201': _densenet(256, 512, 1792, 1920),
    'squeezenet1_0': {  # Iandola et al. 2016, table 1, there for 227x227: 111, 55, 27, 13
        'conv1': (109, 109, 96),
        'fire2': (54, 54, 128),
        'fire4': (54, 54, 256),
        'fire5': (27, 27, 256),
        'fire8': (27, 27, 512),
        'fire9': (13, 13, 512),
        'head/conv10': (13, 13, 1000),
    },
    'squeezenet1_1': {'conv1': (111, 111, 64), 'fire3': (55, 55, 128), 'fire5': (27, 27, 256), 'fire9': (13, 13, 512)},
    'mobilenet_v1': {  # Howard et al. 2017, table 1
        'stem': (112, 112, 32),
        **_stages((112, 64), (56, 128), (28, 256), (14, 512), (7, 1024)),
        'stage4/block1/depthwise': (14, 14, 256),
        'stage5/block1/depthwise': (7, 7, 512),
    },
    'mobilenet_v2': _inverted(32, 1280, 16, 24, 32, 64, 96, 160, 320)  # Sandler et al. 2018, table 2
    | {'stage2/block1/expand': (112, 112, 96), 'stage7/block1/depthwise': (7, 7, 960)},
    'mobilenet_v3_small': _stages((56, 16), (28, 24), (14, 40), (14, 48), (7, 96))  # Howard et al. 2019, table 2
    | {'stem': (112, 112, 16), 'stage2/block2/expand': (28, 28, 88), 'last': (7, 7, 576), 'head/fc1': (1024,)},
    'mobilenet_v3_large': _stages((112, 16), (56, 24), (28, 40), (14, 80), (14, 112), (7, 160))  # table 1
    | {'stem': (112, 112, 16), 'stage4/block2/expand': (14, 14, 200), 'last': (7, 7, 960), 'head/fc1': (1280,)},
    'mobilenet_v2_x0_35': _inverted(16, 1280, 8, 8, 16, 24, 32, 56, 112),  # by hand
    'mobilenet_v2_x1_4': _inverted(48, 1792, 24, 32, 48, 88, 136, 224, 448),  # by hand
    'mobilenet_v4_conv_small': _stages((56, 32), (28, 64), (14, 96), (7, 128))  # Qin et al. 2024, appendix
    | {'stem': (112, 112, 32), 'stage2/block1': (28, 28, 96), 'last': (7, 7, 960), 'head/conv': (1, 1, 1280)},
    'mobilenet_v4_conv_medium': _stages((64, 48), (32, 80), (16, 160), (8, 256))
    | {
        'stage1/block1/fused': (64, 64, 128),
        'stage3/block1/start': (32, 32, 80),
        'stage3/block1/expand': (32, 32, 480),
    },
    'mobilenet_v4_conv_large': _stages((96, 48), (48, 96), (24, 192), (12, 512))
    | {'stem': (192, 192, 24), 'stage4/block13/expand': (12, 12, 2048), 'last': (12, 12, 960)},
    'ghostnet': _stages((112, 16), (56, 24), (28, 40), (14, 80), (14, 112), (7, 160))  # Han et al. 2020, table 1
    | {'stem': (112, 112, 16), 'stage4/block2/ghost1': (14, 14, 200), 'last': (7, 7, 960), 'head/fc1': (1280,)},
    'mnasnet0_5': _inverted(16, 1280, 8, 16, 24, 40, 48, 96, 160),  # by hand
    'mnasnet1_0': _inverted(32, 1280, 16, 24, 40, 80, 96, 192, 320),  # Tan et al. 2018, figure 7, with last 1280
    'shufflenet_v2_x1_0': _stages((28, 116), (14, 232), (7, 464), first=2)  # Ma et al. 2018, table 5
    | {'conv1': (112, 112, 24), 'conv5': (7, 7, 1024)},
    'shufflenet_v2_x0_5': _stages((28, 48), (14, 96), (7, 192), first=2) | {'conv5': (7, 7, 1024)},
    'shufflenet_v2_x2_0': _stages((28, 244), (14, 488), (7, 976), first=2) | {'conv5': (7, 7, 2048)},
    'efficientnet_b0': _inverted(32, 1280, 16, 24, 40, 80, 112, 192, 320)  # Tan & Le 2019, table 1
    | {'stage6/block4/depthwise': (7, 7, 1152), 'stage6/block4/se/reduce': (1, 1, 48)},
    'efficientnet_b4': _stages((190, 24), (95, 32), (48, 56), (24, 112), (24, 160), (12, 272), (12, 448))  # by hand
    | {'stem': (190, 190, 48), 'last': (12, 12, 1792)},
    'efficientnet_b7': _stages((300, 32), (150, 48), (75, 80), (38, 160), (38, 224), (19, 384), (19, 640))  # by hand
    | {'stem': (300, 300, 64), 'last': (19, 19, 2560)},
    'efficientnet_v2_s': _stages(
        (192, 24), (96, 48), (48, 64), (24, 128), (24, 160), (12, 256)
    )  # Tan & Le 2021, table 4
    | {'stem': (192, 192, 24), 'stage2/block1/fused': (96, 96, 96), 'last': (12, 12, 1280)},
    'efficientnet_lite4': _stages((150, 24), (75, 32), (38, 56), (19, 112), (19, 160), (10, 272), (10, 448))  # by hand
    | {'stem': (150, 150, 32), 'last': (10, 10, 1280)},
    'convnext_tiny': _stages((56, 96), (28, 192), (14, 384), (7, 768), first=2)  # Liu et al. 2022, table 9
    | {'stage4/block9/expand': (14, 14, 1536)},
    'repvgg_a0': _stages(
        (56, 48), (28, 96), (14, 192), (7, 1280), first=2
    )  # Ding et al. 2021, table 2 at a 0.75, b 2.5
    | {'stem': (112, 112, 48), 'stage4/block14/conv_1x1': (14, 14, 192)},
    'repvgg_b1': _stages((56, 128), (28, 256), (14, 512), (7, 2048), first=2) | {'stage3/block6/conv1': (28, 28, 256)},
    'mobileone_s0': _stages((56, 48), (28, 128), (14, 256), (7, 1024), first=2)  # Vasu et al. 2022
    | {'stem': (112, 112, 48), 'stage3/block1/depthwise/conv4': (28, 28, 48), 'stage5/block1/pointwise': (7, 7, 1024)},
    'mobileone_s1': _stages((56, 96), (28, 192), (14, 512), (7, 1280), first=2),
    'nfnet_f0': _stages((64, 256), (32, 512), (16, 1536), (8, 1536), first=2)  # Brock et al. 2021, table 1, at 256
    | {'stem1': (128, 128, 16), 'stem4': (64, 64, 128), 'stage3/block1/conv1': (64, 64, 256), 'last': (8, 8, 3072)},
    'convnextv2_atto': _stages((56, 40), (28, 80), (14, 160), (7, 320), first=2) | {'stage4/block6/grn': (14, 14, 640)},
    'convnext_base': _stages((56, 128), (28, 256), (14, 512), (7, 1024), first=2)
    | {'stage4/block27/depthwise': (14, 14, 512)},
}

SMALL = {
    'alexnet': {'conv1': (28, 28, 96), 'conv2': (13, 13, 256), 'conv5': (6, 6, 256)},
    'nin': {'mlpconv1': (28, 28), 'mlpconv2': (14, 14), 'mlpconv3': (7, 7), 'mlpconv4': (3, 3)},
    'nin_bn': {'mlpconv1': (28, 28), 'mlpconv2': (14, 14), 'mlpconv3': (7, 7), 'mlpconv4': (4, 4)},
    'enet': {'initial': (28, 28, 16), 'stage1': (14, 14), 'stage2': (7, 7), 'stage3': (7, 7)},
    'vgg16': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 4, 2), 1)},
    'googlenet': {'conv2': (14, 14), 'inception_3b': (14, 14), 'inception_4e': (7, 7), 'inception_5b': (3, 3)},
    'resnet18': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'resnet50d': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'resnetrs50': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'dpn68': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'pyramidnet110_a48': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7)},
    'resnet20': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7)},
    'resnetv2_50': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'densenet121': {'stem': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (3, 3)},
    'inception_v3': {'stem': (13, 13), 'inception_a3': (13, 13), 'inception_b4': (6, 6), 'inception_c2': (2, 2)},
    'inception_v4': {'stem': (28, 28), 'stem_b': (28, 28), 'inception_a4': (13, 13), 'inception_c3': (2, 2)},
    'inception_resnet_v2': {'mixed': (13, 13), 'block_b20': (6, 6), 'block_c10': (2, 2)},
    'nasnet_mobile': {
        f'stage{i}_cell{n}': (side, side) for i, n, side in ((2, 1, 28), (3, 5, 14), (4, 5, 7), (5, 5, 4))
    },
    'darknet53': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 4, 2), 1)},
    'hrnet_w18': {f'stage4/module3/branch{i}': (side, side) for i, side in enumerate((28, 14, 7, 4), 1)},
    'squeezenet1_0': {'conv1': (28, 28), 'fire2': (14, 14), 'fire5': (7, 7), 'fire9': (3, 3)},
    'mobilenet_v1': {f'stage{i}': (side, side) for i, side in enumerate((28, 28, 14, 7, 4), 1)},
    'mobilenet_v2': {f'stage{i}': (side, side) for i, side in enumerate((28, 28, 14, 7, 7, 4, 4), 1)},
    'mobilenet_v3_small': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 7, 4), 1)},
    'mobilenet_v3_large': {f'stage{i}': (side, side) for i, side in enumerate((28, 28, 14, 7, 7, 4), 1)},
    'mobilenet_v4_conv_small': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 4), 1)},
    'ghostnet': {f'stage{i}': (side, side) for i, side in enumerate((28, 28, 14, 7, 7, 4), 1)},
    'efficientnet_v2_s': {f'stage{i}': (side, side) for i, side in enumerate((28, 28, 14, 7, 7, 4), 1)},
    'shufflenet_v2_x1_0': {f'stage{i}': (side, side) for i, side in enumerate((14, 7, 4), 2)},
    'convnext_tiny': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 3), 2)},
    'repvgg_a0': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 4), 2)},
    'mobileone_s0': {f'stage{i}': (side, side) for i, side in enumerate((28, 14, 7, 4), 2)},
    'nfnet_f0': {'stem4': (28, 28), 'stage2': (28, 28), 'stage3': (14, 14), 'stage4': (7, 7), 'stage5': (4, 4)},
    'xception': {'block2': (28, 28), 'block3': (14, 14), 'block4': (7, 7), 'block12': (7, 7), 'block13': (4, 4)},
}


@pytest.mark.parametrize('name', NATIVE)
def test_stages_at_native_size(name):
    _, _, shapes = native(name)
    assert {path: shapes[path] for path in NATIVE[name]} == NATIVE[name]


@pytest.mark.parametrize('name', SMALL)
def test_stages_of_the_small_form(name):
    shapes = maps(registry.build(name, stem='small'), (28, 28, 1))
    assert {path: shapes[path][: len(shape)] for path, shape in SMALL[name].items()} == SMALL[name]


def test_alexnet_pools_to_six_by_six():
    for name in ('alexnet', 'alexnet_owt'):
        kernel = native(name)[1]['params']['head']['fc1']['kernel']
        assert kernel.shape == (6 * 6 * 256, 4096)


def test_vgg_dense_layers_see_seven_by_seven():
    kernel = native('vgg16')[1]['params']['head']['fc1']['kernel']
    assert kernel.shape == (7 * 7 * 512, 4096)
