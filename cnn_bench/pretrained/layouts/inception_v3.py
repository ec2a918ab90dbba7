"""Inception v3 elsewhere: torchvision's and timm's, whose mean pools take in the padding, and Keras's.

torchvision's weights were made with Inception's preprocessing, and its network rescales images to it where
`transform_input` is set, as it is for them. The table of published weights says so. Keras's normalisations have no
scale.
"""

from cnn_bench.models import registry
from cnn_bench.models.inception_blocks import convolution_paths
from cnn_bench.pretrained.layout import TENSORFLOW, Layout, Rule
from cnn_bench.pretrained.layouts.timm_names import HALVES, like

_STEM = ('', '1a_3x3', '2a_3x3', '2b_3x3', '3b_1x1', '4a_3x3')
_BRANCHES = {
    '1x1': 'branch1x1',
    '3x3': 'branch3x3',
    '3x3_double': 'branch3x3dbl',
    '5x5': 'branch5x5',
    '7x7': 'branch7x7',
    '7x7_double': 'branch7x7dbl',
    '7x7_3x3': 'branch7x7x3',
    'pool': 'branch_pool',
}
_ALONE = ('branch1x1', 'branch_pool')  # not numbered
_LAYERS = {'conv': 'conv', 'norm': 'bn'}


def _module(kind: str, letter: str, number: int | None) -> str:
    """'inception', 'b', 1 -> 'Mixed_6b'. The reductions come first at their size; the largest map begins at 5b."""
    size = ord(letter) - ord('a') + (6 if kind == 'reduction' else 5)
    return f'Mixed_{size}{"a" if kind == "reduction" else chr(ord("a") + number)}'


def _torch(kind: str, letter: str, number: int | None, branch: str, conv: str, layer: str) -> str:
    branch = _BRANCHES[branch]
    alone = branch in _ALONE or (kind, letter, branch) == ('reduction', 'a', 'branch3x3')
    return f'{_module(kind, letter, number)}.{branch}{"" if alone else f"_{conv}"}.{_LAYERS[layer]}'


TORCHVISION = Layout(
    rules=(
        (r'stem/conv(\d)/(conv|norm)', lambda number, layer: f'Conv2d_{_STEM[number]}.{_LAYERS[layer]}'),
        (r'(inception|reduction)_([abc])(\d)?/branch_(\w+)/conv(\w+)/(conv|norm)', _torch),
        (r'aux/conv(\d)/(conv|norm)', lambda number, layer: f'AuxLogits.conv{number - 1}.{_LAYERS[layer]}'),
        (r'aux/fc', 'AuxLogits.fc'),
        (r'head/fc', 'fc'),
    ),
    fields={'pads_counted': True},
    ignored=(r'AuxLogits\..*',),
)


def numbered_by_keras(arch: str) -> Rule:
    """The rule for layers that Keras numbers by itself: in the order of the network's tables, from 0."""
    plan = registry.build(arch).plan()
    paths = [path for name, part in plan.items() for path in convolution_paths(part, name)]
    number = {path: position for position, path in enumerate(paths)}
    kinds = {'conv': 'conv2d', 'norm': 'batch_normalization'}
    return r'(.+)/(conv|norm)', lambda path, layer: f'{kinds[layer]}_{number[path]}'


def keras(arch: str) -> Layout:
    """Keras names the dense layer only."""
    rules = ((r'head/fc', 'predictions'), numbered_by_keras(arch))
    return Layout(rules=rules, unscaled=True, transform=TENSORFLOW)


LAYOUTS = {
    'torchvision': TORCHVISION,
    'timm': like(TORCHVISION, **HALVES),
    'keras': keras,
}
