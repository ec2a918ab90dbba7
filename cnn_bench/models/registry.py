"""Every architecture by name, with its facts. Importing this does not import JAX: networks are imported when built.

A new architecture takes one file in this package and one line here, which `cnn-bench cost path/to/mynet.py:MyNet`
prints. Tests assert the parameters, multiply-adds and logits shape of every line. A network outside this package has no
line and is named by its place, see `own`.
"""

import contextlib
import dataclasses
import datetime
import importlib
import types
import typing
from collections.abc import Callable
from functools import partial
from typing import Any

from cnn_bench.errors import UserError, unknown
from cnn_bench.models import own


@dataclasses.dataclass(frozen=True)
class Arch:
    """An architecture and its facts at its native size."""

    target: str  # 'resnet:ResNet50' is the attribute ResNet50 of the module cnn_bench.models.resnet
    year: int | None  # None: unknown, of a network outside the registry, and so are
    size: int  # native images are (size, size, channels)
    params: int | None  # trainable
    macs: int | None  # of convolutions and dense layers, one image, evaluation mode
    channels: int = 3
    num_classes: int = 1000  # 0: no head, the output is the last feature map
    note: str = ''  # which variant it is
    fused_params: int | None = None  # of the form in which branches are fused for use, of a network that has one
    fused_macs: int | None = None
    family_name: str = ''  # empty: that of its module

    @property
    def family(self) -> str:
        return self.family_name or self.target.partition(':')[0]

    @property
    def params_in_use(self) -> int | None:
        """Parameters of the form that is evaluated: with branches fused, where it has any."""
        return self.params if self.fused_params is None else self.fused_params

    @property
    def macs_in_use(self) -> int | None:
        """Multiply-adds of that form."""
        return self.macs if self.fused_macs is None else self.fused_macs

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return (self.size, self.size, self.channels)


_gray = partial(Arch, channels=1, num_classes=10)
_cifar = partial(Arch, size=32, num_classes=10)
_module = partial(Arch, size=28, channels=256, num_classes=0)

