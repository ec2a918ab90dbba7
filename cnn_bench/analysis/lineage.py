"""Which networks one colour stands for: eight lineages of families that grew out of one another."""

from cnn_bench.models import registry

OTHER = 'other'
# NIN is where GoogLeNet's paper takes its 1x1 convolutions from; FashionCNN has VGG's plan of pairs of 3x3 and doubled
# filters, and RepVGG is a plain stack of 3x3 once its branches are fused; ENet, as the mobile networks, was made for
# devices with little power. NFNet is a ResNet with gates and groups, but without normalisation; of the two paths of a
# dual path network, the residual one is the wider; DarkNet and HRNet are made of ResNet's blocks. NASNet's cells
# concatenate branches of separable convolutions, as the modules of Inception do and Xception's layers are. RegNet's
# block is ResNet's without the narrow middle; GhostNet has MobileNetV3's table.
FAMILIES = {
    'LeNet': ('lenet',),
    'AlexNet': ('alexnet',),
    'VGG': ('vgg', 'fashion_cnn', 'repvgg'),
    'Inception': ('googlenet', 'nin', 'inception_v3', 'inception_v4', 'inception_resnet_v2', 'xception', 'nasnet'),
    'ResNet': ('resnet', 'resnet_cifar', 'resnet_v2', 'resnext', 'wide_resnet', 'seresnet', 'pyramidnet', 'dpn',
               'res2net', 'resnet_rs', 'nfnet', 'darknet', 'hrnet', 'regnet'),
    'dense': ('densenet',),
    'mobile': ('mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3', 'mobilenet_v4', 'efficientnet', 'efficientnet_v2',
               'enet', 'ghostnet', 'mnasnet', 'shufflenet_v2', 'squeezenet', 'mobileone'),
    'ConvNeXt': ('convnext', 'convnext_v2'),
}  # fmt: skip
LINEAGES = tuple(FAMILIES)
_OF_FAMILY = {family: name for name, families in FAMILIES.items() for family in families}


def lineage(arch: str, family: str = '') -> str:
    """The lineage of the network `arch`: one of LINEAGES for every name of the registry.

    Of a network outside the registry, that of its `family` (as its run recorded it); a family that is not of the
    registry is a lineage of its own, and without a family it is OTHER. No user's file is run.
    """
    known = registry.ARCHS.get(arch)
    return of_family(known.family if known else family)


def of_family(family: str) -> str:
    """The lineage of a family of networks: one of LINEAGES for those of the registry, else the family itself."""
    return _OF_FAMILY.get(family, family) or OTHER
