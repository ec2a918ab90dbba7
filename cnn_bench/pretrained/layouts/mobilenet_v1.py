"""MobileNet elsewhere: Keras Applications, whose network has ReLU6 and pads as TensorFlow does."""

from cnn_bench.models.mobilenet_v1 import MobileNetV1
from cnn_bench.pretrained.layout import TENSORFLOW, Layout

_LAYERS = {'depthwise': 'dw', 'pointwise': 'pw'}
_BEFORE = [sum(MobileNetV1.depths[:stage]) for stage in range(len(MobileNetV1.depths))]


def _layer(stage: int, block: int, layer: str, part: str) -> str:
    """Keras numbers the blocks of all stages in one sequence."""
    return f'conv_{_LAYERS[layer]}_{_BEFORE[stage - 1] + block}{"_bn" if part == "norm" else ""}'


KERAS = Layout(
    rules=(
        (r'stem/conv', 'conv1'),
        (r'stem/norm', 'conv1_bn'),
        (r'stage(\d)/block(\d)/(depthwise|pointwise)/(conv|norm)', _layer),
        (r'head/fc', 'conv_preds'),
    ),
    older=((r'(.*)/depthwise_kernel', r'\1/kernel'),),
    fields={'act': 'relu6', 'padding': 'same', 'bn_epsilon': 1e-3},
    transform=TENSORFLOW,
)

LAYOUTS = {'keras': KERAS}
