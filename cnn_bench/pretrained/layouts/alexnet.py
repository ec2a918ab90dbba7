"""AlexNet elsewhere: torchvision's is the one-tower form."""

from cnn_bench.pretrained.layout import Layout

_POSITIONS = {1: 0, 2: 3, 3: 6, 4: 8, 5: 10}
_CHANNELS = 256  # of the map that is flattened, 6x6

_ONE_TOWER = Layout(
    rules=(
        (r'conv(\d)/conv', lambda conv: f'features.{_POSITIONS[conv]}'),
        (r'head/fc1', 'classifier.1'),
        (r'head/fc2', 'classifier.4'),
        (r'head/fc', 'classifier.6'),
    ),
    flattened={'head/fc1': _CHANNELS},
    fields={'adaptive_pool': True},
)


def torchvision(arch: str) -> Layout | None:
    """The layout of `alexnet_owt`, which torchvision calls alexnet."""
    return _ONE_TOWER if arch == 'alexnet_owt' else None


LAYOUTS = {'torchvision': torchvision}
