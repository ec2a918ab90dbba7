"""GhostNet elsewhere: timm, whose form is ours and whose names are the authors'."""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import INVERTED, usual

_MODULE = {'primary': 'primary_conv', 'cheap': 'cheap_operation'}
_SEQUENCE = {'conv': 0, 'norm': 1}
_FILTER = {'conv': 'conv_dw', 'norm': 'bn_dw'}
_SHORTCUT = {'shortcut_depthwise': 0, 'shortcut': 2}


def timm(arch: str) -> Layout:
    """A strided block is a stage of its own in timm, and so are the blocks up to the next one."""
    places, last = _places(registry.build(arch).rows())

    def module(stage: int, block: int, number: int, half: str, part: str) -> str:
        return f'{places[stage, block]}.ghost{number}.{_MODULE[half]}.{_SEQUENCE[part]}'

    def shortcut(stage: int, block: int, layer: str, part: str) -> str:
        return f'{places[stage, block]}.shortcut.{_SHORTCUT[layer] + _SEQUENCE[part]}'

    return Layout(
        rules=(
            (r'stage(\d)/block(\d)/ghost(\d)/(primary|cheap)/(conv|norm)', module),
            (r'stage(\d)/block(\d)/depthwise/(conv|norm)', lambda s, b, part: f'{places[s, b]}.{_FILTER[part]}'),
            (r'stage(\d)/block(\d)/se/(\w+)', lambda s, b, layer: f'{places[s, b]}.se.conv_{layer}'),
            (r'stage(\d)/block(\d)/(shortcut\w*)/(conv|norm)', shortcut),
            (r'last/conv', f'blocks.{last}.0.conv'),
            (r'last/norm', f'blocks.{last}.0.bn1'),
            (r'head/fc1', 'conv_head'),
            *INVERTED,
        ),
        transform=usual(arch),
    )


def _places(stages: tuple) -> tuple[dict[tuple[int, int], str], int]:
    """timm's name of each of our (stage, block), and the number of what follows them."""
    places, group, place, before = {}, 0, -1, 1
    for stage, rows in enumerate(stages, 1):
        for block, row in enumerate(rows, 1):
            starts = row.stride > 1 or before > 1
            group, place, before = group + starts, 0 if starts else place + 1, row.stride
            places[stage, block] = f'blocks.{group}.{place}'
    return places, group + 1


LAYOUTS = {'timm': timm}
