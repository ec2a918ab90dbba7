"""VGG elsewhere: torchvision, timm and Keras Applications."""

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import CAFFE, Layout
from cnn_bench.pretrained.layouts.timm_names import usual

CHANNELS = 512  # of the map that is flattened, 7x7


def torchvision(arch: str) -> Layout:
    """torchvision numbers all layers of `features` in one sequence, activations and pools included."""
    depths, per_conv = registry.build(arch).depths, 3 if arch.endswith('_bn') else 2
    pooled_after = [sum(depths[:stage]) for stage in range(len(depths))]

    def position(stage: int, conv: int, layer: str) -> str:
        before = pooled_after[stage - 1] + conv - 1
        return f'features.{before * per_conv + stage - 1 + (layer == "norm")}'

    return Layout(
        rules=(
            (r'stage(\d)/conv(\d)/(conv|norm)', position),
            (r'head/fc1', 'classifier.0'),
            (r'head/fc2', 'classifier.3'),
            (r'head/fc', 'classifier.6'),
        ),
        flattened={'head/fc1': CHANNELS},
        fields={'adaptive_pool': True},
    )


def timm(arch: str) -> Layout:
    """timm's names are torchvision's up to the head, whose hidden layers are convolutions there."""
    return Layout(
        rules=(
            (r'head/(fc[12])', r'pre_logits.\1'),
            (r'head/fc', 'head.fc'),
            *torchvision(arch).rules,
        ),
        transform=usual(arch),
    )


def keras(arch: str) -> Layout | None:
    """Keras Applications has the forms without batch normalisation; images there are BGR, less their mean."""
    if arch not in ('vgg16', 'vgg19'):
        return None
    return Layout(
        rules=(
            (r'stage(\d)/conv(\d)/conv', r'block\1_conv\2'),
            (r'head/(fc[12])', r'\1'),
            (r'head/fc', 'predictions'),
        ),
        bgr=True,
        transform=CAFFE,
    )


LAYOUTS = {'torchvision': torchvision, 'timm': timm, 'keras': keras}
