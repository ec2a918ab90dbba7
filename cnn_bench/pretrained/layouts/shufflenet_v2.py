"""ShuffleNetV2 elsewhere: torchvision, whose form is ours."""

from cnn_bench.pretrained.layout import Layout

# Within a block: the branch, and the places of the convolution and its normalisation in it.
_PLACES = {
    'shortcut_depthwise': ('branch1', 0, 1),
    'shortcut': ('branch1', 2, 3),
    'conv1': ('branch2', 0, 1),
    'depthwise': ('branch2', 3, 4),
    'conv2': ('branch2', 5, 6),
}
_SEQUENCE = {'conv': 0, 'norm': 1}


def _layer(stage: int, block: int, layer: str, part: str) -> str:
    branch, *places = _PLACES[layer]
    return f'stage{stage}.{block - 1}.{branch}.{places[_SEQUENCE[part]]}'


TORCHVISION = Layout(
    rules=(
        (r'(conv[15])/(conv|norm)', lambda unit, part: f'{unit}.{_SEQUENCE[part]}'),
        (r'stage(\d)/block(\d)/(\w+)/(conv|norm)', _layer),
        (r'head/fc', 'fc'),
    ),
)

LAYOUTS = {'torchvision': TORCHVISION}
