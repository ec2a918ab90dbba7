"""Which networks of PyTorch's libraries the importer is tested on, and the weights that they are given."""

import re
import zlib

import numpy as np

from cnn_bench.models import registry

EVERY = 20  # of the logits, one is recorded
PACKAGED_SIZE = 224  # of the images for EfficientNet-Lite0 with its real weights
# Gates of ResNets: the map grows from block to block, and a gate with He's variance would be so steep that rounding
# errors grow as well (in PyTorch, 45 % of SENet-154's logits between float32 and float64; 3e-6 with this factor).
GATE, GATE_FACTOR = re.compile(r'layer\d\.\d+\.se\.fc2\.weight'), np.float32(0.005)

# Library and the network's name there -> our name, and the side of the images for which logits are recorded (None: only
# names and shapes are, as another network has the same structure).
NETWORKS = {
    'torchvision/alexnet': ('alexnet_owt', 224),
    'torchvision/vgg11': ('vgg11', None),
    'torchvision/vgg13': ('vgg13', None),
    'torchvision/vgg16': ('vgg16', None),
    'torchvision/vgg19': ('vgg19', None),
    'torchvision/vgg11_bn': ('vgg11_bn', 224),
    'torchvision/vgg13_bn': ('vgg13_bn', None),
    'torchvision/vgg16_bn': ('vgg16_bn', None),
    'torchvision/vgg19_bn': ('vgg19_bn', None),
    'torchvision/googlenet': ('googlenet_bn', 64),
    'torchvision/inception_v3': ('inception_v3', 111),
    'torchvision/resnet18': ('resnet18', 64),
    'torchvision/resnet34': ('resnet34', None),
    'torchvision/resnet50': ('resnet50', 64),
    'torchvision/resnet101': ('resnet101', None),
    'torchvision/resnet152': ('resnet152', None),
    'torchvision/resnext50_32x4d': ('resnext50_32x4d', 64),
    'torchvision/resnext101_32x8d': ('resnext101_32x8d', None),
    'torchvision/resnext101_64x4d': ('resnext101_64x4d', None),
    'torchvision/wide_resnet50_2': ('wide_resnet50_2', None),
    'torchvision/wide_resnet101_2': ('wide_resnet101_2', None),
    'torchvision/regnet_x_400mf': ('regnet_x_400mf', 64),
    'torchvision/regnet_x_800mf': ('regnet_x_800mf', None),
    'torchvision/regnet_x_1_6gf': ('regnet_x_1_6gf', None),
    'torchvision/regnet_x_3_2gf': ('regnet_x_3_2gf', None),
    'torchvision/regnet_x_8gf': ('regnet_x_8gf', None),
    'torchvision/regnet_x_16gf': ('regnet_x_16gf', None),
    'torchvision/regnet_x_32gf': ('regnet_x_32gf', None),
    'torchvision/regnet_y_400mf': ('regnet_y_400mf', 64),
    'torchvision/regnet_y_800mf': ('regnet_y_800mf', None),
    'torchvision/regnet_y_1_6gf': ('regnet_y_1_6gf', None),
    'torchvision/regnet_y_3_2gf': ('regnet_y_3_2gf', None),
    'torchvision/regnet_y_8gf': ('regnet_y_8gf', None),
    'torchvision/regnet_y_16gf': ('regnet_y_16gf', None),
    'torchvision/regnet_y_32gf': ('regnet_y_32gf', None),
    'torchvision/densenet121': ('densenet121', 64),
    'torchvision/densenet161': ('densenet161', None),
    'torchvision/densenet169': ('densenet169', None),
    'torchvision/densenet201': ('densenet201', None),
    'torchvision/squeezenet1_0': ('squeezenet1_0', 64),
    'torchvision/squeezenet1_1': ('squeezenet1_1', 64),
    'torchvision/mobilenet_v2': ('mobilenet_v2', 64),
    'torchvision/mobilenet_v3_small': ('mobilenet_v3_small', 64),
    'torchvision/mobilenet_v3_large': ('mobilenet_v3_large', None),
    'torchvision/shufflenet_v2_x0_5': ('shufflenet_v2_x0_5', None),
    'torchvision/shufflenet_v2_x1_0': ('shufflenet_v2_x1_0', 64),
    'torchvision/shufflenet_v2_x1_5': ('shufflenet_v2_x1_5', None),
    'torchvision/shufflenet_v2_x2_0': ('shufflenet_v2_x2_0', None),
    'torchvision/mnasnet0_5': ('mnasnet0_5', None),
    'torchvision/mnasnet0_75': ('mnasnet0_75', None),
    'torchvision/mnasnet1_0': ('mnasnet1_0', 64),
    'torchvision/mnasnet1_3': ('mnasnet1_3', None),
    'torchvision/efficientnet_b0': ('efficientnet_b0', 64),
    'torchvision/efficientnet_b1': ('efficientnet_b1', None),
    'torchvision/efficientnet_b2': ('efficientnet_b2', None),
    'torchvision/efficientnet_b3': ('efficientnet_b3', None),
    'torchvision/efficientnet_b4': ('efficientnet_b4', None),
    'torchvision/efficientnet_b5': ('efficientnet_b5', None),
    'torchvision/efficientnet_b6': ('efficientnet_b6', None),
    'torchvision/efficientnet_b7': ('efficientnet_b7', None),
    'torchvision/efficientnet_v2_s': ('efficientnet_v2_s', 64),
    'torchvision/efficientnet_v2_m': ('efficientnet_v2_m', None),
    'torchvision/efficientnet_v2_l': ('efficientnet_v2_l', None),
    'torchvision/convnext_tiny': ('convnext_tiny', 64),
    'torchvision/convnext_small': ('convnext_small', None),
    'torchvision/convnext_base': ('convnext_base', None),
    'torchvision/convnext_large': ('convnext_large', None),
    'timm/inception_v4': ('inception_v4', 111),
    'timm/inception_resnet_v2': ('inception_resnet_v2', 111),
    'timm/legacy_xception': ('xception', 96),
    'timm/nasnetalarge': ('nasnet_large', 64),
    'timm/pnasnet5large': ('pnasnet5_large', 64),
    'timm/darknet53': ('darknet53', 64),
    'timm/cspdarknet53': ('cspdarknet53', 64),
    'timm/hrnet_w18': ('hrnet_w18', 64),
    'timm/seresnet50': ('seresnet50', 64),
    'timm/seresnet101': ('seresnet101', None),
    'timm/seresnet152': ('seresnet152', None),
    'timm/seresnext50_32x4d': ('seresnext50_32x4d', None),
    'timm/senet154': ('senet154', 64),
    'timm/dpn68': ('dpn68', 64),
    'timm/res2net50_26w_4s': ('res2net50_26w_4s', 64),
    'timm/resnetrs50': ('resnetrs50', 64),
    'timm/resnet26': ('resnet26', None),
    'timm/resnet50d': ('resnet50d', 64),
    'timm/resnetv2_50': ('resnetv2_50', 64),
    'timm/vgg11': ('vgg11', None),
    'timm/vgg13': ('vgg13', None),
    'timm/vgg16': ('vgg16', None),
    'timm/vgg19': ('vgg19', None),
    'timm/vgg11_bn': ('vgg11_bn', 224),
    'timm/vgg13_bn': ('vgg13_bn', None),
    'timm/vgg16_bn': ('vgg16_bn', None),
    'timm/vgg19_bn': ('vgg19_bn', None),
    'timm/resnet18': ('resnet18', None),
    'timm/resnet34': ('resnet34', None),
    'timm/resnet50': ('resnet50', None),
    'timm/resnet101': ('resnet101', None),
    'timm/resnet152': ('resnet152', None),
    'timm/resnext50_32x4d': ('resnext50_32x4d', None),
    'timm/resnext101_32x8d': ('resnext101_32x8d', None),
    'timm/resnext101_64x4d': ('resnext101_64x4d', None),
    'timm/wide_resnet50_2': ('wide_resnet50_2', None),
    'timm/wide_resnet101_2': ('wide_resnet101_2', None),
    'timm/resnetv2_101': ('resnetv2_101', None),
    'timm/resnetv2_152': ('resnetv2_152', None),
    'timm/regnetx_004': ('regnet_x_400mf', None),
    'timm/regnetx_008': ('regnet_x_800mf', None),
    'timm/regnetx_016': ('regnet_x_1_6gf', None),
    'timm/regnetx_032': ('regnet_x_3_2gf', None),
    'timm/regnetx_080': ('regnet_x_8gf', None),
    'timm/regnetx_160': ('regnet_x_16gf', None),
    'timm/regnetx_320': ('regnet_x_32gf', None),
    'timm/regnety_004': ('regnet_y_400mf', 64),
    'timm/regnety_008': ('regnet_y_800mf', None),
    'timm/regnety_016': ('regnet_y_1_6gf', None),
    'timm/regnety_032': ('regnet_y_3_2gf', None),
    'timm/regnety_080': ('regnet_y_8gf', None),
    'timm/regnety_160': ('regnet_y_16gf', None),
    'timm/regnety_320': ('regnet_y_32gf', None),
    'timm/densenet121': ('densenet121', None),
    'timm/densenet161': ('densenet161', None),
    'timm/densenet169': ('densenet169', None),
    'timm/densenet201': ('densenet201', None),
    'timm/inception_v3': ('inception_v3', 111),
    'timm/mobilenetv1_100': ('mobilenet_v1', 64),
    'timm/mobilenetv2_100': ('mobilenet_v2', 64),
    'timm/mobilenetv2_035': ('mobilenet_v2_x0_35', None),
    'timm/mobilenetv2_050': ('mobilenet_v2_x0_5', None),
    'timm/mobilenetv2_075': ('mobilenet_v2_x0_75', None),
    'timm/mobilenetv2_140': ('mobilenet_v2_x1_4', None),
    'timm/mobilenetv3_small_100': ('mobilenet_v3_small', 64),
    'timm/mobilenetv3_large_100': ('mobilenet_v3_large', None),
    'timm_tf/tf_mobilenetv3_small_100': ('mobilenet_v3_small', 64),
    'timm_tf/tf_mobilenetv3_large_100': ('mobilenet_v3_large', None),
    'timm/mobilenetv4_conv_small': ('mobilenet_v4_conv_small', 64),
    'timm/mobilenetv4_conv_medium': ('mobilenet_v4_conv_medium', 64),
    'timm/mobilenetv4_conv_large': ('mobilenet_v4_conv_large', None),
    'timm/ghostnet_100': ('ghostnet', 64),
    'timm/mnasnet_050': ('mnasnet0_5', None),
    'timm/mnasnet_075': ('mnasnet0_75', None),
    'timm/mnasnet_100': ('mnasnet1_0', 64),
    'timm/efficientnet_b0': ('efficientnet_b0', 96),
    'timm/efficientnet_b1': ('efficientnet_b1', None),
    'timm/efficientnet_b2': ('efficientnet_b2', None),
    'timm/efficientnet_b3': ('efficientnet_b3', None),
    'timm/efficientnet_b4': ('efficientnet_b4', None),
    'timm/efficientnet_b5': ('efficientnet_b5', None),
    'timm/efficientnet_b6': ('efficientnet_b6', None),
    'timm/efficientnet_b7': ('efficientnet_b7', None),
    'timm/efficientnetv2_s': ('efficientnet_v2_s', None),
    'timm/efficientnetv2_m': ('efficientnet_v2_m', None),
    'timm/efficientnetv2_l': ('efficientnet_v2_l', None),
    'timm_tf/tf_efficientnet_b0': ('efficientnet_b0', 128),
    'timm_tf/tf_efficientnet_b1': ('efficientnet_b1', None),
    'timm_tf/tf_efficientnet_b2': ('efficientnet_b2', None),
    'timm_tf/tf_efficientnet_b3': ('efficientnet_b3', None),
    'timm_tf/tf_efficientnet_b4': ('efficientnet_b4', None),
    'timm_tf/tf_efficientnet_b5': ('efficientnet_b5', None),
    'timm_tf/tf_efficientnet_b6': ('efficientnet_b6', None),
    'timm_tf/tf_efficientnet_b7': ('efficientnet_b7', None),
    'timm_tf/tf_efficientnetv2_s': ('efficientnet_v2_s', 64),
    'timm_tf/tf_efficientnetv2_m': ('efficientnet_v2_m', None),
    'timm_tf/tf_efficientnetv2_l': ('efficientnet_v2_l', None),
    'timm/efficientnet_lite0': ('efficientnet_lite0', 64),
    'timm/efficientnet_lite1': ('efficientnet_lite1', None),
    'timm/efficientnet_lite2': ('efficientnet_lite2', None),
    'timm/efficientnet_lite3': ('efficientnet_lite3', None),
    'timm/efficientnet_lite4': ('efficientnet_lite4', None),
    'timm_tf/tf_efficientnet_lite0': ('efficientnet_lite0', None),
    'timm_tf/tf_efficientnet_lite1': ('efficientnet_lite1', None),
    'timm_tf/tf_efficientnet_lite2': ('efficientnet_lite2', None),
    'timm_tf/tf_efficientnet_lite3': ('efficientnet_lite3', None),
    'timm_tf/tf_efficientnet_lite4': ('efficientnet_lite4', None),
    'efficientnet_pytorch/efficientnet-b0': ('efficientnet_b0', None),
    'efficientnet_pytorch/efficientnet-b1': ('efficientnet_b1', None),
    'efficientnet_pytorch/efficientnet-b2': ('efficientnet_b2', None),
    'efficientnet_pytorch/efficientnet-b3': ('efficientnet_b3', None),
    'efficientnet_pytorch/efficientnet-b4': ('efficientnet_b4', None),
    'efficientnet_pytorch/efficientnet-b5': ('efficientnet_b5', None),
    'efficientnet_pytorch/efficientnet-b6': ('efficientnet_b6', None),
    'efficientnet_pytorch/efficientnet-b7': ('efficientnet_b7', None),
    'efficientnet_pytorch/efficientnet-lite0': ('efficientnet_lite0', 64),
    'efficientnet_pytorch/efficientnet-lite1': ('efficientnet_lite1', None),
    'efficientnet_pytorch/efficientnet-lite2': ('efficientnet_lite2', 64),
    'efficientnet_pytorch/efficientnet-lite3': ('efficientnet_lite3', None),
    'efficientnet_pytorch/efficientnet-lite4': ('efficientnet_lite4', None),
    'timm/convnext_tiny': ('convnext_tiny', 64),
    'timm/convnext_small': ('convnext_small', None),
    'timm/convnext_base': ('convnext_base', None),
    'timm/convnext_large': ('convnext_large', None),
    'timm/convnext_atto': ('convnext_atto', None),
    'timm/convnext_femto': ('convnext_femto', None),
    'timm/convnext_pico': ('convnext_pico', None),
    'timm/convnext_nano': ('convnext_nano', None),
    'timm/convnextv2_atto': ('convnextv2_atto', 64),
    'timm/convnextv2_femto': ('convnextv2_femto', None),
    'timm/convnextv2_pico': ('convnextv2_pico', None),
    'timm/convnextv2_nano': ('convnextv2_nano', None),
    'timm/convnextv2_tiny': ('convnextv2_tiny', None),
    'timm/convnextv2_base': ('convnextv2_base', None),
    'timm/dm_nfnet_f0': ('nfnet_f0', 64),
    'timm/repvgg_a0': ('repvgg_a0', 64),
    'timm/repvgg_b1': ('repvgg_b1', None),
    'timm/mobileone_s0': ('mobileone_s0', 64),
    'timm/mobileone_s1': ('mobileone_s1', None),
}

