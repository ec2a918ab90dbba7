"""MobileOne in timm, in the form for training."""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import CROP, usual

_LAYERS = {'depthwise': 0, 'pointwise': 1}
_PARTS = {'conv': 'conv', 'norm': 'bn'}
_BLOCKS = r'stage(\d)/block(\d+)/(depthwise|pointwise)'
CROPS = {'mobileone_s1': 0.9}  # of the resized side, where it is not timm's usual


def _unit(stage: int, block: int, layer: str) -> str:
    """timm numbers the layers of all blocks of a stage in one sequence."""
    return f'stages.{stage - 2}.{2 * (block - 1) + _LAYERS[layer]}'


def timm(arch: str) -> Layout:
    """timm's `conv_scale` is the 1x1 convolution beside a larger one."""
    resize = int(registry.get(arch).size / CROPS.get(arch, CROP))
    return Layout(
        rules=(
            (r'stem/conv(\d)/(conv|norm)', lambda number, part: f'stem.conv_kxk.{number - 1}.{_PARTS[part]}'),
            (r'stem/conv_1x1/(conv|norm)', lambda part: f'stem.conv_scale.{_PARTS[part]}'),
            (
                _BLOCKS + r'/conv(\d)/(conv|norm)',
                lambda *at: f'{_unit(*at[:3])}.conv_kxk.{at[3] - 1}.{_PARTS[at[4]]}',
            ),
            (_BLOCKS + r'/conv_1x1/(conv|norm)', lambda *at: f'{_unit(*at[:3])}.conv_scale.{_PARTS[at[3]]}'),
            (_BLOCKS + r'/identity', lambda *at: f'{_unit(*at)}.identity'),
            (r'head/fc', 'head.fc'),
        ),
        transform=usual(arch, resize=resize, interpolation='bilinear'),
    )


LAYOUTS = {'timm': timm}
