"""MobileNet elsewhere: timm and Keras Applications, both with ReLU6; Keras pads as TensorFlow does."""

from cnn_bench.models.mobilenet_v1 import MobileNetV1
from cnn_bench.pretrained.layout import TENSORFLOW, Layout
from cnn_bench.pretrained.layouts.timm_names import HALVES, INVERTED, usual

_LAYERS = {'depthwise': 'dw', 'pointwise': 'pw'}
_BLOCKS = r'stage(\d)/block(\d)/(depthwise|pointwise)/(conv|norm)'
_BEFORE = [sum(MobileNetV1.depths[:stage]) for stage in range(len(MobileNetV1.depths))]


def _layer(stage: int, block: int, layer: str, part: str) -> str:
    """Keras numbers the blocks of all stages in one sequence."""
    return f'conv_{_LAYERS[layer]}_{_BEFORE[stage - 1] + block}{"_bn" if part == "norm" else ""}'


def _timm_layer(stage: int, block: int, layer: str, part: str) -> str:
    name = {'conv': f'conv_{_LAYERS[layer]}', 'norm': f'bn{1 + (layer == "pointwise")}'}[part]
    return f'blocks.{stage - 1}.{block - 1}.{name}'


def timm(arch: str) -> Layout:
    """The names of the other mobile networks, but for the blocks."""
    return Layout(
        rules=((_BLOCKS, _timm_layer), *INVERTED),
        fields={'act': 'relu6'},
        transform=usual(arch, **HALVES),
    )


KERAS = Layout(
    rules=(
        (r'stem/conv', 'conv1'),
        (r'stem/norm', 'conv1_bn'),
        (_BLOCKS, _layer),
        (r'head/fc', 'conv_preds'),
    ),
    older=((r'(.*)/depthwise_kernel', r'\1/kernel'),),
    fields={'act': 'relu6', 'padding': 'same', 'bn_epsilon': 1e-3},
    transform=TENSORFLOW,
)

LAYOUTS = {'timm': timm, 'keras': KERAS}
