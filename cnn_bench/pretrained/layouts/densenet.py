"""DenseNet elsewhere: torchvision's and timm's, and Keras Applications', which has no `densenet161`."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.resnet import KERAS_EPSILON, OLDER_HEAD
from cnn_bench.pretrained.layouts.timm_names import like


def _torch(rest: str):
    return lambda stage, layer: f'features.denseblock{stage - 1}.denselayer{layer}.{rest}'


TORCHVISION = Layout(
    rules=(
        (r'stem/(conv|norm)', r'features.\g<1>0'),
        (r'stage(\d)/layer(\d+)/norm', _torch('norm1')),
        (r'stage(\d)/layer(\d+)/conv1/conv', _torch('conv1')),
        (r'stage(\d)/layer(\d+)/conv1/norm', _torch('norm2')),
        (r'stage(\d)/layer(\d+)/conv2/conv', _torch('conv2')),
        (r'transition(\d)/norm', lambda stage: f'features.transition{stage - 1}.norm'),
        (r'transition(\d)/reduce/conv', lambda stage: f'features.transition{stage - 1}.conv'),
        (r'norm', 'features.norm5'),
        (r'head/fc', 'classifier'),
    ),
    older=((r'(.*denselayer\d+\.(?:norm|conv))\.(\d\..*)', r'\1\2'),),  # in the files that torchvision publishes
)
KERAS = Layout(
    rules=(
        (r'stem/conv', 'conv1_conv'),
        (r'stem/norm', 'conv1_bn'),
        (r'stage(\d)/layer(\d+)/norm', r'conv\1_block\2_0_bn'),
        (r'stage(\d)/layer(\d+)/conv(\d)/conv', r'conv\1_block\2_\3_conv'),
        (r'stage(\d)/layer(\d+)/conv1/norm', r'conv\1_block\2_1_bn'),
        (r'transition(\d)/norm', r'pool\1_bn'),
        (r'transition(\d)/reduce/conv', r'pool\1_conv'),
        (r'norm', 'bn'),
        (r'head/fc', 'predictions'),
    ),
    fields={'bn_epsilon': KERAS_EPSILON},
    older=OLDER_HEAD,
)


def keras(arch: str) -> Layout | None:
    """The layout of all but `densenet161`."""
    return None if arch == 'densenet161' else KERAS


LAYOUTS = {'torchvision': TORCHVISION, 'timm': like(TORCHVISION), 'keras': keras}
