"""Adaptive pooling against loops, and networks with it at sizes that they were not made for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import quick_jit, variables

from cnn_bench.complexity import model_cost
from cnn_bench.complexity.receptive_field import model_receptive_fields
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.models.layers import adaptive_avg_pool

SIDES = {'vgg11': 7, 'alexnet_owt': 6}
WIDTH = 0.125


def by_hand(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The windows of PyTorch's documentation: from floor(i n / k) to below ceil((i + 1) n / k)."""
    pooled = np.empty((len(x), *size, x.shape[3]))
    for i, j in np.ndindex(*size):
        rows, columns = (
            slice(int(np.floor(at * length / count)), int(np.ceil((at + 1) * length / count)))
            for at, length, count in zip((i, j), x.shape[1:3], size, strict=True)
        )
        pooled[:, i, j] = x[:, rows, columns].mean((1, 2))
    return pooled


@pytest.mark.parametrize('spatial', [(3, 3), (7, 7), (14, 14), (8, 8), (7, 14), (5, 11), (1, 2), (21, 14), (13, 4)])
@pytest.mark.parametrize('size', [(7, 7), (6, 6), (2, 3)])
def test_windows_are_those_of_pytorch(spatial, size):
    x = np.random.default_rng(0).standard_normal((2, *spatial, 3)).astype(np.float32)
    np.testing.assert_allclose(adaptive_avg_pool(x, size), by_hand(x, size), rtol=1e-5, atol=1e-6)


def test_windows_against_pytorch():
    torch = pytest.importorskip('torch')
    for spatial in ((3, 3), (8, 8), (5, 11), (14, 14)):
        x = np.random.default_rng(0).standard_normal((1, *spatial, 2)).astype(np.float32)
        theirs = torch.nn.AdaptiveAvgPool2d((7, 6))(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
        expected = theirs.numpy().transpose(0, 2, 3, 1)
        np.testing.assert_allclose(adaptive_avg_pool(x, (7, 6)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('arch', SIDES)
def test_weights_for_one_size_are_used_at_others(arch):
    pooling, plain = (registry.build(arch, width=WIDTH, num_classes=5, adaptive_pool=on) for on in (True, False))
    shapes = variables(plain, (1, 224, 224, 3))
    weights = jax.tree.map(lambda leaf: 0.1 * jnp.ones(leaf.shape), shapes)
    for size in (96, 160, 256):
        assert variables(pooling, (1, size, size, 3)) == shapes
        image = np.random.default_rng(0).standard_normal((1, size, size, 3)).astype(np.float32)
        last = np.asarray(quick_jit(lambda w, x: pooling.apply(w, x, method='features'))(weights, image))
        filled = by_hand(last, (SIDES[arch],) * 2)
        hidden = np.maximum(0, 0.1 * filled.sum() + 0.1)  # all weights are 0.1
        for _ in range(2):
            features = shapes['params']['head']['fc2']['kernel'].shape[0]
            hidden = 0.1 * features * hidden + 0.1
        np.testing.assert_allclose(quick_jit(pooling.apply)(weights, image), np.full((1, 5), hidden), rtol=1e-4)
    same = np.random.default_rng(0).standard_normal((1, 224, 224, 3)).astype(np.float32)
    assert np.array_equal(*(quick_jit(module.apply)(weights, same) for module in (pooling, plain)))


@pytest.mark.parametrize('arch', SIDES)
def test_another_size_without_pooling_is_refused_in_one_line(arch):
    plain = registry.build(arch, width=WIDTH)
    shapes = variables(plain, (1, 224, 224, 3))
    with pytest.raises(UserError, match=r'not for images of 96x96x3: .*/head/fc1.*adaptive_pool=True lets it') as error:
        jax.eval_shape(plain.apply, shapes, jnp.zeros((1, 96, 96, 3)))
    assert '\n' not in str(error.value)


def test_other_networks_that_flatten_say_so_too():
    lenet = registry.build('fashion_cnn')
    shapes = variables(lenet, (1, 28, 28, 1))
    with pytest.raises(UserError, match='these weights of FashionCNN are not for images of 32x32x1') as error:
        jax.eval_shape(lenet.apply, shapes, jnp.zeros((1, 32, 32, 1)))
    assert 'adaptive_pool' not in str(error.value)


@pytest.mark.parametrize('arch', SIDES)
def test_costs_and_fields_are_counted_at_any_size(arch):
    pooling, plain = (registry.build(arch, width=WIDTH, adaptive_pool=on) for on in (True, False))
    native = model_cost(pooling, (224, 224, 3))
    assert native == model_cost(plain, (224, 224, 3))
    for size in (96, 256):
        cost, without = (model_cost(module, (size, size, 3)) for module in (pooling, plain))
        assert cost.params == native.params
        assert cost.macs == without.macs - macs_of_fc1(without) + macs_of_fc1(native)
        assert model_receptive_fields(pooling, (size, size, 3)).layers[-1].path == 'head/fc'


def macs_of_fc1(cost) -> int:
    return next(row.macs for row in cost.layers if row.path == 'head/fc1')
