"""Name stacks to module paths, as strings and through Flax."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from cnn_bench.complexity import count
from cnn_bench.complexity.paths import is_backward, join, module_path
from cnn_bench.complexity.rows import parameters_by_path


@pytest.mark.parametrize(
    ('stack', 'path'),
    [
        ('', ''),
        ('Net', ''),
        ('Net/head/fc', 'head/fc'),
        ('Net/Net.features/stem/conv', 'stem/conv'),
        ('Net.features/stem/conv', 'stem/conv'),
        ('Net/Net.features/Net._stage/stem', 'stem'),
        ('Net/head.pool/conv', 'head/conv'),
        ('Net/body/body.features/conv', 'body/conv'),
        ('jvp(Net)/Net.features/stem/conv', 'stem/conv'),
        ('transpose(jvp(Net))/Net.features/stem/conv', 'stem/conv'),
        ('transpose(jvp(Net))/Net.features/jvp(Net)/Net.features/rematted_computation/b/conv', 'b/conv'),
        ('transpose(jvp(Net))/a/jvp(Net)/a/b/conv', 'a/b/conv'),
        ('Net/vmap(branch)/fc', 'branch/fc'),
        ('jvp(Net/stem)/conv', 'stem/conv'),
        ('jvp(Net)/vmap()/stem', 'stem'),
        ('transpose(jvp())', ''),
        ('Net/Net/conv', 'Net/conv'),
        ('loss/Net', 'loss/Net'),
    ],
)
def test_module_path(stack, path):
    assert module_path(stack, 'Net') == path


def test_join_and_backward():
    assert join('a/b', 'c') == 'a/b/c'
    assert join('', 'c') == join('c', '') == 'c'
    assert is_backward('transpose(jvp(Net))/conv')
    assert not is_backward('jvp(Net)/conv')


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.relu(nn.Dense(4, name='fc')(x))


class Step(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        return nn.gelu(nn.Dense(4, name='fc')(x)), None


class Net(nn.Module):
    """One block in each of the ways in which Flax can wrap one."""

    def setup(self):
        self.head = Block()

    @nn.compact
    def features(self, x):
        x = Block(name='plain')(x)
        x = nn.jit(Block)(name='compiled')(x)
        x = nn.remat(Block)(name='rematerialised')(x)
        looped = nn.scan(Step, variable_axes={'params': 0}, split_rngs={'params': True}, length=3)
        x, _ = looped(name='looped')(x, None)
        mapped = nn.vmap(Block, variable_axes={'params': 0}, split_rngs={'params': True})
        return mapped(name='mapped')(x)

    def __call__(self, x):
        return self.head(self.features(x))


@pytest.fixture(scope='module')
def net():
    x = jax.ShapeDtypeStruct((4, 4, 4), jnp.float32)
    return Net(), jax.eval_shape(Net().init, jax.eval_shape(lambda: jax.random.key(0)), x), x


def test_paths_are_those_of_the_parameter_tree(net):
    module, variables, x = net
    dense = [op.path for op in count(module.apply, variables, x, root='Net') if op.kind == 'dense']
    blocks = ['plain', 'compiled', 'rematerialised', 'looped', 'mapped', 'head']
    assert dense == [f'{block}/fc' for block in blocks]
    assert set(dense) == set(parameters_by_path(variables['params']))


def test_paths_in_a_backward_pass_are_the_same(net):
    module, variables, x = net
    ops = count(jax.grad(lambda v, x: module.apply(v, x).sum()), variables, x, root='Net')
    paths = {op.path for op in ops if op.kind == 'dense'}
    assert paths == set(parameters_by_path(variables['params']))
    assert paths == {op.path for op in ops if op.kind == 'dense' and op.backward}


def test_the_root_may_be_named():
    named = Block(name='given')
    x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    variables = jax.eval_shape(named.init, jax.eval_shape(lambda: jax.random.key(0)), x)
    assert count(named.apply, variables, x, root='given')[0].path == 'fc'
    assert count(named.apply, variables, x)[0].path == 'given/fc'
