"""ResNet elsewhere. Keras Applications has version 1 with biases in its convolutions, on BGR images less their mean."""

from cnn_bench.pretrained.layout import CAFFE, Layout, Rule
from cnn_bench.pretrained.layouts.timm_names import like

KERAS_NETWORKS = ('resnet50', 'resnet50_v1', 'resnet101', 'resnet152')
KERAS_EPSILON = 1.001e-5
OLDER_HEAD = ((r'(?:probs|fc1000)/(.*)', r'predictions/\1'),)


def _shortcut(stage: int, block: int, layer: str) -> str:
    return f'layer{stage - 1}.{block - 1}.downsample.{int(layer == "norm")}'


# torchvision's names, which its ResNeXt and Wide ResNet and timm's SE-ResNet and Res2Net share.
TORCH_RULES: tuple[Rule, ...] = (
    (r'stem/conv', 'conv1'),
    (r'stem/norm', 'bn1'),
    (r'stage(\d)/block(\d+)/conv(\d)/conv', lambda s, b, conv: f'layer{s - 1}.{b - 1}.conv{conv}'),
    (r'stage(\d)/block(\d+)/conv(\d)/norm', lambda s, b, conv: f'layer{s - 1}.{b - 1}.bn{conv}'),
    (r'stage(\d)/block(\d+)/shortcut/(conv|norm)', _shortcut),
    (r'head/fc', 'fc'),
)
TORCHVISION = Layout(rules=TORCH_RULES)
# timm's names in a deep stem: convolutions, normalisations and activations counted through, the last norm by itself.
DEEP_STEM: tuple[Rule, ...] = (
    (r'stem/conv3/norm', 'bn1'),
    (r'stem/conv(\d)/(conv|norm)', lambda conv, layer: f'conv1.{3 * (conv - 1) + (layer == "norm")}'),
)
# A pooling comes before the convolution.
POOLED: tuple[Rule, ...] = (
    (
        r'stage(\d)/block(\d+)/shortcut/(conv|norm)',
        lambda s, b, layer: f'layer{s - 1}.{b - 1}.downsample.{1 + (layer == "norm")}',
    ),
)
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
    """torchvision has version 1.5 only, and neither `resnet26` nor ResNet-D."""
    return None if arch in ('resnet50_v1', 'resnet26', 'resnet50d') else TORCHVISION


def timm(arch: str) -> Layout | None:
    """timm has version 1.5 only, under torchvision's names."""
    if arch == 'resnet50d':
        return Layout(rules=(*DEEP_STEM, *POOLED, *TORCH_RULES))
    return None if arch == 'resnet50_v1' else TORCHVISION


def keras(arch: str) -> Layout | None:
    """Keras Applications has the networks of bottlenecks; under its weights any of them is a version 1."""
    return KERAS if arch in KERAS_NETWORKS else None


# What timm offers under torchvision's names was trained with many preprocessings.
LAYOUTS = {'torchvision': torchvision, 'timm': like(timm), 'keras': keras}
