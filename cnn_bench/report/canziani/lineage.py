"""Which networks one colour stands for: those that grew out of one another, as the paper groups them by authors."""

from cnn_bench.models import registry
from cnn_bench.report.charts.style import COLOURS, INK, Shape

OTHERS = 'others'
_BY_FAMILY = {
    'AlexNet': ('alexnet',),
    'NIN': ('nin',),
    'VGG': ('vgg',),
    'Inception': ('googlenet', 'inception_v3', 'inception_v4', 'inception_resnet_v2', 'xception'),
    'ResNet': ('resnet', 'resnet_v2', 'resnext', 'wide_resnet', 'seresnet', 'resnet_cifar'),
    'ENet': ('enet',),
    'mobile': ('squeezenet', 'mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3', 'mnasnet', 'shufflenet_v2',
               'efficientnet'),
}  # fmt: skip
_LINEAGES = {family: lineage for lineage, families in _BY_FAMILY.items() for family in families}
_SHAPES: tuple[Shape, ...] = ('o', 's', (3, 0, 0), 'D', 'p', 'P', (3, 0, 180), 'X')
# Eight looks at most: the colours of Okabe and Ito without yellow, their black for the eighth, and a shape of each.
LOOKS: dict[str, tuple[str, Shape]] = {
    lineage: (colour, shape)
    for lineage, colour, shape in zip((*_BY_FAMILY, OTHERS), (*COLOURS, INK), _SHAPES, strict=True)
}


def lineage(arch: str) -> str:
    """The lineage of a network, a key of LOOKS."""
    return _LINEAGES.get(registry.get(arch).family, OTHERS) if arch in registry.ARCHS else OTHERS
