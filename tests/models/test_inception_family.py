"""Inception v3, v4 and Inception-ResNet v2: tables, mean pools, residuals and the auxiliary head, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import IMAGES, image, native, paths, trial, variables

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.models.inception_blocks import Residual, convolution_paths, mean_pool, named_convolutions

NETWORKS = ('inception_v3', 'inception_v4', 'inception_resnet_v2')


@pytest.mark.parametrize(('name', 'convolutions'), [('inception_v3', 94), ('inception_v4', 149)])
def test_number_of_convolutions(name, convolutions):
    # v3: 5, 3 x 7, 4, 4 x 10, 6, 2 x 9. v4: 3 + 1 + 6 + 1, 4 x 7, 4, 7 x 10, 6, 3 x 10.
    params = paths(native(name)[1]['params'])
    assert len([path for path in params if path.endswith('conv/kernel')]) == convolutions


@pytest.mark.parametrize('name', NETWORKS)
def test_tables_list_every_convolution_once(name):
    module = registry.build(name)
    listed = [path for part, table in module.plan().items() for path in convolution_paths(table, part)]
    made = {path.rpartition('/')[0] for path in paths(native(name)[1]['batch_stats'])}
    assert len(listed) == len(set(listed))
    assert {f'{path}/norm' for path in listed} == made


def test_steps_are_numbered_and_pools_are_not():
    steps = ('mean', (8, 1), ((4, (1, 3)), (6, (3, 1))), 'max', (2, 1))
    names = [[name for name, _ in made] for made in named_convolutions(steps)]
    assert names == [[], ['conv1'], ['conv2a', 'conv2b'], [], ['conv3']]


def test_sevens_are_factorised():
    shapes = paths(native('inception_v3')[1]['params'])
    kernels = [shapes[f'inception_b2/branch_7x7_double/conv{n}/conv/kernel'].shape for n in range(1, 6)]
    assert kernels == [(1, 1, 768, 160), (7, 1, 160, 160), (1, 7, 160, 160), (7, 1, 160, 160), (1, 7, 160, 192)]


def test_mean_pools_with_and_without_their_padding():
    x = jnp.ones((1, 3, 3, 1))
    np.testing.assert_allclose(mean_pool(x, pads_counted=False)[0, :, :, 0], 1)
    np.testing.assert_allclose(mean_pool(x, pads_counted=True)[0, :, :, 0] * 9, [[4, 6, 4], [6, 9, 6], [4, 6, 4]])


@pytest.mark.parametrize('activated', [True, False])
def test_residuals_are_scaled_and_added(activated):
    network = registry.build('inception_resnet_v2')
    block = network.part(Residual({'branch_1x1': ((4, 1),)}, 0.25, activated), train=False)(name='block')
    x = jnp.linspace(-2, 2, 18).reshape(1, 3, 3, 2)
    values = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), variables(block, x.shape))
    values['params']['project']['conv']['bias'] = jnp.array([1.0, -4.0])
    expected = np.asarray(x) + np.array([0.25, -1])
    np.testing.assert_allclose(block.apply(values, x), np.maximum(expected, 0) if activated else expected, rtol=1e-6)


def test_auxiliary_head_has_parameters_only_when_asked_for():
    params = variables(registry.build('inception_v3', aux=True), (1, 299, 299, 3))['params']
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 27_161_264  # torchvision's count
    assert params['aux']['conv2']['conv']['kernel'].shape == (5, 5, 128, 768)


def test_auxiliary_head_vanishes_in_evaluation():
    case = trial('inception_v3')
    heads = paths(case.traced().state['aux_logits'])
    assert {path: leaf.shape for path, leaf in heads.items()} == {'aux/logits': (4, 10)}
    _, state = jax.eval_shape(
        lambda v, x: case.module.apply(v, x, mutable=['aux_logits']), case.variables, image(IMAGES)
    )
    assert 'aux_logits' not in state


def test_the_auxiliary_head_sees_five_by_five_at_native_size():
    module = registry.build('inception_v3', aux=True)
    shapes = variables(module, (1, 299, 299, 3), train=True)
    keys = {'dropout': jax.random.key(0)}

    def run(values, x):
        return module.apply(values, x, train=True, rngs=keys, capture_intermediates=True, mutable=True)[1]

    maps = paths(jax.eval_shape(run, shapes, image((2, 299, 299, 3)))['intermediates'])
    assert maps['aux/conv1/__call__/0'].shape == (2, 5, 5, 128)
    assert maps['aux/conv2/__call__/0'].shape == (2, 1, 1, 768)


def test_depths_are_three():
    with pytest.raises(UserError, match=r'depths of InceptionV4 is \(4, 7\); it must be three numbers'):
        registry.build('inception_v4', depths=(4, 7))


def test_more_modules_repeat_the_last_kind():
    plan = registry.build('inception_v3', depths=(4, 5, 1)).plan()
    assert plan['inception_a4'] == plan['inception_a3'] != plan['inception_a1']
    assert plan['inception_b5'] == plan['inception_b4'] != plan['inception_b3']
