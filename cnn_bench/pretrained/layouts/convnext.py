"""ConvNeXt elsewhere: torchvision, timm and Keras Applications.

Keras's network takes pixels and normalises them itself, with numbers that are no weights.
"""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import usual

PAPER = ('convnext_tiny', 'convnext_small', 'convnext_base', 'convnext_large')
_FIRST_STAGE = 2
_TORCH_PLACES = {'depthwise/conv': 0, 'depthwise/norm': 2, 'expand/conv': 3, 'project/conv': 5}
_TIMM_NAMES = {
    'depthwise/conv': 'conv_dw',
    'depthwise/norm': 'norm',
    'expand/conv': 'mlp.fc1',
    'project/conv': 'mlp.fc2',
}
_KERAS_NAMES = {
    'depthwise/conv': 'depthwise_conv',
    'depthwise/norm': 'layernorm',
    'expand/conv': 'pointwise_conv_1',
    'project/conv': 'pointwise_conv_2',
}
# Arrays of the stem and the downsampling layers by the name of their sequence, and scales without a name.
_KERAS_2 = (
    (r'(.*_layer_scale)/[Vv]ariable(?:_\d+)?', r'\1/gamma'),
    (r'(.*_stem)/(kernel|bias)', r'\1_conv/\2'),
    (r'(.*_stem)/(gamma|beta)', r'\1_layernorm/\2'),
    (r'(.*_downsampling)_block_(\d)/(kernel|bias)', r'\1_conv_\2/\3'),
    (r'(.*_downsampling)_block_(\d)/(gamma|beta)', r'\1_layernorm_\2/\3'),
)
_BLOCKS = r'stage(\d)/block(\d+)/(\w+/(?:conv|norm))'
_SCALES = r'stage(\d)/block(\d+)/layer_scale/gamma'


def torchvision(arch: str) -> Layout | None:
    """In torchvision's sequence the stem and the downsampling layers stand before each stage. It has the paper's."""
    if arch not in PAPER:
        return None

    def block(stage: int, number: int, layer: str) -> str:
        return f'features.{2 * (stage - _FIRST_STAGE) + 1}.{number - 1}.block.{_TORCH_PLACES[layer]}'

    def scale(stage: int, number: int) -> str:
        return f'features.{2 * (stage - _FIRST_STAGE) + 1}.{number - 1}.layer_scale'

    return Layout(
        rules=(
            (r'stem/conv', 'features.0.0'),
            (r'stem/norm', 'features.0.1'),
            (r'downsample(\d)/norm', lambda stage: f'features.{2 * (stage - _FIRST_STAGE)}.0'),
            (r'downsample(\d)/conv/conv', lambda stage: f'features.{2 * (stage - _FIRST_STAGE)}.1'),
            (_BLOCKS, block),
            (_SCALES, scale),
            (r'head/norm', 'classifier.0'),
            (r'head/fc', 'classifier.2'),
        ),
    )


def timm(arch: str) -> Layout:
    """timm numbers stages and blocks from 0; its 1x1 convolutions are dense layers."""

    def block(stage: int, number: int, layer: str) -> str:
        return f'stages.{stage - _FIRST_STAGE}.blocks.{number - 1}.{_TIMM_NAMES[layer]}'

    def scale(stage: int, number: int) -> str:
        return f'stages.{stage - _FIRST_STAGE}.blocks.{number - 1}.gamma'

    return Layout(
        rules=(
            (r'stem/conv', 'stem.0'),
            (r'stem/norm', 'stem.1'),
            (r'downsample(\d)/norm', lambda stage: f'stages.{stage - _FIRST_STAGE}.downsample.0'),
            (r'downsample(\d)/conv/conv', lambda stage: f'stages.{stage - _FIRST_STAGE}.downsample.1'),
            (_BLOCKS, block),
            (_SCALES, scale),
            (r'head/(norm|fc)', r'head.\1'),
        ),
        transform=usual(arch),
    )


def keras(arch: str) -> Layout | None:
    """Keras's names begin with the architecture's; its stages and blocks are numbered from 0. It has the paper's."""
    if arch not in PAPER:
        return None

    def block(stage: int, number: int, layer: str) -> str:
        return f'{arch}_stage_{stage - _FIRST_STAGE}_block_{number - 1}_{_KERAS_NAMES[layer]}'

    def scale(stage: int, number: int) -> str:
        return f'{arch}_stage_{stage - _FIRST_STAGE}_block_{number - 1}_layer_scale/gamma'

    return Layout(
        rules=(
            (r'stem/conv', f'{arch}_stem_conv'),
            (r'stem/norm', f'{arch}_stem_layernorm'),
            (r'downsample(\d)/norm', lambda stage: f'{arch}_downsampling_layernorm_{stage - _FIRST_STAGE - 1}'),
            (r'downsample(\d)/conv/conv', lambda stage: f'{arch}_downsampling_conv_{stage - _FIRST_STAGE - 1}'),
            (_BLOCKS, block),
            (_SCALES, scale),
            (r'head/norm', f'{arch}_head_layernorm'),
            (r'head/fc', f'{arch}_head_dense'),
        ),
        older=_KERAS_2,
    )


LAYOUTS = {'torchvision': torchvision, 'timm': timm, 'keras': keras}
