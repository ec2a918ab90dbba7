"""A small network that nobody trained."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import quick_jit

from cnn_bench.data.augment import normalise
from cnn_bench.inference import Network
from cnn_bench.models import registry


@pytest.fixture(scope='session')
def make_network():
    """Call it with channels and fields of LeNet-5 for a Network of 28x28 with random weights."""

    def make(channels: int = 1, **fields) -> Network:
        module = registry.build('lenet5', width=0.5, **fields)
        shape = (28, 28, channels)
        variables = quick_jit(module.init)(jax.random.key(0), jnp.zeros((1, *shape)))
        look = {'mean': (0.4,) * channels, 'std': (0.3,) * channels}
        names = tuple(f'class {number}' for number in range(10))
        return Network('lenet5', module, dict(variables), shape, partial(normalise, **look), 1.0, names, 'a test')

    return make


@pytest.fixture(scope='session')
def network(make_network) -> Network:
    return make_network()


@pytest.fixture(scope='session')
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (28, 28, 1), np.uint8)
