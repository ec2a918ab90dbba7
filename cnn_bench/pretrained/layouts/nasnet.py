"""NASNet and PNASNet elsewhere: timm's large ones."""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import HALVES, usual

CROP = 0.911
_LAYERS = {'conv': 'conv', 'norm': 'bn'}
_ADAPTED = {'last': 'conv_1x1', 'previous': 'conv_prev_1x1'}


def _cells(arch: str) -> dict[str, str]:
    """timm's names of our cells: those of the stem apart, and of NASNet the reductions too; the rest in a sequence."""
    plan = registry.build(arch).plan()
    stem, rest = plan[:2], plan[2:]
    theirs = {cell.name: f'cell_stem_{number}' for number, cell in enumerate(stem)}
    apart = [cell.name for cell in rest if cell.reduces and arch == 'nasnet_large']
    theirs |= {name: f'reduction_cell_{number}' for number, name in enumerate(apart)}
    return theirs | {
        name: f'cell_{number}' for number, name in enumerate(cell.name for cell in rest if cell.name not in apart)
    }


def timm(arch: str) -> Layout | None:
    """timm has no mobile network."""
    if arch == 'nasnet_mobile':
        return None
    cells, of_nasnet = _cells(arch), arch == 'nasnet_large'

    def adapted(cell: str, source: str, layer: str) -> str:
        return f'{cells[cell]}.{_ADAPTED[source]}.{_LAYERS[layer]}'

    def halving(cell: str, layer: str) -> str:
        inside = 'final_path_bn' if layer == 'norm' else f'path_{layer[4]}.conv'
        return f'{cells[cell]}.{"" if of_nasnet else "conv_prev_1x1."}{inside}'

    def separable(cell: str, pair: int, side: str, conv: int, layer: str) -> str:
        inside = f'bn_sep_{conv}' if layer == 'norm' else f'separable_{conv}.{layer[5:]}_conv2d'
        return f'{cells[cell]}.comb_iter_{pair - 1}_{side}.{inside}'

    def projection(cell: str, pair: int, side: str, layer: str) -> str:
        return f'{cells[cell]}.comb_iter_{pair - 1}_{side}.{_LAYERS[layer]}'

    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda layer: f'{"conv0" if of_nasnet else "conv_0"}.{_LAYERS[layer]}'),
            (r'(\w+)/adapt_(last|previous)/(conv|norm)', adapted),
            (r'(\w+)/halve_previous/(path\d/conv|norm)', halving),
            (r'(\w+)/pair(\d)_(left|right)/conv(\d)/(conv/depthwise|conv/pointwise|norm)', separable),
            (r'(\w+)/pair(\d)_(left|right)/project/(conv|norm)', projection),
            (r'head/fc', 'last_linear'),
        ),
        transform=usual(arch, resize=int(331 / CROP), **HALVES),
    )


LAYOUTS = {'timm': timm}
