import pytest

from cnn_bench.analysis import published
from cnn_bench.analysis.lineage import LINEAGES, OTHER, lineage, of_family
from cnn_bench.models import registry
from cnn_bench.report.charts import style

BY_HAND = {
    'lenet5': 'LeNet', 'lenet5_1998': 'LeNet', 'alexnet': 'AlexNet', 'alexnet_bn': 'AlexNet', 'vgg16': 'VGG',
    'vgg19_bn': 'VGG', 'nin': 'Inception', 'googlenet': 'Inception', 'inception_v4': 'Inception',
    'inception_resnet_v2': 'Inception', 'xception': 'Inception', 'resnet50': 'ResNet', 'resnext50_32x4d': 'ResNet',
    'wide_resnet50_2': 'ResNet', 'plain56': 'ResNet', 'densenet161': 'dense', 'squeezenet1_1': 'mobile',
    'mobilenet_v3_small': 'mobile', 'efficientnet_lite4': 'mobile', 'convnext_base': 'ConvNeXt',
    'convnextv2_atto': 'ConvNeXt', 'repvgg_a0': 'VGG', 'mobileone_s0': 'mobile', 'nfnet_f0': 'ResNet',
    'nasnet_large': 'Inception', 'hrnet_w18': 'ResNet', 'darknet53': 'ResNet',
}  # fmt: skip


@pytest.mark.parametrize(('arch', 'expected'), BY_HAND.items())
def test_some_by_hand(arch, expected):
    assert lineage(arch) == expected


def test_every_network_of_the_registry_has_one_of_eight():
    assert len(LINEAGES) == 8
    assert {lineage(name) for name, arch in registry.ARCHS.items() if arch.task == 'classification'} == set(LINEAGES)
    assert {lineage(arch) for arch in published.rows().arch} <= set(LINEAGES)


def test_a_network_of_ones_own():
    assert lineage('no/such/file.py:MyNet') == OTHER
    assert lineage('no/such/file.py:MyNet', 'mynets') == of_family('mynets') == 'mynets'
    assert lineage('no/such/file.py:MyNet', 'resnext') == 'ResNet'


def test_colour_tells_the_lineage_and_shape_the_family():
    families = {arch.family for arch in registry.ARCHS.values() if arch.task == 'classification'}
    looks = style.looks(families)
    assert len(set(looks.values())) == len(families) > 20
    assert len({colour for colour, _ in looks.values()}) == 8
    for one, (colour, _) in looks.items():
        assert {other for other in families if looks[other][0] == colour} == {
            other for other in families if of_family(other) == of_family(one)
        }
    few = style.looks(['resnet', 'vgg', 'mine'])
    assert few['resnet'] == looks['resnet']  # the same in every chart
    assert few['mine'][0] not in {few['resnet'][0], few['vgg'][0]}


def test_families_of_one_lineage_alone_differ_in_colour():
    assert len({colour for colour, _ in style.looks(['resnet', 'resnext', 'seresnet']).values()}) == 3
