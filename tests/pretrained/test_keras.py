"""Weights of Keras Applications: names and shapes of every network that we import, and its logits.

Both were recorded by record_keras.py from Keras itself, with weights that NumPy draws by name.
"""

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from keras_networks import EVERY, NETWORKS, images, value
from zoo import array_shapes, quick_jit

from cnn_bench.pretrained import convert as converting
from cnn_bench.pretrained.convert import build, convert
from cnn_bench.pretrained.layout import layout_of

# The same structure with more blocks, or a network whose logits are compared with those of PyTorch's libraries, or one
# of many cells: here names and shapes are tested, and logits by `make test-slow`.
SLOW = ('vgg19', 'resnet101', 'resnet152', 'resnetv2_101', 'resnetv2_152', 'densenet169', 'densenet201')
SLOW += ('inception_v3', 'inception_resnet_v2', 'densenet121', 'mobilenet_v3_large', 'efficientnet_b0', 'convnext_tiny')
SLOW += ('nasnet_mobile',)


@cache
def recorded() -> dict:
    """{our name: {'shapes': {their name: shape}, 'logits': (2, 50)}}."""
    with gzip.open(Path(__file__).with_name('keras_recorded.json.gz'), 'rt') as file:
        return json.load(file)['networks']


@pytest.fixture(autouse=True)
def traced_once(monkeypatch):
    """What is traced of a network is traced once for all tests."""
    monkeypatch.setattr(converting, 'array_shapes', array_shapes)


@pytest.mark.parametrize('arch', NETWORKS)
def test_every_name_and_shape_is_known(arch):
    shapes = recorded()[arch]['shapes']
    size = NETWORKS[arch][1]
    arrays = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    convert(arch, arrays, 'keras', (size, size, 3))


@pytest.mark.parametrize(
    'arch',
    [pytest.param(arch, marks=pytest.mark.slow) if arch in SLOW else arch for arch in NETWORKS],
)
def test_logits_are_those_of_keras(arch):
    size = NETWORKS[arch][1]
    arrays = {name: value(name, tuple(shape)) for name, shape in recorded()[arch]['shapes'].items()}
    variables = convert(arch, arrays, 'keras', (size, size, 3))
    pixels = images(size)[..., ::-1] if layout_of(arch, 'keras').bgr else images(size)
    logits = np.asarray(quick_jit(build(arch, 'keras').apply)(variables, pixels))[:, ::EVERY]
    expected = np.array(recorded()[arch]['logits'])
    largest = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 5e-3 * largest  # the images matter
    assert np.abs(logits - expected).max() < 1e-4 * largest


@pytest.mark.slow
@pytest.mark.parametrize('arch', NETWORKS)
def test_the_record_is_what_keras_computes(arch, tmp_path):
    """With the version of Keras that is installed: its networks may change."""
    pytest.importorskip('keras')
    from record_keras import record

    now, then = record(*NETWORKS[arch], tmp_path / 'numbered.weights.h5', quick_jit), recorded()[arch]
    assert now['shapes'] == then['shapes']
    largest = np.abs(then['logits']).max()
    np.testing.assert_allclose(now['logits'], then['logits'], rtol=0, atol=1e-4 * largest)
