"""How operations and parameters become rows."""

import jax
import jax.numpy as jnp

from cnn_bench.complexity import Layer, Op
from cnn_bench.complexity.rows import layers, parameters_by_path, total


def op(path, kind, shape=(1, 4), **columns):
    return Op(path, kind, kind, shape, **columns)


def heads(rows):
    return [(row.path, row.op) for row in rows]


def test_a_bias_joins_its_convolution():
    rows = layers([op('c', 'conv', macs=8, activation_bytes=16), op('c', 'elementwise', elementwise_ops=4)], {'c': 7})
    assert rows == (Layer('c', 'conv', (1, 4), params=7, macs=8, elementwise_ops=4, activation_bytes=16),)


def test_rows_stand_in_execution_order():
    ops = [op('c', 'conv'), op('', 'elementwise'), op('', 'pool'), op('d', 'dense'), op('', 'elementwise')]
    assert heads(layers(ops, {})) == [
        ('c', 'conv'),
        ('', 'elementwise'),
        ('', 'pool'),
        ('d', 'dense'),
        ('', 'elementwise'),
    ]


def test_every_pool_is_a_row():
    assert len(layers([op('', 'pool'), op('', 'elementwise'), op('', 'pool')], {})) == 2


def test_a_convolution_in_parts_is_one_row_with_the_whole_output():
    parts = [op('c', 'conv', (1, 8, 8, 4), macs=5, activation_bytes=16)] * 2
    (row,) = layers([*parts, op('c', 'concatenate', (1, 8, 8, 8))], {'c': 3})
    assert row == Layer('c', 'conv', (1, 8, 8, 8), params=3, macs=10, activation_bytes=32)


def test_a_concatenation_alone_is_no_row():
    assert heads(layers([op('a', 'conv'), op('', 'concatenate')], {})) == [('a', 'conv')]


def test_a_module_called_twice_has_its_parameters_once():
    rows = layers([op('c', 'conv', macs=8), op('', 'elementwise'), op('c', 'conv', macs=2)], {'c': 7})
    assert [(row.path, row.macs, row.params) for row in rows] == [('c', 8, 7), ('', 0, 0), ('c', 2, 0)]


def test_parameters_go_to_the_convolution_rather_than_to_what_precedes_it():
    rows = layers([op('c', 'elementwise'), op('c', 'conv')], {'c': 7})
    assert [(row.op, row.params) for row in rows] == [('elementwise', 0), ('conv', 7)]


def test_parameters_without_work_have_a_row():
    assert layers([op('c', 'conv')], {'c': 1, 'spare': 5})[-1] == Layer('spare', 'params', (), params=5)


def test_more_reducing_than_elementwise_work_is_a_reduction():
    mean = [op('m', 'reduce', reduction_ops=16), op('m', 'elementwise', elementwise_ops=4)]
    norm = [op('n', 'reduce', reduction_ops=16), op('n', 'elementwise', elementwise_ops=40)]
    assert heads(layers(mean + norm, {})) == [('m', 'reduce'), ('n', 'elementwise')]


def test_a_backward_pass_joins_the_forward_rows():
    forward = [op('c', 'conv', (1, 8), macs=8, activation_bytes=32), op('', 'elementwise', elementwise_ops=1)]
    backward = [
        op('', 'elementwise', elementwise_ops=2, backward=True),
        op('c', 'reduce', (8,), reduction_ops=8, backward=True),
        op('c', 'conv', (3, 3), macs=8, backward=True),
    ]
    rows = layers(forward + backward, {})
    assert rows == (
        Layer('c', 'conv', (1, 8), macs=16, reduction_ops=8, activation_bytes=32),
        Layer('', 'elementwise', (1, 4), elementwise_ops=3),
    )


def test_parameters_by_path():
    tree = {'a': {'conv': {'kernel': jnp.zeros((3, 2)), 'bias': jnp.zeros(2)}}, 'scale': jnp.zeros(())}
    assert parameters_by_path(tree) == {'a/conv': 8, '': 1}
    assert parameters_by_path(jax.eval_shape(lambda: tree)) == {'a/conv': 8, '': 1}


def test_totals():
    assert total([op('a', 'conv', macs=3), op('b', 'conv', macs=4)], 'macs') == 7
