"""Whole modules, against values worked out by hand."""

from types import MappingProxyType

import flax.linen as nn
import jax.numpy as jnp
import pytest

from cnn_bench.complexity import Uncountable, Work, model_cost
from cnn_bench.errors import UserError

COLUMNS = ('params', 'macs', 'elementwise_ops', 'reduction_ops', 'pooling_ops', 'activation_bytes')


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool):
        y = nn.Conv(8, (3, 3), use_bias=False, name='conv')(x)
        y = nn.BatchNorm(use_running_average=not train, name='norm')(y)
        return nn.relu(y + x)


class Net(nn.Module):
    """A stem, a residual block that is used twice, a pool and a head."""

    def setup(self):
        self.head = nn.Dense(10)

    @nn.compact
    def features(self, x, train: bool = False):
        x = nn.Conv(8, (3, 3), (2, 2), ((1, 1), (1, 1)), name='stem')(x)
        block = Block(name='block')
        x = block(block(x, train), train)
        self.param('spare', nn.initializers.zeros, (5,))
        return nn.max_pool(x, (2, 2), (2, 2))

    def __call__(self, x, train: bool = False):
        return self.head(self.features(x, train).mean((1, 2)))


class Plain(nn.Module):
    """No `train` argument."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(10)(x.reshape(x.shape[0], -1))


def test_a_network_by_hand():
    cost = model_cost(Net(), (16, 16, 3), batch=2)
    assert cost.input_shape == (2, 16, 16, 3)
    stem, block, head = 3 * 3 * 3 * 8 + 8, 3 * 3 * 8 * 8 + 16, 8 * 10 + 10
    assert cost.params == stem + block + head + 5  # the block's once, no batch statistics
    assert cost.param_bytes == 4 * cost.params
    assert cost.macs == 2 * (64 * 8 * 27 + 2 * 64 * 8 * 72 + 80)  # the block's twice
    assert cost.flops == 2 * cost.macs
    assert cost.pooling_ops == 2 * 16 * 8 * 4
    assert cost.activation_bytes == 4 * 2 * (3 * 64 * 8 + 16 * 8 + 10)
    assert cost.reduction_ops == 2 * 16 * 8
    assert cost.train_macs is cost.train_params is cost.train_residual_bytes is None


def test_rows_are_named_as_the_parameters_and_sum_to_the_totals():
    cost = model_cost(Net(), (16, 16, 3))
    for column in COLUMNS:
        assert sum(getattr(row, column) for row in cost.layers) == getattr(cost, column), column
    assert [(row.path, row.op) for row in cost.layers] == [
        ('stem', 'conv'),
        *[('block/conv', 'conv'), ('block/norm', 'elementwise'), ('block', 'elementwise')] * 2,
        ('', 'pool'),  # and the mean behind it
        ('head', 'dense'),
    ]
    assert [row.params for row in cost.layers if row.path == 'block/norm'] == [16, 0]


def test_everything_scales_with_the_batch_but_parameters():
    one, four = (model_cost(Net(), (16, 16, 3), batch=batch) for batch in (1, 4))
    assert four.params == one.params
    assert four.macs == 4 * one.macs
    assert four.activation_bytes == 4 * one.activation_bytes


def test_a_module_without_train():
    cost = model_cost(Plain(), (4, 4, 2), train=True)
    assert (cost.params, cost.macs) == (330, 320)
    assert cost.train_macs == 2 * 320


def test_half_precision_activations_and_parameters():
    class Half(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Conv(4, (1, 1), dtype=jnp.bfloat16, param_dtype=jnp.bfloat16)(x)

    cost = model_cost(Half(), (8, 8, 3))
    assert (cost.params, cost.param_bytes) == (16, 32)
    assert cost.activation_bytes == 2 * 64 * 4


def test_nothing_is_allocated():
    class Wide(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(100_000)(nn.Dense(100_000)(x.reshape(x.shape[0], -1)))

    cost = model_cost(Wide(), (100, 1000, 1), batch=1000, train=True)
    assert cost.params == 2 * (10**10 + 10**5)
    assert cost.macs == 2 * 10**13
    assert cost.train_macs == 5 * 10**13


@pytest.mark.parametrize(
    ('shape', 'batch', 'message'),
    [
        ((0, 8, 3), 1, 'the height must be at least 1, not 0'),
        ((8, -1, 3), 1, 'the width must be at least 1, not -1'),
        ((8, 8, 0), 1, 'the number of channels must be at least 1, not 0'),
        ((8, 8, 3), 0, 'the batch must be at least 1, not 0'),
    ],
)
def test_sizes_that_are_not_positive(shape, batch, message):
    with pytest.raises(UserError, match=message):
        model_cost(Net(), shape, batch)


def test_an_output_that_would_be_empty():
    with pytest.raises(UserError, match='cannot count Net on images of 2x2x3: the output of pool would be empty'):
        model_cost(Net(), (2, 2, 3))


def test_shapes_that_do_not_fit_are_one_line():
    class Picky(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x.reshape(-1, 784) @ jnp.ones((784, 10))

    with pytest.raises(UserError, match='cannot count Picky on images of 30x30x1: ') as caught:
        model_cost(Picky(), (30, 30, 1))
    assert '\n' not in str(caught.value)


class Whitened(nn.Module):
    @nn.compact
    def __call__(self, x):
        return jnp.linalg.cholesky(x[..., 0])


class Counted(Whitened):
    count_as = MappingProxyType({'cholesky': lambda eqn: Work('dense', macs=eqn.outvars[0].aval.size)})


def test_a_module_whose_work_is_not_known_may_state_it():
    with pytest.raises(Uncountable, match=r"'cholesky' at Whitened: .* `count_as`"):
        model_cost(Whitened(), (8, 8, 1))
    assert model_cost(Counted(), (8, 8, 1)).macs == 64
