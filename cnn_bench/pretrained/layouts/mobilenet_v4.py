"""MobileNetV4 elsewhere: timm, whose form is ours."""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import INVERTED, fused, usual

_PLACES = {'start': 'dw_start', 'expand': 'pw_exp', 'depthwise': 'dw_mid', 'project': 'pw_proj'}
_PARTS = {'conv': 'conv', 'norm': 'bn'}


def _block(stage: int, block: int, layer: str, part: str) -> str:
    return f'blocks.{stage - 1}.{block - 1}.{_PLACES[layer]}.{_PARTS[part]}'


def timm(arch: str) -> Layout:
    """timm counts the last 1x1 convolution as a stage; the head's is its `conv_head`."""
    stages = registry.build(arch).rows()
    numbers = [number for number, rows in enumerate(stages, 1) if rows[0].fused]
    alone = tuple(number for number in numbers if not stages[number - 1][0].skips)
    last = f'blocks.{len(stages)}.0'
    return Layout(
        rules=(
            *fused(f'stage([{"".join(map(str, numbers))}])', alone),
            (r'stage(\d)/block(\d+)/(start|expand|depthwise|project)/(conv|norm)', _block),
            (r'last/conv', f'{last}.conv'),
            (r'last/norm', f'{last}.bn1'),
            (r'head/conv/conv', 'conv_head'),
            (r'head/conv/norm', 'norm_head'),
            *INVERTED,
        ),
        transform=usual(arch),
    )


LAYOUTS = {'timm': timm}
