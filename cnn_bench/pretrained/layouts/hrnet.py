"""HRNet elsewhere: timm's, which has the names of the authors' release."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.resnet import TORCH_RULES
from cnn_bench.pretrained.layouts.timm_names import usual

CROP = 0.95
_NUMBERS = {'conv': 0, 'norm': 1}
_BLOCK = {'conv': 'conv', 'norm': 'bn'}


def _transition(stage: int, branch: int, layer: str) -> str:
    """What makes a new branch is a sequence there, of one convolution."""
    inside = '' if (stage, branch) == (1, 1) else '0.'
    return f'transition{stage}.{branch - 1}.{inside}{_NUMBERS[layer]}'


def _branch(stage: int, module: int, branch: int, block: int, conv: int, layer: str) -> str:
    return f'stage{stage}.{module - 1}.branches.{branch - 1}.{block - 1}.{_BLOCK[layer]}{conv}'


def _fusion(stage: int, module: int, to: int, source: int, conv: int | None, layer: str) -> str:
    inside = '' if conv is None else f'{conv - 1}.'
    return f'stage{stage}.{module - 1}.fuse_layers.{to - 1}.{source - 1}.{inside}{_NUMBERS[layer]}'


def _widen(branch: int, part: str, layer: str) -> str:
    inside = f'downsample.{_NUMBERS[layer]}' if part == 'shortcut' else f'{_BLOCK[layer]}{part[4:]}'
    return f'incre_modules.{branch - 1}.0.{inside}'


def timm(arch: str) -> Layout:
    """The first stage has the names of ResNet's."""
    return Layout(
        rules=(
            (r'stem(\d)/(conv|norm)', lambda number, layer: f'{_BLOCK[layer]}{number}'),
            (r'transition(\d)_(\d)/(conv|norm)', _transition),
            (r'stage(\d)/module(\d)/branch(\d)/block(\d)/conv(\d)/(conv|norm)', _branch),
            (r'stage(\d)/module(\d)/fuse(\d)/from(\d)(?:_conv(\d))?/(conv|norm)', _fusion),
            (r'widen(\d)/(conv\d|shortcut)/(conv|norm)', _widen),
            (r'down(\d)/(conv|norm)', lambda number, layer: f'downsamp_modules.{number - 1}.{_NUMBERS[layer]}'),
            (r'last/(conv|norm)', lambda layer: f'final_layer.{_NUMBERS[layer]}'),
            (r'head/fc', 'classifier'),
            *((rule.replace(r'stage(\d)', 'stage(1)'), _of_stage_1(target)) for rule, target in TORCH_RULES[2:5]),
        ),
        transform=usual(arch, resize=int(224 / CROP), interpolation='bilinear'),
    )


def _of_stage_1(target):
    """A rule of ResNet, where the first stage is our stage 2."""
    return lambda stage, *rest: target(stage + 1, *rest)


LAYOUTS = {'timm': timm}
