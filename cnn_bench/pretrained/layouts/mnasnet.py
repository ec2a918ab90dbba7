"""MnasNet elsewhere: torchvision, which numbers activations too, and timm."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import inverted

_PLACES = {'expand': 0, 'depthwise': 3, 'project': 6}
_STEM_AND_FIRST_STAGE = 8  # layers of the sequence before the second stage


def _layer(stage: int, block: int, layer: str, part: str) -> str:
    """The first stage stands in the outermost sequence, behind the stem's three layers, without an expansion."""
    place = _PLACES[layer] + (part == 'norm')
    if stage == 1:
        return f'layers.{place}'
    return f'layers.{_STEM_AND_FIRST_STAGE + stage - 2}.{block - 1}.layers.{place}'


TORCHVISION = Layout(
    rules=(
        (r'stem/conv', 'layers.0'),
        (r'stem/norm', 'layers.1'),
        (r'stage(\d)/block(\d)/(expand|depthwise|project)/(conv|norm)', _layer),
        (r'last/conv', 'layers.14'),
        (r'last/norm', 'layers.15'),
        (r'head/fc', 'classifier.1'),
    ),
)

_TIMM = inverted({})


def timm(arch: str) -> Layout | None:
    """timm's layout, which has no width of 1.3."""
    return None if arch == 'mnasnet1_3' else _TIMM(arch)


LAYOUTS = {'torchvision': TORCHVISION, 'timm': timm}
