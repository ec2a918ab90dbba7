"""MobileNetV3 elsewhere: torchvision, whose form is ours, timm, and Keras Applications, which pads as TensorFlow does.

Keras's network takes pixels and brings them to -1 to 1 itself. Its published files have the names of Keras 2.
"""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import TENSORFLOW, Layout, Transform
from cnn_bench.pretrained.layouts.timm_names import HALVES, INVERTED, TENSORFLOW_FIELDS, usual

_SEQUENCE = {'conv': 0, 'norm': 1}
_BLOCKS = r'stage(\d)/block(\d)/(expand|depthwise|project)/(conv|norm)'
_KERAS_2 = (
    (r'(expanded_conv.*)/depthwise_kernel', r'\1/kernel'),
    (r'(expanded_conv.*)_BatchNorm/(.*)', r'\1_bn/\2'),
    (r'(expanded_conv.*_squeeze_excite)_Conv(_1)?/(.*)', r'\1_conv\2/\3'),
    (r'Conv(_1)?_BatchNorm/(.*)', r'conv\1_bn/\2'),
    (r'Conv(_[12])?/(.*)', r'conv\1/\2'),
    (r'Logits/(.*)', r'logits/\1'),
)
_GATES = r'stage(\d)/block(\d)/se/(reduce|expand)'


def torchvision(arch: str) -> Layout:
    """torchvision numbers all blocks, the stem and the last convolution in one sequence."""
    stages = registry.build(arch).rows()
    before, last = _positions(stages)

    def block(stage: int, number: int, layer: str, part: str) -> str:
        first, gated = (stage, number) == (1, 1), bool(stages[stage - 1][number - 1].squeezed)
        place = {'expand': 0, 'depthwise': 1, 'project': 2 + gated}[layer] - first
        return f'features.{before[stage - 1] + number}.block.{place}.{_SEQUENCE[part]}'

    def gate(stage: int, number: int, layer: str) -> str:
        place = 2 - ((stage, number) == (1, 1))
        return f'features.{before[stage - 1] + number}.block.{place}.fc{1 if layer == "reduce" else 2}'

    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda part: f'features.0.{_SEQUENCE[part]}'),
            (_BLOCKS, block),
            (_GATES, gate),
            (r'last/(conv|norm)', lambda part: f'features.{last}.{_SEQUENCE[part]}'),
            (r'head/fc1', 'classifier.0'),
            (r'head/fc', 'classifier.3'),
        ),
    )


def timm(arch: str) -> Layout:
    """timm counts the last 1x1 convolution as a stage, and calls the head's hidden layer a convolution."""
    return _timm(arch, {'bn_epsilon': 1e-5}, usual(arch))


def timm_tf(arch: str) -> Layout:
    """The networks whose weights timm took over from TensorFlow."""
    return _timm(arch, TENSORFLOW_FIELDS, usual(arch, interpolation='bilinear', **HALVES))


def _timm(arch: str, fields: dict, transform: Transform) -> Layout:
    last = f'blocks.{registry.build(arch).stages}.0'
    rules = ((r'last/conv', f'{last}.conv'), (r'last/norm', f'{last}.bn1'), (r'head/fc1', 'conv_head'), *INVERTED)
    return Layout(rules=rules, fields=fields, transform=transform)


def keras(arch: str) -> Layout:
    """Keras numbers all blocks in one sequence, the first without a number."""
    before, _ = _positions(registry.build(arch).rows())

    def prefix(stage: int, number: int) -> str:
        count = before[stage - 1] + number - 1
        return f'expanded_conv_{count}' if count else 'expanded_conv'

    def block(stage: int, number: int, layer: str, part: str) -> str:
        return f'{prefix(stage, number)}_{layer}{"_bn" if part == "norm" else ""}'

    def gate(stage: int, number: int, layer: str) -> str:
        return f'{prefix(stage, number)}_squeeze_excite_conv{"_1" if layer == "expand" else ""}'

    return Layout(
        rules=(
            (r'stem/conv', 'conv'),
            (r'stem/norm', 'conv_bn'),
            (_BLOCKS, block),
            (_GATES, gate),
            (r'last/conv', 'conv_1'),
            (r'last/norm', 'conv_1_bn'),
            (r'head/fc1', 'conv_2'),
            (r'head/fc', 'logits'),
        ),
        older=_KERAS_2,
        fields={'padding': 'same'},
        transform=TENSORFLOW,
    )


def _positions(stages: tuple) -> tuple[list[int], int]:
    """How many blocks stand before each stage, and the place of what stands behind them all."""
    depths = [len(rows) for rows in stages]
    return [sum(depths[:stage]) for stage in range(len(depths))], sum(depths) + 1


LAYOUTS = {'torchvision': torchvision, 'timm': timm, 'timm_tf': timm_tf, 'keras': keras}