# One line per name, so that the table can be scanned from top to bottom.
# ruff: noqa: E501
# fmt: off
ARCHS: dict[str, Arch] = {
    'lenet5': _gray('lenet:LeNet5', year=1998, size=32, params=61_706, macs=416_520, note='full C3, mean pooling, dense or RBF output'),
    'lenet5_1998': _gray('lenet:LeNet1998', year=1998, size=32, params=60_000, macs=325_680, note='as published: partial C3, trainable subsampling, RBF codes'),
    'fashion_cnn': _gray('fashion_cnn:FashionCNN', year=2019, size=28, params=1_413_834, macs=89_466_496, note="Géron's network for Fashion-MNIST"),
    'alexnet': Arch('alexnet:AlexNet', year=2012, size=224, params=60_965_224, macs=724_406_816, note='two towers as groups, LRN'),
    'alexnet_owt': Arch('alexnet:AlexNetOWT', year=2014, size=224, params=61_100_840, macs=714_188_480, note="one tower, torchvision's"),
    'alexnet_bn': Arch('alexnet:AlexNetBN', year=2016, size=224, params=61_119_528, macs=714_188_480, note='alexnet_owt with batch norm, biases kept'),
    'nin': Arch('nin:NIN', year=2013, size=224, params=7_595_176, macs=1_100_188_800, note="the authors' ImageNet network"),
    'nin_bn': Arch('nin:NINBN', year=2016, size=224, params=8_655_336, macs=1_259_939_840, note='batch norm, padded, dense head'),
    'vgg11': Arch('vgg:VGG11', year=2014, size=224, params=132_863_336, macs=7_609_090_048),
    'vgg13': Arch('vgg:VGG13', year=2014, size=224, params=133_047_848, macs=11_308_466_176),
    'vgg16': Arch('vgg:VGG16', year=2014, size=224, params=138_357_544, macs=15_470_264_320),
    'vgg19': Arch('vgg:VGG19', year=2014, size=224, params=143_667_240, macs=19_632_062_464),
    'vgg11_bn': Arch('vgg:VGG11BN', year=2014, size=224, params=132_868_840, macs=7_609_090_048, note='batch norm, conv biases kept'),
    'vgg13_bn': Arch('vgg:VGG13BN', year=2014, size=224, params=133_053_736, macs=11_308_466_176, note='batch norm, conv biases kept'),
    'vgg16_bn': Arch('vgg:VGG16BN', year=2014, size=224, params=138_365_992, macs=15_470_264_320, note='batch norm, conv biases kept'),
    'vgg19_bn': Arch('vgg:VGG19BN', year=2014, size=224, params=143_678_248, macs=19_632_062_464, note='batch norm, conv biases kept'),
    'repvgg_a0': Arch('repvgg:RepVGGA0', year=2021, size=224, params=9_108_968, macs=1_512_581_120, fused_params=8_309_384, fused_macs=1_361_451_008),
    'repvgg_b1': Arch('repvgg:RepVGGB1', year=2021, size=224, params=57_415_016, macs=13_128_089_600, fused_params=51_829_480, fused_macs=11_815_485_440),
    'googlenet': Arch('googlenet:GoogLeNet', year=2014, size=224, params=6_998_552, macs=1_582_671_872, note='LRN, 5x5, aux heads in training if aux=True'),
    'googlenet_bn': Arch('googlenet:GoogLeNetBN', year=2015, size=224, params=6_624_904, macs=1_498_376_192, note="batch norm, 3x3 for 5x5: torchvision's"),
    'inception_module_naive': _module('googlenet:InceptionModuleNaive', year=2014, params=1_089_952, macs=854_196_224, note='one module, no 1x1 reductions'),
    'inception_module_reduced': _module('googlenet:InceptionModule', year=2014, params=346_720, macs=271_351_808, note='one module, 1x1 reductions'),
    'resnet18': Arch('resnet:ResNet18', year=2015, size=224, params=11_689_512, macs=1_814_073_344),
    'resnet34': Arch('resnet:ResNet34', year=2015, size=224, params=21_797_672, macs=3_663_761_408),
    'resnet26': Arch('resnet:ResNet26', year=2015, size=224, params=15_995_176, macs=2_342_256_640, note="timm's: two bottlenecks a stage"),
    'resnet50': Arch('resnet:ResNet50', year=2015, size=224, params=25_557_032, macs=4_089_184_256, note='v1.5: stride in the 3x3'),
    'resnet50_v1': Arch('resnet:ResNet50V1', year=2015, size=224, params=25_557_032, macs=3_857_973_248, note='v1: stride in the first 1x1'),
    'resnet101': Arch('resnet:ResNet101', year=2015, size=224, params=44_549_160, macs=7_801_405_440, note='v1.5: stride in the 3x3'),
    'resnet152': Arch('resnet:ResNet152', year=2015, size=224, params=60_192_808, macs=11_513_626_624, note='v1.5: stride in the 3x3'),
    'resnet50d': Arch('resnet:ResNet50D', year=2018, size=224, params=25_576_264, macs=4_328_824_832, note='deep stem, shortcuts that pool'),
    'resnetv2_50': Arch('resnet_v2:ResNet50V2', year=2016, size=224, params=25_549_352, macs=4_089_184_256, note='pre-activation'),
    'resnetv2_101': Arch('resnet_v2:ResNet101V2', year=2016, size=224, params=44_541_480, macs=7_801_405_440, note='pre-activation'),
    'resnetv2_152': Arch('resnet_v2:ResNet152V2', year=2016, size=224, params=60_185_128, macs=11_513_626_624, note='pre-activation'),
    'resnetv2_164': _cifar('resnet_v2:ResNet164V2', year=2016, params=1_703_258, macs=244_500_992, note='CIFAR, pre-activation'),
    'resnext50_32x4d': Arch('resnext:ResNeXt50', year=2016, size=224, params=25_028_904, macs=4_230_479_872),
    'resnext101_32x8d': Arch('resnext:ResNeXt101', year=2016, size=224, params=88_791_336, macs=16_414_015_488),
    'resnext101_64x4d': Arch('resnext:ResNeXt101Groups64', year=2016, size=224, params=83_455_272, macs=15_460_270_080),
    'wide_resnet50_2': Arch('wide_resnet:WideResNet50', year=2016, size=224, params=68_883_240, macs=11_398_021_120),
    'wide_resnet101_2': Arch('wide_resnet:WideResNet101', year=2016, size=224, params=126_886_696, macs=22_753_050_624),
    'wide_resnet28_10': _cifar('wide_resnet:WideResNet28', year=2016, params=36_479_194, macs=5_243_328_768, note='CIFAR, pre-activation: WRN-28-10'),
    'pyramidnet110_a48': _cifar('pyramidnet:PyramidNet110', year=2016, params=1_739_730, macs=393_528_448, note='CIFAR, additive, alpha 48'),
    'seresnet50': Arch('seresnet:SEResNet50', year=2017, size=224, params=28_088_024, macs=4_091_699_200, note='v1.5, squeeze-and-excitation'),
    'seresnet101': Arch('seresnet:SEResNet101', year=2017, size=224, params=49_326_872, macs=7_806_148_608, note='v1.5, squeeze-and-excitation'),
    'seresnet152': Arch('seresnet:SEResNet152', year=2017, size=224, params=66_821_848, macs=11_520_204_800, note='v1.5, squeeze-and-excitation'),
    'seresnext50_32x4d': Arch('seresnet:SEResNeXt50', year=2017, size=224, params=27_559_896, macs=4_232_994_816, note='resnext50_32x4d, squeeze-and-excitation'),
    'senet154': Arch('seresnet:SENet154', year=2017, size=224, params=115_088_984, macs=20_688_363_520, note="ILSVRC 2017's, deep stem, 3x3 shortcuts"),
    'dpn68': Arch('dpn:DPN68', year=2017, size=224, params=12_611_602, macs=2_326_163_456, note='residual and dense path'),
    'res2net50_26w_4s': Arch('res2net:Res2Net50', year=2019, size=224, params=25_699_120, macs=4_255_166_464, note='splits in hierarchy for the 3x3'),
    'resnetrs50': Arch('resnet_rs:ResNetRS50', year=2021, size=160, params=35_691_912, macs=2_278_629_376, note='resnet50d with gates, a convolution for the pooling'),
    'nfnet_f0': Arch('nfnet:NFNetF0', year=2021, size=256, params=71_489_284, macs=12_384_198_656, note='at its test size; trained at 192'),
    'regnet_x_400mf': Arch('regnet:RegNetX400MF', year=2020, size=224, params=5_157_512, macs=397_677_568, note="the paper's; torchvision's is wider"),
    'regnet_x_800mf': Arch('regnet:RegNetX800MF', year=2020, size=224, params=7_259_656, macs=799_699_712),
    'regnet_x_1_6gf': Arch('regnet:RegNetX1600MF', year=2020, size=224, params=9_190_136, macs=1_602_849_792),
    'regnet_x_3_2gf': Arch('regnet:RegNetX3200MF', year=2020, size=224, params=15_296_552, macs=3_176_621_952),
    'regnet_x_8gf': Arch('regnet:RegNetX8GF', year=2020, size=224, params=39_572_648, macs=7_995_132_416),
    'regnet_x_16gf': Arch('regnet:RegNetX16GF', year=2020, size=224, params=54_278_536, macs=15_940_755_456),
    'regnet_x_32gf': Arch('regnet:RegNetX32GF', year=2020, size=224, params=107_811_560, macs=31_735_929_792),
    'regnet_y_400mf': Arch('regnet:RegNetY400MF', year=2020, size=224, params=4_344_144, macs=401_842_848),
    'regnet_y_800mf': Arch('regnet:RegNetY800MF', year=2020, size=224, params=6_263_168, macs=797_176_832, note="the paper's; torchvision's is wider"),
    'regnet_y_1_6gf': Arch('regnet:RegNetY1600MF', year=2020, size=224, params=11_202_430, macs=1_612_076_160),
    'regnet_y_3_2gf': Arch('regnet:RegNetY3200MF', year=2020, size=224, params=19_436_338, macs=3_176_482_752),
    'regnet_y_8gf': Arch('regnet:RegNetY8GF', year=2020, size=224, params=39_180_068, macs=7_963_057_312, note="the paper's; torchvision's is wider"),
    'regnet_y_16gf': Arch('regnet:RegNetY16GF', year=2020, size=224, params=83_590_140, macs=15_911_510_272),
    'regnet_y_32gf': Arch('regnet:RegNetY32GF', year=2020, size=224, params=145_046_770, macs=32_279_552_832),
    'resnet20': _cifar('resnet_cifar:ResNet20', year=2015, params=269_722, macs=40_551_040, note='CIFAR, option A shortcuts'),
    'resnet32': _cifar('resnet_cifar:ResNet32', year=2015, params=464_154, macs=68_862_592, note='CIFAR, option A shortcuts'),
    'resnet44': _cifar('resnet_cifar:ResNet44', year=2015, params=658_586, macs=97_174_144, note='CIFAR, option A shortcuts'),
    'resnet56': _cifar('resnet_cifar:ResNet56', year=2015, params=853_018, macs=125_485_696, note='CIFAR, option A shortcuts'),
    'resnet110': _cifar('resnet_cifar:ResNet110', year=2015, params=1_727_962, macs=252_887_680, note='CIFAR, option A shortcuts'),
    'plain20': _cifar('resnet_cifar:Plain20', year=2015, params=269_722, macs=40_551_040, note='resnet20 without shortcuts'),
    'plain56': _cifar('resnet_cifar:Plain56', year=2015, params=853_018, macs=125_485_696, note='resnet56 without shortcuts'),
    'darknet53': Arch('darknet:DarkNet53', year=2018, size=256, params=41_609_928, macs=9_285_115_904, note="YOLOv3's backbone"),
    'cspdarknet53': Arch('darknet:CSPDarkNet53', year=2019, size=256, params=27_642_184, macs=6_533_652_480, note="YOLOv4's backbone, with leaky ReLU"),
    'hrnet_w18': Arch('hrnet:HRNetW18', year=2019, size=224, params=21_299_004, macs=4_283_537_072),
    'enet': Arch('enet:ENet', year=2016, size=224, params=466_519, macs=311_206_656, note="ENet's encoder, global average pool, dense layer"),
    'xception': Arch('xception:Xception', year=2016, size=299, params=22_855_952, macs=8_357_403_496, note="Keras's"),
    'inception_v3': Arch('inception_v3:InceptionV3', year=2015, size=299, params=23_834_568, macs=5_713_216_096, note='aux head in training if aux=True'),
    'inception_v4': Arch('inception_v4:InceptionV4', year=2016, size=299, params=42_679_816, macs=12_253_974_624),
    'inception_resnet_v2': Arch('inception_resnet_v2:InceptionResNetV2', year=2016, size=299, params=55_843_464, macs=13_155_794_016),
    'nasnet_large': Arch('nasnet:NASNetLarge', year=2017, size=331, params=88_753_150, macs=23_783_414_658, note='NASNet-A (6 @ 4032), aux head in training if aux=True'),
    'nasnet_mobile': Arch('nasnet:NASNetMobile', year=2017, size=224, params=5_289_978, macs=563_638_816, note='NASNet-A (4 @ 1056), aux head in training if aux=True'),
    'pnasnet5_large': Arch('nasnet:PNASNet5Large', year=2017, size=331, params=86_057_668, macs=24_937_395_792, note='N=4, F=216, aux head in training if aux=True'),
    'densenet121': Arch('densenet:DenseNet121', year=2016, size=224, params=7_978_856, macs=2_834_161_664),
    'densenet161': Arch('densenet:DenseNet161', year=2016, size=224, params=28_681_000, macs=7_727_907_072),
    'densenet169': Arch('densenet:DenseNet169', year=2016, size=224, params=14_149_480, macs=3_359_843_328),
    'densenet201': Arch('densenet:DenseNet201', year=2016, size=224, params=20_013_928, macs=4_291_365_888),
    'densenet_bc100_12': _cifar('densenet:DenseNetBC100', year=2016, params=769_162, macs=287_929_692, note='CIFAR, growth 12'),
    'squeezenet1_0': Arch('squeezenet:SqueezeNet1_0', year=2016, size=224, params=1_248_424, macs=818_924_576, note="the paper's, no bypass"),
    'squeezenet1_1': Arch('squeezenet:SqueezeNet1_1', year=2016, size=224, params=1_235_496, macs=349_151_936, note="the authors' cheaper release"),
    'mobilenet_v1': Arch('mobilenet_v1:MobileNetV1', year=2017, size=224, params=4_231_976, macs=568_740_352),
    'mobilenet_v2': Arch('mobilenet_v2:MobileNetV2', year=2018, size=224, params=3_504_872, macs=300_774_272),
    'mobilenet_v2_x0_35': Arch('mobilenet_v2:MobileNetV2x035', year=2018, size=224, params=1_677_128, macs=59_285_808, note='channels in multiples of 8'),
    'mobilenet_v2_x0_5': Arch('mobilenet_v2:MobileNetV2x05', year=2018, size=224, params=1_968_680, macs=97_131_840, note='channels in multiples of 8'),
    'mobilenet_v2_x0_75': Arch('mobilenet_v2:MobileNetV2x075', year=2018, size=224, params=2_636_424, macs=209_069_792, note='channels in multiples of 8'),
    'mobilenet_v2_x1_4': Arch('mobilenet_v2:MobileNetV2x14', year=2018, size=224, params=6_108_776, macs=582_195_824, note='channels in multiples of 8'),
    'mobilenet_v3_small': Arch('mobilenet_v3:MobileNetV3Small', year=2019, size=224, params=2_542_856, macs=56_510_400),
    'mobilenet_v3_large': Arch('mobilenet_v3:MobileNetV3Large', year=2019, size=224, params=5_483_032, macs=216_589_760),
    'mobilenet_v4_conv_small': Arch('mobilenet_v4:MobileNetV4ConvSmall', year=2024, size=224, params=3_774_024, macs=186_005_568),
    'mobilenet_v4_conv_medium': Arch('mobilenet_v4:MobileNetV4ConvMedium', year=2024, size=256, params=9_715_512, macs=1_080_244_224),
    'mobilenet_v4_conv_large': Arch('mobilenet_v4:MobileNetV4ConvLarge', year=2024, size=384, params=32_590_864, macs=6_376_220_672),
    'mnasnet0_5': Arch('mnasnet:MnasNet05', year=2018, size=224, params=2_218_512, macs=104_455_968, note='channels in multiples of 8'),
    'mnasnet0_75': Arch('mnasnet:MnasNet075', year=2018, size=224, params=3_170_208, macs=215_493_104, note='channels in multiples of 8'),
    'mnasnet1_0': Arch('mnasnet:MnasNet', year=2018, size=224, params=4_383_312, macs=314_415_872, note='B1, no squeeze-and-excitation'),
    'mnasnet1_3': Arch('mnasnet:MnasNet13', year=2018, size=224, params=6_282_256, macs=526_362_432, note='channels in multiples of 8'),
    'shufflenet_v2_x0_5': Arch('shufflenet_v2:ShuffleNetV2x05', year=2018, size=224, params=1_366_792, macs=40_476_448),
    'shufflenet_v2_x1_0': Arch('shufflenet_v2:ShuffleNetV2', year=2018, size=224, params=2_278_604, macs=144_907_992),
    'mobileone_s0': Arch('mobileone:MobileOneS0', year=2022, size=224, params=5_293_272, macs=1_051_935_232, fused_params=2_078_504, fused_macs=275_110_400),
    'mobileone_s1': Arch('mobileone:MobileOneS1', year=2022, size=224, params=4_825_192, macs=830_062_080, fused_params=4_764_840, fused_macs=825_057_024),
    'shufflenet_v2_x1_5': Arch('shufflenet_v2:ShuffleNetV2x15', year=2018, size=224, params=3_503_624, macs=295_759_392),
    'shufflenet_v2_x2_0': Arch('shufflenet_v2:ShuffleNetV2x20', year=2018, size=224, params=7_393_996, macs=583_253_464),
    'ghostnet': Arch('ghostnet:GhostNet', year=2020, size=224, params=5_182_508, macs=141_150_512, note="the paper's at 1x"),
    'efficientnet_b0': Arch('efficientnet:EfficientNetB0', year=2019, size=224, params=5_288_548, macs=385_814_752),
    'efficientnet_b1': Arch('efficientnet:EfficientNetB1', year=2019, size=240, params=7_794_184, macs=686_802_832),
    'efficientnet_b2': Arch('efficientnet:EfficientNetB2', year=2019, size=288, params=9_109_994, macs=1_087_529_456, note="at torchvision's size; the paper's is 260"),
    'efficientnet_b3': Arch('efficientnet:EfficientNetB3', year=2019, size=300, params=12_233_232, macs=1_827_141_392),
    'efficientnet_b4': Arch('efficientnet:EfficientNetB4', year=2019, size=380, params=19_341_616, macs=4_393_771_024),
    'efficientnet_b5': Arch('efficientnet:EfficientNetB5', year=2019, size=456, params=30_389_784, macs=10_266_384_752),
    'efficientnet_b6': Arch('efficientnet:EfficientNetB6', year=2019, size=528, params=43_040_704, macs=19_067_593_536),
    'efficientnet_b7': Arch('efficientnet:EfficientNetB7', year=2019, size=600, params=66_347_960, macs=37_745_884_192),
    'efficientnet_lite0': Arch('efficientnet:EfficientNetLite0', year=2020, size=224, params=4_652_008, macs=385_187_552, note="no gates, ReLU6, TensorFlow's padding"),
    'efficientnet_lite1': Arch('efficientnet:EfficientNetLite1', year=2020, size=240, params=5_416_680, macs=600_185_232, note="no gates, ReLU6, TensorFlow's padding"),
    'efficientnet_lite2': Arch('efficientnet:EfficientNetLite2', year=2020, size=260, params=6_092_072, macs=859_736_272, note="no gates, ReLU6, TensorFlow's padding"),
    'efficientnet_lite3': Arch('efficientnet:EfficientNetLite3', year=2020, size=280, params=8_197_096, macs=1_383_321_872, note="no gates, ReLU6, TensorFlow's padding"),
    'efficientnet_lite4': Arch('efficientnet:EfficientNetLite4', year=2020, size=300, params=13_006_568, macs=2_553_034_336, note="no gates, ReLU6, TensorFlow's padding"),
    'convnext_atto': Arch('convnext:ConvNeXtAtto', year=2022, size=224, params=3_695_520, macs=547_332_480, note="timm's"),
    'convnext_femto': Arch('convnext:ConvNeXtFemto', year=2022, size=224, params=5_217_784, macs=779_629_824, note="timm's"),
    'convnext_pico': Arch('convnext:ConvNeXtPico', year=2022, size=224, params=9_045_672, macs=1_367_055_360, note="timm's"),
    'convnext_nano': Arch('convnext:ConvNeXtNano', year=2022, size=224, params=15_593_560, macs=2_445_528_320, note="timm's"),
    'efficientnet_v2_s': Arch('efficientnet_v2:EfficientNetV2S', year=2021, size=384, params=21_458_488, macs=8_365_617_152),
    'efficientnet_v2_m': Arch('efficientnet_v2:EfficientNetV2M', year=2021, size=480, params=54_139_356, macs=24_582_460_384),
    'efficientnet_v2_l': Arch('efficientnet_v2:EfficientNetV2L', year=2021, size=480, params=118_515_272, macs=56_079_699_008),
    'convnext_tiny': Arch('convnext:ConvNeXtTiny', year=2022, size=224, params=28_589_128, macs=4_455_531_264),
    'convnext_small': Arch('convnext:ConvNeXtSmall', year=2022, size=224, params=50_223_688, macs=8_683_712_256),
    'convnext_base': Arch('convnext:ConvNeXtBase', year=2022, size=224, params=88_591_464, macs=15_354_729_472),
    'convnext_large': Arch('convnext:ConvNeXtLarge', year=2022, size=224, params=197_767_336, macs=34_361_433_600),
    'convnextv2_atto': Arch('convnext_v2:ConvNeXtV2Atto', year=2023, size=224, params=3_708_400, macs=547_332_480),
    'convnextv2_femto': Arch('convnext_v2:ConvNeXtV2Femto', year=2023, size=224, params=5_233_240, macs=779_629_824),
    'convnextv2_pico': Arch('convnext_v2:ConvNeXtV2Pico', year=2023, size=224, params=9_066_280, macs=1_367_055_360),
    'convnextv2_nano': Arch('convnext_v2:ConvNeXtV2Nano', year=2023, size=224, params=15_623_800, macs=2_445_528_320),
    'convnextv2_tiny': Arch('convnext_v2:ConvNeXtV2Tiny', year=2023, size=224, params=28_635_496, macs=4_455_531_264),
    'convnextv2_base': Arch('convnext_v2:ConvNeXtV2Base', year=2023, size=224, params=88_717_800, macs=15_354_729_472),
}
# fmt: on


