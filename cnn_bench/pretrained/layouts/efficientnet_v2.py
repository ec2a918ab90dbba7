"""EfficientNetV2 elsewhere: torchvision, whose form is ours, and timm, whose `tf_...` pads as TensorFlow does."""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.timm_names import TENSORFLOW_FIELDS, fused, inverted

_SEQUENCE = {'conv': 0, 'norm': 1}
_FUSED = {'fused': 0, 'project': 1}
_PLACES = {'expand': 0, 'depthwise': 1, 'project': 3}
_FUSED_STAGES, _GATED_STAGES = r'stage([1-3])', r'stage([4-7])'
_ALONE = (1,)  # stages of fused blocks that are one convolution


def _block(places: dict[str, int]):
    def name(stage: int, block: int, layer: str, part: str) -> str:
        return f'features.{stage}.{block - 1}.block.{places[layer]}.{_SEQUENCE[part]}'

    return name


def _gate(stage: int, block: int, layer: str) -> str:
    return f'features.{stage}.{block - 1}.block.2.fc{1 if layer == "reduce" else 2}'


def torchvision(arch: str) -> Layout:
    """torchvision numbers the stages as here, behind the stem."""
    last = registry.build(arch).stages + 1
    return Layout(
        rules=(
            (r'stem/(conv|norm)', lambda part: f'features.0.{_SEQUENCE[part]}'),
            (rf'{_FUSED_STAGES}/block(\d+)/(fused|project)/(conv|norm)', _block(_FUSED)),
            (rf'{_GATED_STAGES}/block(\d+)/(expand|depthwise|project)/(conv|norm)', _block(_PLACES)),
            (rf'{_GATED_STAGES}/block(\d+)/se/(reduce|expand)', _gate),
            (r'last/(conv|norm)', lambda part: f'features.{last}.{_SEQUENCE[part]}'),
            (r'head/fc', 'classifier.1'),
        ),
    )


_RULES = fused(_FUSED_STAGES, _ALONE)
LAYOUTS = {
    'torchvision': torchvision,
    'timm': inverted({'bn_epsilon': 1e-5}, _RULES),
    'timm_tf': inverted(TENSORFLOW_FIELDS, _RULES),
}
