"""Networks of PyTorch's libraries by our names. Stands alone, so that a Python without cnn_bench can use it.

torchvision's where it has the network, else timm's; two that both lack are built here. Networks of one name that are
not the same (AlexNet in two towers, GoogLeNet without batch norm) have no line.
"""

from collections.abc import Callable
from typing import Any

_OF_THE_SAME_NAME = (
    *('vgg11', 'vgg13', 'vgg16', 'vgg19', 'vgg11_bn', 'vgg13_bn', 'vgg16_bn', 'vgg19_bn', 'inception_v3'),
    *('resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152', 'resnext50_32x4d', 'wide_resnet50_2'),
    *('resnext101_32x8d', 'resnext101_64x4d', 'wide_resnet101_2'),
    *('densenet121', 'densenet161', 'densenet169', 'densenet201', 'squeezenet1_0', 'squeezenet1_1'),
    *('regnet_x_800mf', 'regnet_x_1_6gf', 'regnet_x_3_2gf', 'regnet_x_8gf', 'regnet_x_16gf', 'regnet_x_32gf'),
    *('regnet_y_400mf', 'regnet_y_1_6gf', 'regnet_y_3_2gf', 'regnet_y_16gf', 'regnet_y_32gf'),
    *('mobilenet_v2', 'mobilenet_v3_small', 'mobilenet_v3_large'),
    *('mnasnet0_5', 'mnasnet0_75', 'mnasnet1_0', 'mnasnet1_3'),
    *('shufflenet_v2_x0_5', 'shufflenet_v2_x1_0', 'shufflenet_v2_x1_5', 'shufflenet_v2_x2_0'),
    *(f'efficientnet_b{n}' for n in range(8)),
    *('efficientnet_v2_s', 'efficientnet_v2_m', 'efficientnet_v2_l'),
    *('convnext_tiny', 'convnext_small', 'convnext_base', 'convnext_large'),
)
_OF_TIMM = (
    *('resnet26', 'resnet50d', 'resnetrs50', 'seresnet50', 'seresnet101', 'seresnet152', 'seresnext50_32x4d'),
    *('senet154', 'dpn68', 'res2net50_26w_4s'),
)
NAMES: dict[str, str] = {  # our name -> library and the name there
    **{name: f'torchvision/{name}' for name in _OF_THE_SAME_NAME},
    'alexnet_owt': 'torchvision/alexnet',
    'googlenet_bn': 'torchvision/googlenet',
    'inception_v4': 'timm/inception_v4',
    'inception_resnet_v2': 'timm/inception_resnet_v2',
    'xception': 'timm/legacy_xception',
    **{name: f'timm/{name}' for name in _OF_TIMM},
    'nasnet_large': 'timm/nasnetalarge',
    'pnasnet5_large': 'timm/pnasnet5large',
    'resnetv2_50': 'timm/resnetv2_50',
    'resnetv2_101': 'timm/resnetv2_101',
    'resnetv2_152': 'timm/resnetv2_152',
    'regnet_x_400mf': 'timm/regnetx_004',  # torchvision's of this name and of the next two are wider
    'regnet_y_800mf': 'timm/regnety_008',
    'regnet_y_8gf': 'timm/regnety_080',
    'mobilenet_v1': 'timm/mobilenetv1_100',
    'mobilenet_v2_x0_35': 'timm/mobilenetv2_035',
    'mobilenet_v2_x0_5': 'timm/mobilenetv2_050',
    'mobilenet_v2_x0_75': 'timm/mobilenetv2_075',
    'mobilenet_v2_x1_4': 'timm/mobilenetv2_140',
    **{f'mobilenet_v4_conv_{size}': f'timm/mobilenetv4_conv_{size}' for size in ('small', 'medium', 'large')},
    'ghostnet': 'timm/ghostnet_100',
    **{f'efficientnet_lite{n}': f'timm/efficientnet_lite{n}' for n in range(5)},
    **{name: f'timm/{name}' for name in ('repvgg_a0', 'repvgg_b1', 'mobileone_s0', 'mobileone_s1')},
    'nfnet_f0': 'timm/dm_nfnet_f0',
    **{f'convnext_{name}': f'timm/convnext_{name}' for name in ('atto', 'femto', 'pico', 'nano')},
    **{f'convnextv2_{name}': f'timm/convnextv2_{name}' for name in ('atto', 'femto', 'pico', 'nano', 'tiny', 'base')},
}
WITHOUT_AUXILIARY_HEADS = {'aux_logits': False, 'init_weights': False}
ARGUMENTS = {'torchvision/googlenet': WITHOUT_AUXILIARY_HEADS, 'torchvision/inception_v3': WITHOUT_AUXILIARY_HEADS}


