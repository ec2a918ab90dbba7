"""Which networks of torchvision and timm the importer is tested on, and the weights that they are given."""

import zlib

import numpy as np

EVERY = 20  # of the logits, one is recorded

# Our name -> library, its name there, and the side of the images for which logits are recorded (None: names only).
NETWORKS = {
    'alexnet_owt': ('torchvision', 'alexnet', 224),
    'vgg11': ('torchvision', 'vgg11', None),
    'vgg13': ('torchvision', 'vgg13', None),
    'vgg16': ('torchvision', 'vgg16', None),
    'vgg19': ('torchvision', 'vgg19', None),
    'vgg11_bn': ('torchvision', 'vgg11_bn', 224),
    'vgg13_bn': ('torchvision', 'vgg13_bn', None),
    'vgg16_bn': ('torchvision', 'vgg16_bn', None),
    'vgg19_bn': ('torchvision', 'vgg19_bn', None),
    'googlenet_bn': ('torchvision', 'googlenet', 64),
    'inception_v3': ('torchvision', 'inception_v3', 111),
    'resnet18': ('torchvision', 'resnet18', 64),
    'resnet34': ('torchvision', 'resnet34', None),
    'resnet50': ('torchvision', 'resnet50', 64),
    'resnet101': ('torchvision', 'resnet101', None),
    'resnet152': ('torchvision', 'resnet152', None),
    'resnext50_32x4d': ('torchvision', 'resnext50_32x4d', 64),
    'wide_resnet50_2': ('torchvision', 'wide_resnet50_2', None),
    'densenet121': ('torchvision', 'densenet121', 64),
    'densenet161': ('torchvision', 'densenet161', None),
    'densenet169': ('torchvision', 'densenet169', None),
    'densenet201': ('torchvision', 'densenet201', None),
    'squeezenet1_0': ('torchvision', 'squeezenet1_0', 64),
    'squeezenet1_1': ('torchvision', 'squeezenet1_1', 64),
    'mobilenet_v2': ('torchvision', 'mobilenet_v2', 64),
    'mobilenet_v3_small': ('torchvision', 'mobilenet_v3_small', 64),
    'mobilenet_v3_large': ('torchvision', 'mobilenet_v3_large', None),
    'shufflenet_v2_x1_0': ('torchvision', 'shufflenet_v2_x1_0', 64),
    'mnasnet1_0': ('torchvision', 'mnasnet1_0', 64),
    'efficientnet_b0': ('torchvision', 'efficientnet_b0', 64),
    'efficientnet_b1': ('torchvision', 'efficientnet_b1', None),
    'efficientnet_b2': ('torchvision', 'efficientnet_b2', None),
    'efficientnet_b3': ('torchvision', 'efficientnet_b3', None),
    'efficientnet_b4': ('torchvision', 'efficientnet_b4', None),
    'convnext_tiny': ('torchvision', 'convnext_tiny', 64),
    'convnext_small': ('torchvision', 'convnext_small', None),
    'convnext_base': ('torchvision', 'convnext_base', None),
    'inception_v4': ('timm', 'inception_v4', 111),
    'inception_resnet_v2': ('timm', 'inception_resnet_v2', 111),
    'xception': ('timm', 'legacy_xception', 96),
    'seresnet50': ('timm', 'seresnet50', 64),
    'resnetv2_50': ('timm', 'resnetv2_50', 64),
}


def value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The array called `name`: kernels with He's variance, other weights and variances near 1, the rest near 0."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
    if name.endswith('running_var') or (len(shape) == 1 and name.endswith('weight')):
        return np.exp(0.1 * noise)
    return noise * np.sqrt(2 / np.prod(shape[1:]), dtype=np.float32) if len(shape) == 4 else 0.1 * noise


def images(size: int) -> np.ndarray:
    """Two images (2, size, size, 3), float32."""
    return np.random.default_rng(1).standard_normal((2, size, size, 3), np.float32)
