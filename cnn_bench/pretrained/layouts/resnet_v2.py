"""ResNet with pre-activation elsewhere: timm's, whose form is ours, and Keras Applications', three fields apart."""

from cnn_bench.pretrained.layout import TENSORFLOW, Layout
from cnn_bench.pretrained.layouts.resnet import KERAS_EPSILON, OLDER_HEAD
from cnn_bench.pretrained.layouts.timm_names import HALVES, like


def _timm(rest: str):
    return lambda stage, block, *number: f'stages.{stage - 2}.blocks.{block - 1}.{rest.format(*number)}'


_TIMM = Layout(
    rules=(
        (r'stem/conv', 'stem.conv'),
        (r'stage(\d)/block(\d+)/norm', _timm('norm1')),
        (r'stage(\d)/block(\d+)/conv1/norm', _timm('norm2')),
        (r'stage(\d)/block(\d+)/conv2/norm', _timm('norm3')),
        (r'stage(\d)/block(\d+)/conv(\d)/conv', _timm('conv{}')),
        (r'stage(\d)/block(\d+)/shortcut/conv', _timm('downsample.conv')),
        (r'norm', 'norm'),
        (r'head/fc', 'head.fc'),
    ),
)
KERAS = Layout(
    rules=(
        (r'stem/conv', 'conv1_conv'),
        (r'stage(\d)/block(\d+)/norm', r'conv\1_block\2_preact_bn'),
        (r'stage(\d)/block(\d+)/conv(\d)/conv', r'conv\1_block\2_\3_conv'),
        (r'stage(\d)/block(\d+)/conv(\d)/norm', r'conv\1_block\2_\3_bn'),
        (r'stage(\d)/block(\d+)/shortcut/conv', r'conv\1_block\2_0_conv'),
        (r'norm', 'post_bn'),
        (r'head/fc', 'predictions'),
    ),
    older=OLDER_HEAD,
    fields={'stride_last': True, 'biased': True, 'zero_pad': True, 'bn_epsilon': KERAS_EPSILON},
    transform=TENSORFLOW,
)
LAYOUTS = {'timm': like(_TIMM, **HALVES), 'keras': KERAS}