def get(name: str) -> Arch:
    """The facts about the architecture `name`, or about the network outside the registry that it names (see `own`).

    Raises UserError with the nearest names if it is unknown.
    """
    if own.is_own(name):
        return Arch(**own.facts(name), params=None, macs=None)
    if name.endswith('.py'):
        raise UserError(f'unknown architecture {name!r}; name the network in that file too: {name}:MyNet')
    if name not in ARCHS:
        raise unknown('architecture', name, ARCHS)
    return ARCHS[name]


def names(family: str | None = None) -> list[str]:
    """All names in registry order, or those of one family. Raises UserError for an unknown family."""
    families = {arch.family for arch in ARCHS.values()}
    if family is not None and family not in families:
        raise unknown('family', family, families)
    return [name for name, arch in ARCHS.items() if family in (None, arch.family)]


def build(name: str, /, **fields: Any) -> Any:
    """Build the Flax module of the architecture `name`, which may be outside the registry, with the given `fields`.

    `num_classes` defaults to the architecture's own. Layers and dtypes can be given by name (`act='elu'`,
    `norm='group'`, `dtype='bfloat16'`). Raises UserError for an unknown architecture, field or layer name, and for a
    value of the wrong type or out of range.
    """
    arch = get(name)
    make = own.find(name).make if own.is_own(name) else _load(arch)
    allowed = _fields(make)
    for field in fields:
        if field not in allowed:
            raise unknown(f'field of {name}', field, allowed)
    values = {field: _value(name, field, allowed[field], value) for field, value in fields.items()}
    with own.guarded(name, 'be built') if own.is_own(name) else contextlib.nullcontext():
        return make(**{'num_classes': arch.num_classes, **values})


