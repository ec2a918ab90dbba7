"""ResNet elsewhere. Keras Applications has version 1 with biases in its convolutions, on BGR images less their mean."""

from cnn_bench.pretrained.layout import CAFFE, Layout, Rule
from cnn_bench.pretrained.layouts.timm_names import like

KERAS_NETWORKS = ('resnet50', 'resnet50_v1', 'resnet101', 'resnet152')
KERAS_EPSILON = 1.001e-5
OLDER_HEAD = ((r'(?:probs|fc1000)/(.*)', r'predictions/\1'),)


def _shortcut(stage: int, block: int, layer: str) -> str:
    return f'layer{stage - 1}.{block - 1}.downsample.{int(layer == "norm")}'


# torchvision's names, which its ResNeXt and Wide ResNet and timm's SE-ResNet share.
TORCH_RULES: tuple[Rule, ...] = (
    (r'stem/conv', 'conv1'),
    (r'stem/norm', 'bn1'),
    (r'stage(\d)/block(\d+)/conv(\d)/conv', lambda s, b, conv: f'layer{s - 1}.{b - 1}.conv{conv}'),
    (r'stage(\d)/block(\d+)/conv(\d)/norm', lambda s, b, conv: f'layer{s - 1}.{b - 1}.bn{conv}'),
    (r'stage(\d)/block(\d+)/shortcut/(conv|norm)', _shortcut),
    (r'head/fc', 'fc'),
)
TORCHVISION = Layout(rules=TORCH_RULES)
KERAS = Layout(
    rules=(
        (r'stem/conv', 'conv1_conv'),
        (r'stem/norm', 'conv1_bn'),
        (r'stage(\d)/block(\d+)/conv(\d)/conv', r'conv\1_block\2_\3_conv'),
        (r'stage(\d)/block(\d+)/conv(\d)/norm', r'conv\1_block\2_\3_bn'),
        (r'stage(\d)/block(\d+)/shortcut/conv', r'conv\1_block\2_0_conv'),
        (r'stage(\d)/block(\d+)/shortcut/norm', r'conv\1_block\2_0_bn'),
        (r'head/fc', 'predictions'),
    ),
    older=OLDER_HEAD,
    fields={'stride_first': True, 'bn_epsilon': KERAS_EPSILON},
    bgr=True,
    transform=CAFFE,
)


def torchvision(arch: str) -> Layout | None:
    """torchvision has version 1.5 only."""
    return None if arch == 'resnet50_v1' else TORCHVISION


def keras(arch: str) -> Layout | None:
    """Keras Applications has the networks of bottlenecks; under its weights any of them is a version 1."""
    return KERAS if arch in KERAS_NETWORKS else None


# timm's and torchvision's names are the same; what timm offers under them was trained with many preprocessings.
LAYOUTS = {'torchvision': torchvision, 'timm': like(torchvision), 'keras': keras}
