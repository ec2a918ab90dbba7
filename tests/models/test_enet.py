"""ENet's encoder: counts by hand, and what its blocks are made of against table 1 of the paper."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from zoo import IMAGES, paths, quick_jit, random_variables, small, trial, variables

from cnn_bench.models import fast_ops, registry
from cnn_bench.models.enet import KINDS, prelu

IMAGENET = (1, 224, 224, 3)


def _bottleneck(channels, maps, side, middle, halves=False):
    """Multiply-adds and parameters; `middle` weights per pair of maps."""
    inner = maps // 4
    weights = (4 if halves else 1) * channels * inner + middle * inner**2 + inner * maps
    return side**2 * weights, weights + 3 * 2 * inner + 2 * maps + maps  # two norms, two slopes; norm; slope


def test_enet_by_hand():
    initial = 27 * 13
    macs, params = 112**2 * initial, initial + 3 * 16
    rows = [_bottleneck(16, 64, 56, 9, halves=True), *[_bottleneck(64, 64, 56, 9)] * 4]
    rows += [_bottleneck(64, 128, 28, 9, halves=True)]
    rows += [_bottleneck(128, 128, 28, middle) for middle in (9, 9, 10, 9, 9, 9, 10, 9) * 2]
    arch = registry.get('enet')
    assert arch.macs == macs + sum(row[0] for row in rows) + 128 * 1000
    assert arch.params == params + sum(row[1] for row in rows) + 129 * 1000


def test_kinds_of_bottlenecks_are_those_of_table_1():
    module = registry.build('enet')
    run = jax.make_jaxpr(module.apply)
    with fast_ops.disabled():  # otherwise equal programs of convolutions are printed once
        program = run(variables(module, IMAGENET), jax.ShapeDtypeStruct(IMAGENET, jnp.float32))
    text = str(program)
    assert [text.count(f'rhs_dilation=({n}, {n})') for n in (2, 4, 8, 16)] == [2, 2, 2, 2]
    kernels = {path: leaf.shape[:2] for path, leaf in paths(variables(module, IMAGENET)['params']).items()}
    for stage, first in (('stage2', 2), ('stage3', 1)):
        for number, kind in enumerate(KINDS, first):
            sizes = [kernels.get(f'{stage}/block{number}/{name}/conv/kernel') for name in ('conv', 'column', 'row')]
            assert sizes == ([None, (5, 1), (1, 5)] if kind == 'asymmetric' else [(3, 3), None, None])


def test_the_initial_block_keeps_the_image_beside_its_maps():
    case = trial('enet')
    values = jax.tree.map(np.asarray, case.variables)
    _, state = case.module.apply(values, case.x, capture_intermediates=True)
    y = np.asarray(state['intermediates']['initial']['norm']['__call__'][0])
    layer, statistics = values['params']['initial']['norm'], values['batch_stats']['initial']['norm']
    raw = (y - layer['bias']) / layer['scale'] * np.sqrt(statistics['var'] + 1e-3) + statistics['mean']
    np.testing.assert_allclose(raw[..., -1:], case.x, rtol=1e-3, atol=1e-3)


def test_gradient_reaches_dilated_and_asymmetric_bottlenecks():
    module = small('enet', depths=(0, 4, 0))
    values = random_variables(variables(module, IMAGES))
    x = np.random.default_rng(0).standard_normal(IMAGES).astype(np.float32)

    def loss(params):
        return jnp.square(module.apply({**values, 'params': params}, x)).sum()

    gradient = paths(jax.jit(jax.grad(loss))(values['params']))
    assert [path for path, slope in gradient.items() if not np.abs(slope).sum() > 0] == []


def test_whole_maps_are_dropped_at_the_rates_of_the_paper():
    module = registry.build('enet', stem='small', depths=(0, 0, 0))
    values = random_variables(variables(module, IMAGES))
    x = np.ones((64, 8, 8, 1), np.float32)
    capture = {
        'capture_intermediates': lambda layer, _: layer.name == 'dropout',
        'mutable': ['intermediates', 'batch_stats'],
    }
    run = partial(module.apply, train=True, rngs={'dropout': jax.random.key(0)}, **capture)
    _, state = quick_jit(run)(values, x)
    for stage, rate in (('stage1', 0.01), ('stage2', 0.1)):
        y = np.asarray(state['intermediates'][stage]['block1']['dropout']['__call__'][0])
        gone = (y == 0).all((1, 2))
        np.testing.assert_array_equal(gone, (y == 0).any((1, 2)))
        assert abs(gone.mean() - rate) < rate / 2


def test_prelu_by_hand():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return prelu(x)

    x = jnp.array([[-2.0, -4.0], [3.0, 5.0]])
    slope = {'params': {'prelu': {'slope': jnp.array([0.5, 0.25])}}}
    np.testing.assert_array_equal(Net().apply(slope, x), [[-1, -1], [3, 5]])
    assert Net().init(jax.random.key(0), x)['params']['prelu']['slope'].tolist() == [0.25, 0.25]
