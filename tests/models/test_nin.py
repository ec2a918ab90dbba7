"""Network in network and AlexNet with batch normalisation: counts by hand, and where the layers stand."""

import jax
import numpy as np
import pytest
from flax import linen as nn
from zoo import IMAGES, paths, random_variables, small, trial, variables

from cnn_bench.models import registry
from cnn_bench.models.blocks import DenseHead
from cnn_bench.models.layers import batch_norm

IMAGENET = (1, 224, 224, 3)


def _blocks(sides):
    """Multiply-adds and parameters of the four mlpconv blocks; three convolutions each, on maps of these sides."""
    macs = params = 0
    channels = 3
    for side, kernel, maps in zip(sides, (11, 5, 3, 3), (96, 256, 384, 1024), strict=True):
        weights = kernel**2 * channels * maps + 2 * maps**2
        macs, params, channels = macs + side**2 * weights, params + weights + 3 * maps, maps
    return macs, params


def test_nin_by_hand():
    macs, params = _blocks((54, 27, 13, 6))
    last = 1024 * 1024 - 1024 * 1000  # the last convolution makes a map per class
    arch = registry.get('nin')
    assert (arch.macs, arch.params) == (macs - 36 * last, params - last - 24)
    assert arch.params == 7_595_176  # the authors' Caffe network


def test_nin_bn_by_hand():
    macs, params = _blocks((56, 28, 14, 7))
    norms = 2 * 3 * (96 + 256 + 384 + 1024)
    arch = registry.get('nin_bn')
    assert (arch.macs, arch.params) == (macs + 1_024_000, params + norms + 1_025_000)


def test_logits_are_the_means_of_activated_maps():
    case = trial('nin')
    last = np.asarray(case.module.apply(case.variables, case.x, method=case.module.features))
    layer = case.variables['params']['head']['maps']['conv']
    expected = np.maximum(last @ layer['kernel'][0, 0] + layer['bias'], 0).mean((1, 2))
    np.testing.assert_allclose(case.evaluate(), expected, rtol=1e-4, atol=1e-5)
    assert (expected > 0).any()


@pytest.mark.parametrize('name', ['nin_bn', 'alexnet_bn'])
def test_every_layer_but_the_last_is_normalised_and_keeps_its_bias(name):
    params = paths(variables(registry.build(name), IMAGENET)['params'])
    biased = {path for path in params if path.endswith('bias') and 'norm' not in path}
    assert biased == {path.replace('kernel', 'bias') for path in params if path.endswith('kernel')}
    assert len([path for path in params if path.endswith('scale')]) == len(biased) - 1


def test_alexnet_bn_by_hand():
    normed = 64 + 192 + 384 + 256 + 256 + 2 * 4096
    assert registry.get('alexnet_bn').params == registry.get('alexnet_owt').params + 2 * normed
    assert registry.get('alexnet_bn').macs == registry.get('alexnet_owt').macs


def test_normalisation_of_hidden_layers_is_a_field():
    shapes = paths(variables(small('alexnet', dense_norm='batch'), IMAGES)['params'])
    assert {'head/norm1/scale', 'head/norm2/scale'} <= set(shapes)
    assert not any(path.startswith('conv1/norm') for path in shapes)


def test_normalisation_stands_between_a_hidden_layer_and_its_activation():
    def norm(**fields):
        return batch_norm(axis_name=None, dtype=np.float32, momentum=0.9, epsilon=1e-3, **fields)

    head = DenseHead(2, (5,), 0.0, nn.Dense, jax.nn.relu, norm=norm)
    x = np.random.default_rng(0).standard_normal((4, 1, 1, 3)).astype(np.float32)
    values = random_variables(jax.eval_shape(lambda: head.init(jax.random.key(0), x, False)))
    params = values['params']
    hidden = x[:, 0, 0] @ params['fc1']['kernel'] + params['fc1']['bias']

    def logits(mean, var):
        normed = (hidden - mean) / np.sqrt(var + 1e-3) * params['norm1']['scale'] + params['norm1']['bias']
        return np.maximum(normed, 0) @ params['fc']['kernel'] + params['fc']['bias']

    kept = values['batch_stats']['norm1']
    np.testing.assert_allclose(head.apply(values, x, False), logits(kept['mean'], kept['var']), rtol=1e-4, atol=1e-5)
    trained, _ = head.apply(values, x, True, mutable=['batch_stats'])
    np.testing.assert_allclose(trained, logits(hidden.mean(0), hidden.var(0)), rtol=1e-3, atol=1e-4)
