"""SqueezeNet elsewhere: torchvision, whose form is ours."""

from itertools import accumulate

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import Layout

_FIRST_FIRE = 2


def torchvision(arch: str) -> Layout:
    """torchvision numbers the first convolution, its activation, fire modules and pools in one sequence."""
    pooled_before = (0, *accumulate(registry.build(arch).depths[:-1]))

    def fire(number: int, layer: str) -> str:
        index = number - _FIRST_FIRE
        pools = sum(index >= position for position in pooled_before)
        return f'features.{2 + index + pools}.{layer.replace("_", "")}'

    return Layout(
        rules=(
            (r'conv1/conv', 'features.0'),
            (r'fire(\d)/(\w+)/conv', fire),
            (r'head/conv10/conv', 'classifier.1'),
        ),
    )


LAYOUTS = {'torchvision': torchvision}
