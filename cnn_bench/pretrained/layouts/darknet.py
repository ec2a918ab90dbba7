"""DarkNet elsewhere: timm's, with another slope of leaky ReLU."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import usual

_LAYERS = {'conv': 'conv', 'norm': 'bn'}
_CONVOLUTIONS = {'down': 'conv_down', 'split': 'conv_exp', 'after': 'conv_transition_b', 'merge': 'conv_transition'}
CROP = 0.887


def _convolution(stage: int, name: str, layer: str) -> str:
    return f'stages.{stage - 1}.{_CONVOLUTIONS[name]}.{_LAYERS[layer]}'


def _block(stage: int, block: int, conv: int, layer: str) -> str:
    return f'stages.{stage - 1}.blocks.{block - 1}.conv{conv}.{_LAYERS[layer]}'


def timm(arch: str) -> Layout:
    """timm's recipes differ in the interpolation."""
    interpolation = {'darknet53': 'bicubic', 'cspdarknet53': 'bilinear'}[arch]
    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda layer: f'stem.conv1.{_LAYERS[layer]}'),
            (r'stage(\d)/(down|split|after|merge)/(conv|norm)', _convolution),
            (r'stage(\d)/blocks/block(\d)/conv(\d)/(conv|norm)', _block),
            (r'head/fc', 'head.fc'),
        ),
        fields={'act': 'leaky_relu_0.01'},
        transform=usual(arch, resize=int(256 / CROP), interpolation=interpolation),
    )


LAYOUTS = {'timm': timm}
