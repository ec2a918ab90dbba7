"""NFNet in timm, whose `dm_nfnet_f0` has the authors' weights.

For these weights timm resizes whole images to a square, as published sets say; the usual transform here crops.
"""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import usual

ACT_GAIN = 1.7015043497085571  # of GELU, as the authors' code states it
CROP = 0.9  # of the resized side
_LAYERS = {'conv1': 'conv1', 'conv2': 'conv2', 'conv3': 'conv2b', 'conv4': 'conv3', 'shortcut': 'downsample.conv'}
_GATE = {'reduce': 'fc1', 'expand': 'fc2'}


def _block(stage: int, block: int, layer: str) -> str:
    """timm numbers stages and blocks from 0."""
    return f'stages.{stage - 2}.{block - 1}.{layer}'


def timm(arch: str) -> Layout:
    """The gain of a standardised convolution and that of a block are arrays of their own."""
    return Layout(
        rules=(
            (r'stem(\d)/conv', r'stem.conv\1'),
            (r'stem(\d)/conv/gain', r'stem.conv\1.gain'),
            (r'last/conv', 'final_conv'),
            (r'last/conv/gain', 'final_conv.gain'),
            (r'stage(\d)/block(\d)/se/(\w+)', lambda *at: _block(at[0], at[1], f'attn_last.{_GATE[at[2]]}')),
            (r'stage(\d)/block(\d)/(\w+)/conv', lambda *at: _block(at[0], at[1], _LAYERS[at[2]])),
            (r'stage(\d)/block(\d)/(\w+)/conv/gain', lambda *at: _block(at[0], at[1], f'{_LAYERS[at[2]]}.gain')),
            (r'stage(\d)/block(\d)/gain', lambda *at: _block(at[0], at[1], 'skipinit_gain')),
            (r'head/fc', 'head.fc'),
        ),
        fields={'act_gain': ACT_GAIN},
        transform=usual(arch, resize=int(registry.get(arch).size / CROP)),
    )


LAYOUTS = {'timm': timm}
