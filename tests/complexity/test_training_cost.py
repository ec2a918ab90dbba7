"""The training step: its multiply-adds and what its backward pass keeps, by hand."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from cnn_bench.complexity import count, model_cost
from cnn_bench.complexity.rows import total
from cnn_bench.complexity.train_step import residual_bytes


class TwoLayers(nn.Module):
    padding: str = 'SAME'
    wrap: bool = False

    @nn.compact
    def __call__(self, x, train: bool = False):
        conv = nn.remat(nn.Conv) if self.wrap else nn.Conv
        x = nn.relu(conv(4, (3, 3), padding=self.padding, name='conv')(x))
        return nn.Dense(10, name='fc')(x.reshape(x.shape[0], -1))


def convs(*modules):
    class Stack(nn.Module):
        @nn.compact
        def __call__(self, x, train: bool = False):
            x = nn.Conv(8, (1, 1), name='first')(x)
            for number, module in enumerate(modules):
                x = module(name=f'conv{number}')(x)
            return x

    return Stack()


def test_two_layers():
    conv, dense = 2 * 64 * 4 * 27, 2 * 256 * 10
    cost = model_cost(TwoLayers(), (8, 8, 3), batch=2, train=True)
    assert cost.macs == conv + dense
    assert cost.train_macs == 2 * conv + 3 * dense  # no gradient of the image
    assert cost.train_params == cost.params
    assert [(row.path, row.macs) for row in cost.train_layers if row.macs] == [
        ('conv', 2 * conv),
        ('fc', 3 * dense),
    ]
    assert total(cost.train_layers, 'macs') == cost.train_macs
    assert total(cost.train_layers, 'params') == cost.train_params
    assert total(cost.train_layers, 'activation_bytes') == cost.activation_bytes


def test_remat_computes_its_convolution_twice_only_if_something_needs_it():
    plain, again = (model_cost(TwoLayers(wrap=wrap), (8, 8, 3), train=True) for wrap in (False, True))
    assert again.train_macs == plain.train_macs  # a convolution's gradient does not need its output
    assert again.train_residual_bytes == plain.train_residual_bytes


@pytest.mark.parametrize(
    'module',
    [
        partial(nn.Conv, 6, (3, 3)),
        partial(nn.Conv, 6, (3, 3), padding='VALID'),
        partial(nn.Conv, 6, (3, 3), strides=2),
        partial(nn.Conv, 6, (2, 2), strides=3, padding='VALID'),
        partial(nn.Conv, 6, (3, 3), kernel_dilation=2, padding='VALID'),
        partial(nn.Conv, 6, (3, 3), feature_group_count=2),
        partial(nn.Conv, 8, (3, 3), feature_group_count=8, padding='VALID'),
    ],
    ids=['same', 'valid', 'strided', 'remainder', 'dilated', 'groups', 'depthwise'],
)
def test_both_products_of_a_backward_pass_are_as_many_as_the_forward_ones(module):
    cost = model_cost(convs(module), (9, 9, 3), train=True)
    first = 81 * 3 * 8
    assert cost.train_macs == 3 * cost.macs - first


def test_auxiliary_heads_are_trained_and_not_evaluated():
    class WithAux(nn.Module):
        @nn.compact
        def __call__(self, x, train: bool = False):
            x = nn.Dense(6, name='body')(x.reshape(x.shape[0], -1))
            if train:
                aux = nn.Dense(10, name='aux')(nn.Dropout(0.5, deterministic=False)(x))
                self.sow('aux_logits', 'first', aux)
            return nn.Dense(10, name='fc')(x)

    cost = model_cost(WithAux(), (2, 2, 1), train=True)
    assert (cost.params, cost.train_params) == (30 + 70, 30 + 2 * 70)
    assert cost.macs == 24 + 60
    assert cost.train_macs == 2 * 24 + 3 * 2 * 60
    assert {row.path for row in cost.layers} == {'body', 'fc'}
    assert {row.path: row.params for row in cost.train_layers}['aux'] == 70


def test_a_module_without_logits_trains_on_the_mean_of_its_output():
    cost = model_cost(nn.Conv(4, (1, 1), use_bias=False), (8, 8, 3), train=True)
    assert cost.train_macs == 2 * cost.macs == 2 * 64 * 12


def shape(*dims, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(dims, dtype)


def test_what_a_perceptron_keeps():
    def loss(params, x):
        hidden = jax.nn.relu(x @ params['a'])
        return (hidden @ params['b']).mean(), None

    params = {'a': shape(7, 5), 'b': shape(5, 3)}
    image, mask, hidden = 4 * 2 * 7, 2 * 5, 4 * 2 * 5
    assert residual_bytes(loss, params, shape(2, 7)) == image + mask + hidden


def test_what_is_kept_twice_counts_once():
    def loss(params, x):
        hidden = jnp.sin(x @ params['a'])
        return (hidden @ params['b']).sum() + (hidden @ params['c']).sum(), None

    params = {'a': shape(7, 5), 'b': shape(5, 3), 'c': shape(5, 3)}
    assert residual_bytes(loss, params, shape(2, 7)) == 4 * (2 * 7 + 2 * 5 + 2 * 5)  # x, cos, sin


def test_a_cast_copy_of_the_parameters_counts():
    def loss(params, x):
        hidden = x @ params['a'].astype(jnp.bfloat16)
        return (hidden @ params['b'].astype(jnp.bfloat16)).astype(jnp.float32).sum(), None

    params = {'a': shape(7, 5), 'b': shape(5, 3)}
    kept = 2 * (2 * 7 + 2 * 5 + 5 * 3)  # x, hidden, b in bfloat16
    assert residual_bytes(loss, params, shape(2, 7, dtype=jnp.bfloat16)) == kept


def test_remat_keeps_less():
    def loss(params, x, wrap=lambda f: f):
        block = wrap(lambda h: jnp.sin(jnp.sin(jnp.sin(h @ params['a']))))
        return block(x).sum(), None

    params, x = {'a': shape(4, 4)}, shape(8, 4)
    assert residual_bytes(loss, params, x) == 4 * (32 + 3 * 32)
    assert residual_bytes(partial(loss, wrap=jax.checkpoint), params, x) == 4 * 32


def test_forward_operations_of_a_gradient_are_those_of_the_function():
    def loss(k, x):
        return jnp.tanh(x @ k).sum()

    args = shape(5, 3), shape(2, 5)
    ops = count(jax.value_and_grad(loss), *args)
    assert total([op for op in ops if not op.backward], 'macs') == total(count(loss, *args), 'macs')
    assert [op.macs for op in ops if op.backward and op.macs] == [30]
