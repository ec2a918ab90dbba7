"""A trace in which variables are made on demand is the program that Flax applies to initialised variables."""

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from cnn_bench.complexity.trace import evaluation, initialise
from cnn_bench.complexity.walk import count, operations
from cnn_bench.models import registry


class _FromImage(nn.Module):
    """A parameter with the image's statistics, a variable that is a constant, one layer that is called twice."""

    @nn.compact
    def __call__(self, x, train: bool = False):
        mean = self.param('mean', lambda key: x.mean((0, 1, 2)))
        scale = self.variable('constants', 'scale', lambda: jnp.full(x.shape[-1], 2.0)).value
        layer = nn.Conv(x.shape[-1], (3, 3), kernel_init=lambda key, shape, dtype: jnp.ones(shape, jnp.bfloat16))
        return layer(layer((x - mean) * scale))


class _Remat(nn.Module):
    """A layer inside a lifted transformation, whose variables cannot be made on demand."""

    @nn.compact
    def __call__(self, x):
        return nn.remat(nn.Conv)(4, (3, 3))(x)


class _WhileInitialising(nn.Module):
    """A head that only an initialisation has, as auxiliary heads in evaluation."""

    @nn.compact
    def __call__(self, x):
        if self.is_initializing():
            nn.Dense(3, name='aux')(x)
        return nn.Dense(2, name='head')(x)


class _Looks(nn.Module):
    """Another layer where a variable exists that is never asked for."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(5 if self.has_variable('cache', 'seen') else 7)(x)


def _both(module, shape):
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    variables = initialise(module, image, train=False)
    found, root = evaluation(module, image), type(module).__name__
    assert jax.tree.map(_leaf, found.variables) == jax.tree.map(_leaf, variables)
    assert operations(found.jaxpr, root) == count(module.apply, variables, image, root=root)
    assert _leaf(found.output) == _leaf(jax.eval_shape(module.apply, variables, image))
    return found


def _leaf(shaped):
    return shaped.shape, shaped.dtype


@pytest.mark.parametrize('module', [_FromImage(), _Remat(), _WhileInitialising(), _Looks(), nn.BatchNorm(True)])
def test_as_flax_applies_it(module):
    _both(module, (2, 8, 8, 3))


@pytest.mark.parametrize(
    ('name', 'fields'), [('resnet20', {}), ('googlenet', {'aux': True}), ('enet', {}), ('lenet5', {})]
)
def test_networks(name, fields):
    _both(registry.build(name, **fields), (1, *registry.get(name).input_shape))


def test_no_initialiser_is_in_the_program():
    program = evaluation(registry.build('resnet20'), jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)).jaxpr
    assert not [eqn for eqn in program.eqns if 'random' in eqn.primitive.name]


def test_inputs_are_the_variables_and_the_image():
    found = evaluation(_FromImage(), jax.ShapeDtypeStruct((2, 8, 8, 3), jnp.float32))
    *given, image = [v.aval.shape for v in found.jaxpr.invars]
    assert image == (2, 8, 8, 3)
    assert sorted(given) == sorted(leaf.shape for leaf in jax.tree.leaves(found.variables))
