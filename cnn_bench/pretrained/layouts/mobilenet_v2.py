"""MobileNetV2 elsewhere: torchvision and timm, whose form is ours, and Keras's, padded as in TensorFlow.

torchvision has the one width, timm and Keras have them all.
"""

from cnn_bench.models.mobilenet_v2 import MobileNetV2
from cnn_bench.pretrained.layout import TENSORFLOW, Layout
from cnn_bench.pretrained.layouts.timm_names import inverted

_BEFORE = [sum(MobileNetV2.depths[:stage]) for stage in range(len(MobileNetV2.depths))]
_LAST = sum(MobileNetV2.depths) + 1
_SEQUENCE = {'conv': 0, 'norm': 1}
_PLACES = {'expand': 0, 'depthwise': 1, 'project': 2}  # in a block of torchvision
_BN = {'conv': '', 'norm': '_BN'}


def _torchvision(stage: int, block: int, layer: str, part: str) -> str:
    """The first block expands nothing, so that its other layers stand one place before."""
    place = _PLACES[layer] - (stage == 1)
    position = f'{place + (part == "norm")}' if layer == 'project' else f'{place}.{_SEQUENCE[part]}'
    return f'features.{_BEFORE[stage - 1] + block}.conv.{position}'


def _keras(stage: int, block: int, layer: str, part: str) -> str:
    number = _BEFORE[stage - 1] + block - 1
    return f'{f"block_{number}" if number else "expanded_conv"}_{layer}{_BN[part]}'


_BLOCKS = r'stage(\d)/block(\d)/(expand|depthwise|project)/(conv|norm)'

TORCHVISION = Layout(
    rules=(
        (r'stem/(conv|norm)', lambda part: f'features.0.{_SEQUENCE[part]}'),
        (_BLOCKS, _torchvision),
        (r'last/(conv|norm)', lambda part: f'features.{_LAST}.{_SEQUENCE[part]}'),
        (r'head/fc', 'classifier.1'),
    ),
)

KERAS = Layout(
    rules=(
        (r'stem/conv', 'Conv1'),
        (r'stem/norm', 'bn_Conv1'),
        (_BLOCKS, _keras),
        (r'last/conv', 'Conv_1'),
        (r'last/norm', 'Conv_1_bn'),
        (r'head/fc', 'predictions'),
    ),
    older=((r'Logits/(.*)', r'predictions/\1'), (r'(.*)/depthwise_kernel', r'\1/kernel')),
    fields={'padding': 'same', 'bn_epsilon': 1e-3},
    transform=TENSORFLOW,
)


def torchvision(arch: str) -> Layout | None:
    """torchvision has no other width than 1."""
    return TORCHVISION if arch == 'mobilenet_v2' else None


LAYOUTS = {'torchvision': torchvision, 'timm': inverted({}), 'keras': KERAS}
