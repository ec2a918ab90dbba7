"""Our batch normalisation against Flax's, and against float64 where Flax's own formula loses digits."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import Mesh, PartitionSpec
from zoo import small, variables

from cnn_bench.models import fast_ops, layers
from cnn_bench.models.batch_norm import BatchNorm

FIELDS = {'momentum': 0.8, 'epsilon': 1e-3}
AXIS = 'data'


def _images(*shape, mean=0.5, deviation=2.0):
    return (mean + deviation * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def _variables(channels):
    generator = np.random.default_rng(1)
    scale, bias, mean, var = np.exp(0.3 * generator.standard_normal((4, channels))).astype(np.float32)
    return {'params': {'scale': scale, 'bias': bias}, 'batch_stats': {'mean': mean, 'var': var}}


def _everything(norm, variables, x):
    """Result, new statistics, and the gradients of a loss for parameters and input."""

    def loss(params, x):
        y, state = norm.apply({**variables, 'params': params}, x, mutable=['batch_stats'])
        weights = jnp.cos(jnp.arange(y.size)).reshape(y.shape)
        return (y.astype(jnp.float32) * weights).sum(), (y, state)

    (_, aux), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(variables['params'], x)
    return aux, gradients


def _assert_close(got, wanted, tolerance):
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for ours, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        ours, theirs = (np.asarray(a, np.float32) for a in (ours, theirs))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize('shape', [(4, 5, 6, 3), (16, 7), (1, 1, 1, 3)])
@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize(('dtype', 'tolerance'), [(jnp.float32, 1e-5), (jnp.bfloat16, 1e-2)])
def test_same_numbers_as_linen(shape, train, dtype, tolerance):
    x, variables = _images(*shape).astype(dtype), _variables(shape[-1])
    made = [norm(use_running_average=not train, dtype=dtype, **FIELDS) for norm in (BatchNorm, nn.BatchNorm)]
    ours, theirs = (jax.jit(partial(_everything, norm))(variables, x) for norm in made)
    _assert_close(ours, theirs, tolerance)


def test_same_variables_as_linen_and_none_changed_by_initialising():
    fields = {'scale_init': nn.initializers.zeros, 'axis_name': AXIS, **FIELDS}
    ours, theirs = (
        norm(use_running_average=False, **fields).init(jax.random.key(0), _images(2, 3, 3, 4))
        for norm in (BatchNorm, nn.BatchNorm)
    )
    _assert_close(ours, theirs, 0)
    assert not ours['params']['scale'].any()


@pytest.mark.parametrize('mean', [0, 1e2, -1e4])
def test_a_large_mean_costs_no_digits(mean):
    """With a mean of 10,000 and a deviation of 1, the mean of squares in float32 is off by several variances."""
    x, variables = _images(8, 6, 6, 2, mean=mean, deviation=1.0), _variables(2)
    y, state = BatchNorm(use_running_average=False, **FIELDS).apply(variables, x, mutable=['batch_stats'])
    exact = x.astype(np.float64)
    average, variance = exact.mean((0, 1, 2)), exact.var((0, 1, 2))
    params, before = variables['params'], variables['batch_stats']
    expected = (exact - average) / np.sqrt(variance + 1e-3) * params['scale'] + params['bias']
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    running = state['batch_stats']
    np.testing.assert_allclose(running['var'], 0.8 * before['var'] + 0.2 * variance, rtol=1e-4)
    np.testing.assert_allclose(running['mean'], 0.8 * before['mean'] + 0.2 * average, rtol=1e-5)


def test_gradient_with_a_large_mean():
    x, variables = _images(4, 3, 3, 2, deviation=1.0), _variables(2)
    norm = BatchNorm(use_running_average=False, **FIELDS)
    near, far = (_everything(norm, variables, shifted)[1] for shifted in (x, x + 2**13))
    _assert_close(far, near, 5e-3)  # x itself keeps ten binary places there


def test_a_constant_channel_is_normalised_to_the_bias():
    variables = _variables(3)
    norm = BatchNorm(use_running_average=False, **FIELDS)
    (y, _), gradients = _everything(norm, variables, jnp.full((4, 2, 2, 3), 1234.5678))
    np.testing.assert_allclose(y, np.broadcast_to(variables['params']['bias'], y.shape), rtol=1e-6)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize('mean', [0, 1e4])
def test_shares_on_four_devices_give_the_statistics_of_the_whole(mean):
    devices = jax.devices()[:4]
    if len(devices) < 4:
        pytest.skip('needs four devices')
    x, variables = _images(8, 3, 3, 2, mean=mean, deviation=1.0), _variables(2)
    x[:2] += 3  # the first device's share has another mean
    whole = _everything(BatchNorm(use_running_average=False, **FIELDS), variables, x)[0]
    norm = BatchNorm(use_running_average=False, axis_name=AXIS, **FIELDS)

    def share(x):
        return norm.apply(variables, x, mutable=['batch_stats'])

    mesh, split = Mesh(np.array(devices), (AXIS,)), PartitionSpec(AXIS)
    mapped = jax.jit(
        jax.shard_map(share, mesh=mesh, in_specs=split, out_specs=(split, PartitionSpec()), check_vma=False)
    )
    _assert_close(mapped(x), whole, 1e-4 if mean else 1e-5)


def test_gradient_over_a_named_axis_is_that_of_linen():
    x, variables = _images(4, 2, 3, 3, 2), _variables(2)

    def gradients(make):
        norm = make(use_running_average=False, axis_name=AXIS, **FIELDS)
        return jax.vmap(partial(_everything, norm, variables), axis_name=AXIS)(x)

    ours, theirs = (jax.jit(partial(gradients, make))() for make in (BatchNorm, nn.BatchNorm))
    _assert_close(ours, theirs, 1e-5)


def test_networks_have_it_unless_fast_ops_are_disabled():
    fields = {'train': True, 'axis_name': None, 'dtype': None, 'momentum': 0.9, 'epsilon': 1e-5, 'name': 'norm'}
    assert isinstance(layers.batch_norm(**fields), BatchNorm)
    with fast_ops.disabled():
        assert isinstance(layers.batch_norm(**fields), nn.BatchNorm)
        linen = variables(small('resnet18'), (2, 28, 28, 1))
    assert linen == variables(small('resnet18'), (2, 28, 28, 1))
