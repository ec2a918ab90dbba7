"""GoogLeNet elsewhere: torchvision's is the form with batch normalisation.

Its ImageNet weights were made with Inception's preprocessing, and torchvision's network rescales images to it where
`transform_input` is set, as it is for them. The table of published weights says so. The auxiliary heads are left out:
they vanish in evaluation, and pool otherwise than ours.
"""

from cnn_bench.pretrained.layout import Layout

_BRANCHES = {
    '1x1': 'branch1',
    '3x3_reduce': 'branch2.0',
    '3x3': 'branch2.1',
    '5x5_reduce': 'branch3.0',
    '5x5': 'branch3.1',
    'pool': 'branch4.1',
}
_LAYERS = {'conv': 'conv', 'norm': 'bn'}

_BATCH_NORM = Layout(
    rules=(
        (r'conv1/(conv|norm)', lambda layer: f'conv1.{_LAYERS[layer]}'),
        (r'conv2_reduce/(conv|norm)', lambda layer: f'conv2.{_LAYERS[layer]}'),
        (r'conv2/(conv|norm)', lambda layer: f'conv3.{_LAYERS[layer]}'),
        (
            r'inception_(\d[a-e])/branch_(\w+)/(conv|norm)',
            lambda module, branch, layer: f'inception{module}.{_BRANCHES[branch]}.{_LAYERS[layer]}',
        ),
        (r'head/fc', 'fc'),
    ),
    ignored=(r'aux[12]\..*',),
)


def torchvision(arch: str) -> Layout | None:
    """The layout of `googlenet_bn`, which torchvision calls googlenet."""
    return _BATCH_NORM if arch == 'googlenet_bn' else None


LAYOUTS = {'torchvision': torchvision}