def check_runs(name: str, module: Any, image_shape: tuple[int, int, int]) -> None:
    """Raise UserError where a network outside the registry does not run; for those in it, tests see to that."""
    if own.is_own(name):
        own.check_runs(name, module, image_shape)


def label(name: str) -> str:
    """The name of an architecture in a line: of a network outside the registry without its place."""
    return name.rpartition(':')[2]


def line(name: str, params: int, macs: int, **changed: int) -> str:
    """The line of the registry for the network `name`, with its counts at its native size, and facts that `changed`.

    The year is this one where the network's file says none.
    """
    arch = dataclasses.replace(get(name), params=params, macs=macs, **changed)
    facts = {'year': arch.year or datetime.date.today().year, 'size': arch.size}
    counts = {'params': f'{params:_}', 'macs': f'{macs:_}'}
    more = {f: getattr(arch, f) for f in ('channels', 'num_classes') if getattr(arch, f) != getattr(Arch, f)}
    more |= {f: f'{value:_}' for f in ('fused_params', 'fused_macs') if (value := getattr(arch, f)) is not None}
    more |= {'family_name': repr(arch.family_name)} if arch.family_name else {}
    arguments = ', '.join(f'{field}={value}' for field, value in {**facts, **counts, **more}.items())
    return f"'{label(name).lower()}': Arch({arch.target!r}, {arguments}),"


