"""Inception-ResNet v2 elsewhere: timm's and Keras Applications', whose normalisations have no scale."""

from cnn_bench.models import registry
from cnn_bench.models.inception_blocks import Residual
from cnn_bench.pretrained.layout import TENSORFLOW, Layout
from cnn_bench.pretrained.layouts.inception_v3 import numbered_by_keras
from cnn_bench.pretrained.layouts.inception_v4 import LAYERS, timm_branches
from cnn_bench.pretrained.layouts.timm_names import HALVES, usual

_STEM = ('', '1a', '2a', '2b', '3b', '4a')
_REPEATS = {'a': 'repeat', 'b': 'repeat_1', 'c': 'repeat_2'}
_MODULES = {'mixed': 'mixed_5b', 'reduction_a': 'mixed_6a', 'reduction_b': 'mixed_7a'}
_SIZES = {'a': 35, 'b': 17, 'c': 8}


def timm(arch: str) -> Layout:
    """timm's last residual module has a name of its own."""
    plan = registry.build(arch).plan()
    last = f'block_c{registry.build(arch).depths[-1]}'
    tables = {
        name: timm_branches(part.table if isinstance(part, Residual) else part)
        for name, part in plan.items()
        if not isinstance(part, tuple) or isinstance(part, Residual)
    }

    def module(name: str) -> str:
        if name == last:
            return 'block8'
        return _MODULES.get(name) or f'{_REPEATS[name[6]]}.{int(name[7:]) - 1}'

    return Layout(
        rules=(
            (r'stem/conv(\d)/(conv|norm)', lambda number, layer: f'conv2d_{_STEM[number]}.{LAYERS[layer]}'),
            (r'last/conv1/(conv|norm)', lambda layer: f'conv2d_7b.{LAYERS[layer]}'),
            (r'(block_[abc]\d+)/project/conv', lambda name: f'{module(name)}.conv2d'),
            (r'head/fc', 'classif'),
            (
                r'(\w+)/(\w+/\w+)/(conv|norm)',
                lambda name, path, layer: f'{module(name)}.{tables[name][path]}.{LAYERS[layer]}',
            ),
        ),
        transform=usual(arch, **HALVES),
    )


def keras(arch: str) -> Layout:
    """Keras names the projections of the residual modules, the last convolution and the dense layer."""
    return Layout(
        rules=(
            (r'block_([abc])(\d+)/project/conv', lambda kind, number: f'block{_SIZES[kind]}_{number}_conv'),
            (r'last/conv1/conv', 'conv_7b'),
            (r'last/conv1/norm', 'conv_7b_bn'),
            (r'head/fc', 'predictions'),
            numbered_by_keras(arch),
        ),
        unscaled=True,
        transform=TENSORFLOW,
    )


LAYOUTS = {'timm': timm, 'keras': keras}
