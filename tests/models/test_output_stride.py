"""A denser feature map is the old one where both have a pixel: the "algorithme à trous" of Chen et al. 2014."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import REPRESENTATIVES, quick_jit, random_variables, variables

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.models.output_stride import dilated

HALVED_OTHERWISE = ('res2net50_26w_4s', 'nasnet_mobile', 'nasnet_large', 'pnasnet5_large')


def features(module, limit=None):
    """(variables, images) -> the feature map, with an output stride of at most `limit`."""

    def run(variables, x):
        def own(x):
            return module.apply(variables, x, method='features')

        if limit is None:
            return own(x)
        with dilated(own, x.shape, limit):
            return own(x)

    return run


@pytest.mark.parametrize('name', ['resnet18', 'vgg11', 'mobilenet_v2', 'densenet121', 'convnext_tiny'])
def test_every_fourth_pixel_of_the_denser_map_is_a_pixel_of_the_map(name):
    few = {'depths': (1,) * len(registry.build(name).depths)} if hasattr(registry.build(name), 'depths') else {}
    module = registry.build(name, width=0.125, num_classes=0, **few)
    values = random_variables(variables(module, (1, 64, 64, 3)))
    x = np.random.default_rng(0).standard_normal((2, 64, 64, 3)).astype(np.float32)
    coarse = np.asarray(quick_jit(features(module))(values, x))
    dense = np.asarray(quick_jit(features(module, 8))(values, x))
    assert coarse.shape[1:3] == (2, 2)
    assert dense.shape[1:3] == (8, 8)
    np.testing.assert_allclose(dense[:, ::4, ::4], coarse, rtol=1e-4, atol=1e-4 * np.abs(coarse).max())
    assert np.abs(dense[:, 1::4, 1::4] - coarse).max() > 1e-2 * np.abs(coarse).max()


@pytest.mark.parametrize('name', [name for name in REPRESENTATIVES if registry.get(name).size >= 200])
def test_every_network_of_images_of_imagenet_has_a_denser_map(name):
    """Traced at its native size."""
    arch = registry.get(name)
    module = registry.build(name, num_classes=0)
    x = jax.ShapeDtypeStruct((1, *arch.input_shape), jnp.float32)
    shapes = variables(module, (1, *arch.input_shape))
    coarse = jax.eval_shape(features(module), shapes, x).shape
    if name in HALVED_OTHERWISE:
        with pytest.raises(UserError, match='no map at an output stride of 8'):
            jax.eval_shape(features(module, 8), shapes, x)
        return
    dense = jax.eval_shape(features(module, 8), shapes, x).shape
    assert dense[3] == coarse[3]
    assert dense[1] >= 0.8 * arch.size / 8
