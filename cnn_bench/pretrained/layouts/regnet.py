"""RegNet elsewhere: torchvision and timm. Three of torchvision's networks have other channels than the paper's."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import usual

_LETTERS = {1: 'a', 2: 'b', 3: 'c'}
_SEQUENCE = {'conv': 0, 'norm': 1}
_TIMM = {'conv': 'conv', 'norm': 'bn'}
_GATE = {'reduce': 'fc1', 'expand': 'fc2'}
# Where a stage's channels are half-way between two multiples of the group width, or would lose more than a tenth,
# torchvision rounds them up.
_MAPS = {
    'regnet_x_400mf': (32, 64, 160, 400),
    'regnet_y_800mf': (64, 144, 320, 784),
    'regnet_y_8gf': (224, 448, 896, 2016),
}


def torchvision(arch: str) -> Layout:
    """torchvision numbers the blocks of a stage from 0, and names the convolutions of a block a, b and c."""

    def block(stage: int, number: int) -> str:
        return f'trunk_output.block{stage}.block{stage}-{number - 1}'

    def gate(stage: int, number: int, layer: str) -> str:
        return f'{block(stage, number)}.f.se.{_GATE[layer]}'

    def layer(stage: int, number: int, conv: int, part: str) -> str:
        return f'{block(stage, number)}.f.{_LETTERS[conv]}.{_SEQUENCE[part]}'

    def shortcut(stage: int, number: int, part: str) -> str:
        return f'{block(stage, number)}.proj.{_SEQUENCE[part]}'

    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda part: f'stem.{_SEQUENCE[part]}'),
            (r'stage(\d)/block(\d+)/conv(\d)/(conv|norm)', layer),
            (r'stage(\d)/block(\d+)/se/(reduce|expand)', gate),
            (r'stage(\d)/block(\d+)/shortcut/(conv|norm)', shortcut),
            (r'head/fc', 'fc'),
        ),
        fields={'maps': _MAPS[arch]} if arch in _MAPS else {},
    )


def timm(arch: str) -> Layout:
    """timm numbers stages and blocks from 1, as here."""
    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda part: f'stem.{_TIMM[part]}'),
            (
                r'stage(\d)/block(\d+)/conv(\d)/(conv|norm)',
                lambda s, b, conv, part: f's{s}.b{b}.conv{conv}.{_TIMM[part]}',
            ),
            (r'stage(\d)/block(\d+)/se/(reduce|expand)', lambda s, b, layer: f's{s}.b{b}.se.{_GATE[layer]}'),
            (r'stage(\d)/block(\d+)/shortcut/(conv|norm)', lambda s, b, part: f's{s}.b{b}.downsample.{_TIMM[part]}'),
            (r'head/fc', 'head.fc'),
        ),
        transform=usual(arch),
    )


LAYOUTS = {'torchvision': torchvision, 'timm': timm}
