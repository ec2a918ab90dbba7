"""Networks of Keras Applications on which the importer is tested, and the weights and images that they are given."""

import zlib

import numpy as np

EVERY = 20  # of the logits, one is recorded

# Our name -> Keras's, and the side of the images: the smallest that shows every padding (odd sides and even ones).
NETWORKS = {
    'vgg16': ('VGG16', 32),
    'vgg19': ('VGG19', 32),
    'resnet50': ('ResNet50', 64),
    'resnet101': ('ResNet101', 32),
    'resnet152': ('ResNet152', 32),
    'resnetv2_50': ('ResNet50V2', 64),
    'resnetv2_101': ('ResNet101V2', 32),
    'resnetv2_152': ('ResNet152V2', 32),
    'inception_v3': ('InceptionV3', 75),
    'inception_resnet_v2': ('InceptionResNetV2', 75),
    'xception': ('Xception', 75),
    'nasnet_mobile': ('NASNetMobile', 32),
    'densenet121': ('DenseNet121', 64),
    'densenet169': ('DenseNet169', 32),
    'densenet201': ('DenseNet201', 32),
    'mobilenet_v1': ('MobileNet', 64),
    'mobilenet_v2': ('MobileNetV2', 64),
    'mobilenet_v3_small': ('MobileNetV3Small', 64),
    'mobilenet_v3_large': ('MobileNetV3Large', 64),
    'efficientnet_b0': ('EfficientNetB0', 64),
    'convnext_tiny': ('ConvNeXtTiny', 64),
}


def value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The array called `name`: kernels with He's variance, scales and variances near 1, the rest near 0."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
    match name.rpartition('/')[2]:
        case 'gamma' | 'moving_variance':
            return np.exp(0.1 * noise)
        case 'kernel' | 'depthwise_kernel' | 'pointwise_kernel':
            depthwise = len(shape) == 4 and shape[3] == 1
            return noise * np.sqrt(2 / np.prod(shape[: 2 if depthwise else -1]), dtype=np.float32)
        case 'mean' | 'count':  # EfficientNet's own normalisation of its input, which the importer leaves out
            return np.zeros(shape, np.float32)
        case 'variance':
            return np.ones(shape, np.float32)
        case _:
            return 0.1 * noise


def images(size: int) -> np.ndarray:
    """Two images (2, size, size, 3), float32, channels as Keras has them."""
    return np.random.default_rng(1).uniform(-4, 4, (2, size, size, 3)).astype(np.float32)