class Unsupported(Exception):
    """PyTorch's libraries, as they are installed, have no such network."""


def build(arch: str, num_classes: int, channels: int, width: float = 1.0) -> Any:
    """A torch.nn.Module with random weights. Raises Unsupported."""
    if arch not in NAMES and arch not in OWN:
        raise Unsupported(f'neither torchvision nor timm has {arch}')
    if width != 1:
        raise Unsupported(f"PyTorch's {arch} has no factor of its width")
    if arch in OWN:
        return OWN[arch](num_classes, channels)
    library, _, name = NAMES[arch].partition('/')
    if channels != 3:
        raise Unsupported(f"PyTorch's {arch} takes images of three channels")
    try:
        return _BUILDERS[library](name, num_classes=num_classes, **ARGUMENTS.get(NAMES[arch], {}))
    except ImportError:
        raise Unsupported(f'{arch} is in {library}, which is not installed beside torch') from None


def fused(model: Any) -> Any:
    """The network with each block's branches as one convolution, where timm's blocks can do that; it is changed."""
    for module in list(model.modules()):
        if hasattr(module, 'reparameterize'):
            module.reparameterize()
    return model


def _torchvision(name: str, **arguments: Any) -> Any:
    import torchvision

    return getattr(torchvision.models, name)(weights=None, **arguments)


def _timm(name: str, **arguments: Any) -> Any:
    import timm

    return timm.create_model(name, pretrained=False, **arguments)


_BUILDERS: dict[str, Callable] = {'torchvision': _torchvision, 'timm': _timm}


def resnet20(num_classes: int, channels: int) -> Any:
    """ResNet-20 for 32x32 images (He et al. 2015, section 4.2).

    A block is two 3x3 convolutions; where it halves the map, its shortcut is subsampled and filled up with zeros.
    """
    import torch.nn.functional as F
    from torch import nn

    class BasicBlock(nn.Module):
        def __init__(self, before: int, maps: int, stride: int):
            super().__init__()
            self.conv1 = nn.Conv2d(before, maps, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(maps)
            self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(maps)
            self.stride, self.added = stride, maps - before

        def forward(self, x):
            y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
            x = x[:, :, :: self.stride, :: self.stride]
            return F.relu(y + F.pad(x, (0, 0, 0, 0, self.added // 2, self.added - self.added // 2)))

    blocks = [BasicBlock(16, 16, 1) for _ in range(3)]
    for before, maps in ((16, 32), (32, 64)):
        blocks += [BasicBlock(before, maps, 2), BasicBlock(maps, maps, 1), BasicBlock(maps, maps, 1)]
    stem = (nn.Conv2d(channels, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes))


def fashion_cnn(num_classes: int, channels: int) -> Any:
    """Five convolutions and three dense layers, for 28x28 images (Géron 2019, chapter 14)."""
    from torch import nn

    sizes = ((channels, 64, 7), (64, 128, 3), (128, 128, 3), (128, 256, 3), (256, 256, 3))
    convolutions = [(nn.Conv2d(a, b, taps, 1, taps // 2), nn.ReLU()) for a, b, taps in sizes]
    pool = nn.MaxPool2d(2)
    rounds = (*convolutions[0], pool, *convolutions[1], *convolutions[2], pool, *convolutions[3], *convolutions[4])
    hidden = (nn.Linear(2304, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.5))
    return nn.Sequential(*rounds, pool, nn.Flatten(), *hidden, nn.Linear(64, num_classes))


OWN = {'resnet20': resnet20, 'fashion_cnn': fashion_cnn}
