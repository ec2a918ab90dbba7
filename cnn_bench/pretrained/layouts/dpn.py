"""Dual path networks elsewhere: timm's, whose weights are the authors'."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import like

# The authors' images: less 124, 117 and 104, times 0.0167.
TRANSFORM = {'mean': (124 / 255, 117 / 255, 104 / 255), 'std': (1 / (0.0167 * 255),) * 3}
CONVOLUTIONS = {1: 'c1x1_a', 2: 'c3x3_b', 3: 'c1x1_c'}


def _conv(stage: int, block: int, number: int) -> str:
    return f'features.conv{stage}_{block}.{CONVOLUTIONS[number]}.conv'


def _norm_before(stage: int, block: int, number: int | None = None) -> str:
    """The name of the norm behind our convolution `number`, which timm has in the next one; of the first without."""
    return f'features.conv{stage}_{block}.{CONVOLUTIONS[1 + (number or 0)]}.bn'


def _shortcut(layer: str):
    return lambda stage, block: f'features.conv{stage}_{block}.c1x1_w_s{1 if stage == 2 else 2}.{layer}'


_TIMM = Layout(
    rules=(
        (r'stem/conv', 'features.conv1_1.conv'),
        (r'stem/norm', 'features.conv1_1.bn'),
        (r'stage(\d)/block(\d+)/norm', _norm_before),
        (r'stage(\d)/block(\d+)/conv(\d)/norm', _norm_before),
        (r'stage(\d)/block(\d+)/conv(\d)/conv', _conv),
        (r'stage(\d)/block(\d+)/shortcut_norm', _shortcut('bn')),
        (r'stage(\d)/block(\d+)/shortcut/conv', _shortcut('conv')),
        (r'norm', 'features.conv5_bn_ac.bn'),
        (r'head/fc', 'classifier'),
    ),
)
LAYOUTS = {'timm': like(_TIMM, **TRANSFORM)}
