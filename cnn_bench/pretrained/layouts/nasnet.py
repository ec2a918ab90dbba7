"""NASNet and PNASNet elsewhere: timm's large networks, and Keras Applications' NASNets.

Zeros of the padding count in strided mean poolings of both libraries' NASNets, and in Keras's strided max poolings.
"""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import TENSORFLOW, Layout
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
        fields={'zero_pad': ('mean',)} if of_nasnet else {},
        transform=usual(arch, resize=int(331 / CROP), **HALVES),
    )


def _blocks(arch: str) -> dict[str, tuple[str, str]]:
    """The kind and Keras's name of our cells: normal ones are numbered from 0, without 4 (of a mobile network)."""
    blocks, normal = {}, 0
    for name, reduces, _ in registry.build(arch).plan():
        if reduces:
            blocks[name] = 'reduction', f'reduce_{normal}' if normal else f'stem_{len(blocks) + 1}'
        else:
            blocks[name] = 'normal', f'{normal + (name[:6] != "stage3")}'
            normal += 1
    return blocks


def keras(arch: str) -> Layout | None:
    """Keras names every layer after its cell."""
    if arch == 'pnasnet5_large':
        return None
    blocks = _blocks(arch)

    def adapted(cell: str, layer: str) -> str:
        kind, number = blocks[cell]
        return f'{kind}_{"bn" if layer == "norm" else "conv"}_1_{number}'

    def adjusted(cell: str, layer: str) -> str:
        name = {'norm': 'bn', 'conv': 'conv_projection', 'path1/conv': 'conv_1', 'path2/conv': 'conv_2'}[layer]
        return f'adjust_{name}_{blocks[cell][1]}'

    def separable(cell: str, pair: int, side: str, conv: int, layer: str) -> str:
        kind, number = blocks[cell]
        pair = 4 if (kind, pair) == ('reduction', 5) else pair  # which has the name of the mean pooling before it
        name = f'{kind}_{side}{pair}_{number}'
        if layer == 'norm':
            return f'separable_conv_{conv}_bn_{name}'
        return f'separable_conv_{conv}_{name}/{layer[5:]}_kernel'

    return Layout(
        rules=(
            (r'stem/conv', 'stem_conv1'),
            (r'stem/norm', 'stem_bn1'),
            (r'(\w+)/adapt_last/(conv|norm)', adapted),
            (r'(\w+)/(?:adapt|halve)_previous/(path\d/conv|conv|norm)', adjusted),
            (r'(\w+)/pair(\d)_(left|right)/conv(\d)/(conv/depthwise|conv/pointwise|norm)', separable),
            (r'head/fc', 'predictions'),
        ),
        fields={'zero_pad': ('max', 'mean')},
        transform=TENSORFLOW,
    )


LAYOUTS = {'timm': timm, 'keras': keras}
