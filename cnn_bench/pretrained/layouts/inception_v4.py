"""Inception v4 elsewhere: timm's, whose form is ours."""

from collections.abc import Mapping

from cnn_bench.models import registry
from cnn_bench.models.inception_blocks import named_convolutions
from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import HALVES, usual

LAYERS = {'conv': 'conv', 'norm': 'bn'}
STEM = 3  # convolutions before the first module


def timm_branches(table: Mapping[str, tuple]) -> dict[str, str]:
    """timm's names of a table's convolutions: 'branch_7x7/conv2' -> 'branch1.1', or 'branch1_1a' beside another."""
    names = {}
    for branch, (ours, steps) in enumerate(table.items()):
        forked = any(isinstance(step[0], tuple) for step in steps)
        for position, convolutions in enumerate(named_convolutions(steps)):
            for conv, _ in convolutions:
                place = f'_{position}{conv.lstrip("conv0123456789")}' if forked else f'.{position}'
                names[f'{ours}/{conv}'] = f'branch{branch}{place if len(steps) > 1 else ""}'
    return names


def timm(arch: str) -> Layout:
    """timm numbers the modules in one sequence."""
    plan = registry.build(arch).plan()
    modules = {name: f'features.{STEM + number}' for number, name in enumerate(list(plan)[1:])}
    tables = {name: timm_branches(plan[name]) for name in modules}

    def name(module: str, path: str, layer: str) -> str:
        inside = 'conv' if module in ('stem_a', 'stem_c') else tables[module][path]
        return f'{modules[module]}.{inside}.{LAYERS[layer]}'

    return Layout(
        rules=(
            (r'stem/conv(\d)/(conv|norm)', lambda number, layer: f'features.{number - 1}.{LAYERS[layer]}'),
            (r'head/fc', 'last_linear'),
            (r'(\w+)/(\w+/\w+)/(conv|norm)', name),
        ),
        transform=usual(arch, **HALVES),
    )


LAYOUTS = {'timm': timm}
