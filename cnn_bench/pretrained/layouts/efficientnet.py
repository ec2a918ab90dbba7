"""EfficientNet elsewhere: torchvision, whose form is ours, and Keras Applications, which pads as TensorFlow does.

Keras's network takes pixels and normalises them itself; the numbers that it does this with are the usual ones, so the
arrays that hold them are ignored.
"""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout, Transform

# Shorter side before the crop, as torchvision's weights of each were evaluated.
_RESIZE = {'b0': 256, 'b1': 256, 'b2': 288, 'b3': 320, 'b4': 384}
_SEQUENCE = {'conv': 0, 'norm': 1}
_PLACES = {'expand': 0, 'depthwise': 1, 'se': 2, 'project': 3}
_KERAS = {
    'expand/conv': 'expand_conv',
    'expand/norm': 'expand_bn',
    'depthwise/conv': 'dwconv',
    'depthwise/norm': 'bn',
    'se/reduce': 'se_reduce',
    'se/expand': 'se_expand',
    'project/conv': 'project_conv',
    'project/norm': 'project_bn',
}
_BLOCKS = r'stage(\d)/block(\d+)/(expand|depthwise|se|project)/(\w+)'


def _torchvision(stage: int, block: int, layer: str, part: str) -> str:
    """The first stage expands nothing, so that its other layers stand one place before."""
    place = _PLACES[layer] - (stage == 1)
    leaf = {'reduce': 'fc1', 'expand': 'fc2'}[part] if layer == 'se' else _SEQUENCE[part]
    return f'features.{stage}.{block - 1}.block.{place}.{leaf}'


def _keras(stage: int, block: int, layer: str, part: str) -> str:
    return f'block{stage}{chr(ord("a") + block - 1)}_{_KERAS[f"{layer}/{part}"]}'


def torchvision(arch: str) -> Layout:
    """torchvision's layout; stages are numbered as here, behind the stem."""
    last = registry.build(arch).stages + 1
    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda part: f'features.0.{_SEQUENCE[part]}'),
            (_BLOCKS, _torchvision),
            (r'last/(conv|norm)', lambda part: f'features.{last}.{_SEQUENCE[part]}'),
            (r'head/fc', 'classifier.1'),
        ),
        transform=Transform(resize=_RESIZE[arch.rpartition('_')[2]]),
    )


KERAS = Layout(
    rules=(
        (r'stem/conv', 'stem_conv'),
        (r'stem/norm', 'stem_bn'),
        (_BLOCKS, _keras),
        (r'last/conv', 'top_conv'),
        (r'last/norm', 'top_bn'),
        (r'head/fc', 'predictions'),
    ),
    older=((r'(.*)/depthwise_kernel', r'\1/kernel'),),
    fields={'padding': 'same', 'bn_epsilon': 1e-3},
    ignored=(r'normalization_\d+/(mean|variance|count)',),
)

LAYOUTS = {'torchvision': torchvision, 'keras': KERAS}
