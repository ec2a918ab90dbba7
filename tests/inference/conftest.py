"""A small network with random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import quick_jit

from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.models import registry
from cnn_bench.trained import Origin, TrainedModel


@pytest.fixture(scope='session')
def make_network():
    """Call it with channels and fields of LeNet-5 for a TrainedModel of 28x28 with random weights."""

    def make(channels: int = 1, **fields) -> TrainedModel:
        module = registry.build('lenet5', width=0.5, **fields)
        shape = (28, 28, channels)
        variables = quick_jit(module.init)(jax.random.key(0), jnp.zeros((1, *shape)))
        preprocessing = Preprocessing(shape, (0.4,) * channels, (0.3,) * channels)
        names = tuple(f'class {number}' for number in range(10))
        origin = Origin(
            'a test', 'weights', 'lenet5', {'width': 0.5, **fields}, '', {'file': 'none', 'library': 'none'}
        )
        return TrainedModel(module, dict(variables), preprocessing, names, origin)

    return make


@pytest.fixture(scope='session')
def network(make_network) -> TrainedModel:
    return make_network()


@pytest.fixture(scope='session')
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (28, 28, 1), np.uint8)