def _load(arch: Arch) -> Callable:
    module, _, attribute = arch.target.partition(':')
    return getattr(importlib.import_module(f'cnn_bench.models.{module}'), attribute)


def _fields(make: Callable) -> dict[str, Any]:
    """The fields of a network, each with its type."""
    cls = make.func if isinstance(make, partial) else make
    kinds = {field.name: field.type for field in dataclasses.fields(cls) if field.name not in ('parent', 'name')}
    if not any(isinstance(kind, str) for kind in kinds.values()):
        return kinds
    try:  # a file with `from __future__ import annotations`
        hints = typing.get_type_hints(cls)
    except Exception:  # a user's annotation may name anything
        hints = {}
    return {name: hints.get(name, Any) if isinstance(kind, str) else kind for name, kind in kinds.items()}


def _value(name: str, field: str, kind: Any, value: Any) -> Any:
    """`value` for a `field` of type `kind` of the architecture `name`, layers looked up by name and types checked."""
    from cnn_bench.models.layers import CHOICES

    if field in CHOICES and isinstance(value, str):
        if value not in CHOICES[field]:
            raise unknown(f'{field} of {name}', value, CHOICES[field])
        return CHOICES[field][value]
    if isinstance(value, list):
        value = tuple(value)
    if kind is not Any and not _is_of(value, kind):
        wanted = getattr(kind, '__name__', str(kind))
        raise UserError(f'{field} of {name} must be of type {wanted}, not {value!r}')
    return value


def _is_of(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool or bool in typing.get_args(kind)
    origin = typing.get_origin(kind)
    plain = origin if isinstance(origin, type) and origin is not types.UnionType else kind  # tuple[int, ...]: tuple
    try:
        return isinstance(value, {float: (int, float)}.get(plain, plain))
    except TypeError:  # Literal['a', 'b']: the network must see for itself
        return True
