"""Weights of torchvision and timm: names and shapes of every network that we import, and logits of one per structure.

Both were recorded by record_torch.py from the libraries themselves, with weights that NumPy draws by name.
"""

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from torch_networks import EVERY, NETWORKS, images, value
from zoo import quick_jit

from cnn_bench.errors import UserError
from cnn_bench.pretrained.convert import build, convert, guess_library
from cnn_bench.pretrained.layout import layouts_of


@cache
def recorded() -> dict:
    """{our name: {'shapes': {their name: shape}, 'logits': (2, 50) or None}}."""
    with gzip.open(Path(__file__).with_name('torch_recorded.json.gz'), 'rt') as file:
        return json.load(file)['networks']


def zeros(arch: str) -> dict[str, np.ndarray]:
    """A state dict of zeros that takes no memory."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in recorded()[arch]['shapes'].items()}


@pytest.mark.parametrize('arch', NETWORKS)
def test_every_name_and_shape_is_known(arch):
    arrays = zeros(arch)
    library = guess_library(arch, arrays, 'torch')
    assert library == NETWORKS[arch][0]
    convert(arch, arrays, library)


@pytest.mark.parametrize('arch', [arch for arch, (*_, size) in NETWORKS.items() if size])
def test_logits_are_those_of_torch(arch):
    library, _, size = NETWORKS[arch]
    arrays = {name: value(name, tuple(shape)) for name, shape in recorded()[arch]['shapes'].items() if shape}
    variables = convert(arch, arrays, library)
    logits = np.asarray(quick_jit(build(arch, library).apply)(variables, images(size)))[:, ::EVERY]
    expected = np.array(recorded()[arch]['logits'])
    largest = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 5e-3 * largest  # the images matter
    assert np.abs(logits - expected).max() < 1e-4 * largest


def test_every_layout_is_tested():
    from keras_networks import NETWORKS as KERAS

    from cnn_bench.models import registry

    known = {(arch, library) for arch in registry.names() for library in _libraries(arch)}
    tested = {(arch, library) for arch, (library, *_) in NETWORKS.items()} | {(arch, 'keras') for arch in KERAS}
    assert tested <= known
    of_a_kind = {(registry.get(arch).family, library) for arch, library in known - tested}
    assert of_a_kind <= {(registry.get(arch).family, library) for arch, library in tested}


def _libraries(arch: str) -> list[str]:
    try:
        return list(layouts_of(arch))
    except UserError:
        return []