# Networks in which these weights let the activations grow from block to block, until PyTorch's own logits in float32
# and in float64 differ; the scales of their normalisations are less, by this factor.
DAMPED = {'torchvision/efficientnet_v2_s': 0.8, 'timm_tf/tf_efficientnetv2_s': 0.8, 'timm/ghostnet_100': 0.8}


def by_family() -> dict[str, dict[str, int | None]]:
    """The networks of NETWORKS, each with its side of the images, by our family."""
    families = {}
    for key, (arch, size) in NETWORKS.items():
        families.setdefault(registry.get(arch).family, {})[key] = size
    return families


def is_drawn(name: str) -> bool:
    """Whether the array called `name` is a weight or a statistic, not a count of batches."""
    return not name.endswith('num_batches_tracked')


def value(name: str, shape: tuple[int, ...], scale: float = 1) -> np.ndarray:
    """The array called `name`: kernels with He's variance, variances near 1, scales near `scale`, the rest near 0."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
    if GATE.fullmatch(name):
        noise *= GATE_FACTOR
    if name.endswith('running_var'):
        return np.exp(0.1 * noise)
    if len(shape) == 1 and name.endswith('weight'):
        return np.exp(0.1 * noise) * np.float32(scale)
    if len(shape) == 4:
        return noise * np.sqrt(2 / np.prod(shape[1:]), dtype=np.float32)
    return np.asarray(0.1 * noise, np.float32)


def images(size: int) -> np.ndarray:
    """Two images (2, size, size, 3), float32."""
    return np.random.default_rng(1).standard_normal((2, size, size, 3), np.float32)
