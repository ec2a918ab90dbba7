"""Xception elsewhere: Keras Applications, whose form is ours, and timm's `legacy_xception`."""

from cnn_bench.pretrained.layout import TENSORFLOW, Layout
from cnn_bench.pretrained.layouts.timm_names import HALVES, like

_SHORTCUTS = {2: 0, 3: 1, 4: 2, 13: 3}  # Keras numbers their layers by itself
_SEPARABLE = {'depthwise': 'conv1', 'pointwise': 'pointwise'}

KERAS = Layout(
    rules=(
        (r'(block\d+_(?:sep)?conv\d)/conv/(depthwise|pointwise)', r'\1/\2_kernel'),
        (r'(block\d+)/(sepconv\d)/conv/(depthwise|pointwise)', r'\1_\2/\3_kernel'),
        (r'(block\d+_(?:sep)?conv\d)/conv', r'\1'),
        (r'(block\d+_(?:sep)?conv\d)/norm', r'\1_bn'),
        (r'(block\d+)/(sepconv\d)/norm', r'\1_\2_bn'),
        (r'block(\d+)/shortcut/conv', lambda block: f'conv2d_{_SHORTCUTS[block]}'),
        (r'block(\d+)/shortcut/norm', lambda block: f'batch_normalization_{_SHORTCUTS[block]}'),
        (r'head/fc', 'predictions'),
    ),
    transform=TENSORFLOW,
)


def _place(block: int, conv: int) -> int:
    """Where a separable convolution stands in timm's sequence of a block: block 1 there has no activation before it."""
    return 3 * (conv - 1) + (block != 2)


def _timm_unit(block: int, conv: int, layer: str) -> str:
    place = _place(block, conv)
    if layer == 'norm':
        return f'block{block - 1}.rep.{place + 1}'
    return f'block{block - 1}.rep.{place}.{_SEPARABLE[layer.removeprefix("conv/")]}'


def _timm_last(conv: int, layer: str) -> str:
    return f'bn{conv + 2}' if layer == 'norm' else f'conv{conv + 2}.{_SEPARABLE[layer.removeprefix("conv/")]}'


_TIMM = Layout(
    rules=(
        (r'block1_conv(\d)/conv', r'conv\1'),
        (r'block1_conv(\d)/norm', r'bn\1'),
        (r'block(\d+)/sepconv(\d)/(conv/depthwise|conv/pointwise|norm)', _timm_unit),
        (r'block(\d+)/shortcut/conv', lambda block: f'block{block - 1}.skip'),
        (r'block(\d+)/shortcut/norm', lambda block: f'block{block - 1}.skipbn'),
        (r'block14_sepconv(\d)/(conv/depthwise|conv/pointwise|norm)', _timm_last),
        (r'head/fc', 'fc'),
    ),
    fields={'bn_epsilon': 1e-5, 'padding': 'half'},
)

LAYOUTS = {'keras': KERAS, 'timm': like(_TIMM, **HALVES)}
