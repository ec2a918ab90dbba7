"""Facts about networks that claims are recomputed from, on a small network that is counted by hand."""

import pytest
from flax import linen as nn

from cnn_bench.lecture.claims import network_facts
from cnn_bench.models import registry
from cnn_bench.models.layers import conv, max_pool


class Branches(nn.Module):
    """A convolution, then three in a row beside one, pooling, and a dense layer with dropout before it."""

    @nn.compact
    def __call__(self, x, train=False):
        x = conv(4, 3, 2, name='stem')(x)
        y = x
        for number in range(3):
            y = nn.relu(conv(4, 1, name=f'long{number}')(y))
        x = x + y + conv(4, 5, groups=2, use_bias=False, name='short')(x)
        x = max_pool(x, 3, 2)
        x = nn.Dropout(0.3, deterministic=not train, name='drop')(x.reshape(x.shape[0], -1))
        return nn.Dense(10, name='fc')(x)


@pytest.fixture(autouse=True)
def branches(monkeypatch):
    monkeypatch.setattr(registry, 'build', lambda name, **fields: Branches())
    monkeypatch.setattr(registry, 'get', lambda name: registry.Arch('x:X', 2026, size=14, params=0, macs=0, channels=1))


def test_the_longest_path_counts():
    assert network_facts.depth('x') == 1 + 3 + 1


def test_parameters_and_multiply_adds():
    weights = {'stem': 9 * 4, 'long': 3 * 4 * 4, 'short': 25 * 2 * 4, 'fc': 3 * 3 * 4 * 10}
    assert network_facts.params('x') == sum(weights.values()) + 4 + 3 * 4 + 10
    assert network_facts.params('x') == network_facts.cost('x').params
    assert network_facts.macs('x') == 49 * (sum(weights.values()) - weights['fc']) + weights['fc']


def test_rows_by_path():
    assert [row.path for row in network_facts.weighted('x')] == ['stem', 'long0', 'long1', 'long2', 'short', 'fc']
    assert network_facts.layer('x', 'long1').params == 4 * 4 + 4
    assert network_facts.weights('x', 'long') == 3 * 4 * 4
    assert network_facts.weights('x', 'fc') == 3 * 3 * 4 * 10


def test_connections():
    assert network_facts.connections('x', 'stem') == 49 * 4 * (9 + 1)
    assert network_facts.connections('x', 'fc') == 360 + 10


def test_convolutions_poolings_and_dropout():
    made = network_facts.convolutions('x')
    assert made['stem'] == (3, 2, 1, (7, 7, 4))
    assert made['short'] == (5, 1, 2, (7, 7, 4))
    assert network_facts.poolings('x') == [(3, 2, (3, 3, 4))]
    assert network_facts.dropouts('x') == (0.3,)
    assert network_facts.output('x') == (10,)
    assert set(network_facts.parameter_paths('x')) >= {'stem/kernel', 'stem/bias', 'short/kernel', 'fc/bias'}
    assert 'short/bias' not in network_facts.parameter_paths('x')
