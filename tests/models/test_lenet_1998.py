"""LeNet-5 as published in 1998, against the paper's own figures and against numpy."""

from itertools import pairwise

import jax
import numpy as np
import pytest
from zoo import IMAGES, paths, random_variables, variables

from cnn_bench.complexity import model_cost
from cnn_bench.models import lenet, registry

# Section II.B of the paper.
TRAINABLE = {'c1': 156, 's2': 12, 'c3': 1516, 's4': 32, 'c5': 48_120, 'head/f6': 10_164}
CONNECTIONS = {'c1': 122_304, 'c3': 151_600, 'c5': 48_120}
# Table I: rows are maps of S2, columns maps of C3.
TABLE = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""


def _rows(layers, path):
    return [layer for layer in layers if layer.path == path or layer.path.startswith(f'{path}/')]


def test_trainable_parameters_of_every_layer():
    layers = model_cost(registry.build('lenet5_1998'), (32, 32, 1)).layers
    assert {path: sum(row.params for row in _rows(layers, path)) for path in TRAINABLE} == TRAINABLE
    assert sum(row.params for row in layers) == sum(TRAINABLE.values()) == 60_000


def test_connections_of_every_convolution():
    # The paper counts a multiplication per weight and one connection more per bias: our additions of biases.
    layers = model_cost(registry.build('lenet5_1998'), (32, 32, 1)).layers
    convs = {path: [row for row in _rows(layers, path) if row.op == 'conv'] for path in CONNECTIONS}
    counted = {path: sum(row.macs + row.elementwise_ops for row in rows) for path, rows in convs.items()}
    assert counted == CONNECTIONS


def test_connections_are_those_of_table_1():
    grid = np.array([[mark == 'X' for mark in line] for line in TABLE.split()])
    assert grid.sum() == 60
    assert lenet.connections(6, 16) == tuple(tuple(np.flatnonzero(column)) for column in grid.T)


@pytest.mark.parametrize(('seen', 'maps'), [(2, 4), (4, 8), (12, 32), (6, 15)])
def test_tables_of_other_widths_leave_no_map_out(seen, maps):
    table = lenet.connections(seen, maps)
    assert len(table) == maps
    assert set().union(*table) == set(range(seen))
    assert all(a < b for row in table for a, b in pairwise(row))
    assert 0 < sum(map(len, table)) < seen * maps


def test_twice_the_width_doubles_both_sides_of_table_1():
    doubled = lenet.connections(12, 32)
    for number, row in enumerate(lenet.connections(6, 16)):
        both = tuple(j for i in row for j in (2 * i, 2 * i + 1))
        assert doubled[2 * number] == doubled[2 * number + 1] == both


def test_against_numpy():
    module = registry.build('lenet5_1998')
    values = random_variables(variables(module, (1, 32, 32, 1)))
    x = np.random.default_rng(0).standard_normal((2, 32, 32, 1)).astype(np.float32)

    def squash(y):
        return 1.7159 * np.tanh(2 * y / 3)

    def conv(y, kernel, bias):
        windows = np.lib.stride_tricks.sliding_window_view(y, (5, 5), axis=(1, 2))
        return np.einsum('nhwcij,ijco->nhwo', windows, kernel) + bias

    def subsample(y, layer):
        n, h, w, c = y.shape
        return squash(layer['scale'] * y.reshape(n, h // 2, 2, w // 2, 2, c).sum((2, 4)) + layer['bias'])

    params = values['params']
    y = subsample(squash(conv(x, **params['c1']['conv'])), params['s2'])
    kernel, bias = np.zeros((5, 5, 6, 16), np.float32), np.zeros(16, np.float32)
    for number, column in enumerate(np.array([list(line) for line in TABLE.split()]).T):
        part = params['c3']['conv'][f'map{number + 1}']
        kernel[:, :, np.flatnonzero(column == 'X'), number] = part['kernel'][..., 0]
        bias[number] = part['bias'][0]
    y = subsample(squash(conv(y, kernel, bias)), params['s4'])
    y = squash(conv(y, **params['c5']['conv'])).reshape(2, 120)
    y = squash(y @ params['head']['f6']['kernel'] + params['head']['f6']['bias'])
    expected = -((y[:, None] - lenet.digit_codes()) ** 2).sum(-1)
    np.testing.assert_allclose(module.apply(values, x), expected, rtol=1e-4, atol=1e-3)


def test_weights_start_in_the_range_of_the_paper():
    params = registry.build('lenet5_1998').init(jax.random.key(0), np.zeros((1, 32, 32, 1), np.float32))['params']
    limits = {'c1/conv': 2.4 / 25, 'c3/conv/map16': 2.4 / 150, 'c5/conv': 2.4 / 400, 'head/f6': 2.4 / 120}
    for path, leaf in paths(params).items():
        layer, _, name = path.rpartition('/')
        if layer in limits and name == 'kernel':
            assert 0.9 * limits[layer] < np.abs(leaf).max() <= limits[layer]


def test_pooling_and_output_are_fields():
    shapes = variables(registry.build('lenet5_1998', pool='max', output='dense', num_classes=26), IMAGES)['params']
    assert shapes['head']['fc']['kernel'].shape == (84, 26)
