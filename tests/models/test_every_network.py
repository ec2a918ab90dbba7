"""What must hold of every network, whatever it is: parametrised from the registry, so a new line is tested for free."""

from functools import partial

import jax
import numpy as np
import pytest
from jax.interpreters.partial_eval import dce_jaxpr
from zoo import (
    COMPILED,
    IMAGES,
    REPRESENTATIVES,
    each_compiled,
    form,
    image,
    keys,
    loss,
    paths,
    quick_jit,
    small,
    trial,
    variables,
)

from cnn_bench.errors import UserError
from cnn_bench.models import layers, registry


@pytest.mark.parametrize('name', REPRESENTATIVES)
def test_small_form_takes_small_images(name):
    traced = form(small(name))
    assert traced.output.shape == (IMAGES[0], 10)
    assert len(traced.features.shape) == 4
    assert min(traced.features.shape) >= 1


@pytest.mark.parametrize('name', REPRESENTATIVES)
def test_initialisation_is_the_same_in_both_modes(name):
    module = small(name)
    modes = [variables(module, IMAGES, train=True), form(module).variables]
    assert jax.tree.all(jax.tree.map(lambda a, b: a.shape == b.shape, *modes))


@pytest.mark.parametrize('name', REPRESENTATIVES)
def test_no_classes_means_no_head(name):
    """And what is left is a feature map, of small images in colour too."""
    run = partial(small(name, num_classes=0).init_with_output, keys())
    features, shapes = jax.eval_shape(run, image((2, 32, 32, 3)))
    assert 'head' not in shapes['params']
    assert len(features.shape) == 4
    assert min(features.shape) >= 1


@pytest.mark.parametrize('name', REPRESENTATIVES)
def test_every_parameter_has_a_part_in_the_loss(name):
    module = small(name)
    shapes = form(module).variables
    rest = {collection: leaves for collection, leaves in shapes.items() if collection != 'params'}

    def of_params(params, rest, x):
        return loss(module, {**rest, 'params': params}, x, jax.random.key(0))[0]

    traced = jax.make_jaxpr(of_params)(shapes['params'], rest, image(IMAGES))
    parameters = paths(shapes['params'])
    used = dce_jaxpr(traced.jaxpr, [True])[1][: len(parameters)]
    assert [path for path, needed in zip(parameters, used, strict=True) if not needed] == []


def test_every_kind_of_layer_is_compiled():
    """In one network at least: one with a new kind of layer (with variables of its own) goes into `COMPILED`."""
    layers = {name: form(small(name)).layers for name in REPRESENTATIVES}
    compiled = set().union(*(layers[name] for name in COMPILED))
    assert {name: missing for name in layers if (missing := layers[name] - compiled)} == {}


@each_compiled
def test_gradient_reaches_every_parameter(name):
    trained = trial(name).train()
    assert np.isfinite(trained.logits).all()
    gradients = paths(trained.gradient)
    assert [path for path, slope in gradients.items() if not np.isfinite(slope).all()] == []
    assert [path for path, slope in gradients.items() if not np.abs(slope).sum() > 0] == []


@each_compiled
def test_dropout_acts_in_training_only(name):
    case = trial(name)
    one, again, other = (case.train(seed).logits for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    drops = case.module.dropout or getattr(case.module, 'drop_path', 0)
    assert np.array_equal(one, other) == (not drops)
    np.testing.assert_array_equal(case.evaluate(), case.evaluate())  # without any random key


@each_compiled
def test_images_of_a_batch_do_not_see_each_other_in_evaluation(name):
    case = trial(name)
    logits = case.evaluate()
    others = np.concatenate([case.x[:1], -2 * case.x[1:] + 1])
    np.testing.assert_allclose(case.evaluate(others)[0], logits[0], rtol=1e-5, atol=1e-5)
    assert not np.allclose(case.evaluate(others)[1:], logits[1:])
    np.testing.assert_allclose(case.evaluate(case.x[::-1]), logits[::-1], rtol=1e-5, atol=1e-5)


@each_compiled
def test_batch_statistics_keep_the_stated_momentum(name):
    case = trial(name)
    before = case.variables.get('batch_stats', {})
    assert bool(before) == (case.module.norm is layers.batch_norm)
    if before:
        shifted = jax.tree.map(lambda statistic: statistic + 1, before)
        after, after_shifted = (case.train(batch_stats=stats).state['batch_stats'] for stats in (before, shifted))
        kept = jax.tree.map(lambda one, other: (other - one).mean(), after, after_shifted)
        np.testing.assert_allclose(jax.tree.leaves(kept), case.module.bn_momentum, atol=1e-4)


@each_compiled
def test_bfloat16_agrees_with_float32(name):
    case = trial(name)
    module = small(name, dtype='bfloat16')
    logits = np.asarray(quick_jit(module.apply)(case.variables, case.x))
    assert logits.dtype == np.float32
    exact = case.evaluate()
    assert np.linalg.norm(logits - exact) < 0.05 * np.linalg.norm(exact)


@pytest.mark.parametrize('name', ['alexnet', 'alexnet_owt', 'vgg16'])
def test_an_image_that_is_too_small_is_refused(name):
    with pytest.raises(UserError, match=r'cannot take 8x8x3: the image is too small, a \dx\d window'):
        variables(registry.build(name), (1, 8, 8, 3))


def test_only_batches_of_images_are_taken():
    with pytest.raises(UserError, match=r'takes images \(n, h, w, c\), not an array of shape \(28, 28, 1\)'):
        variables(registry.build('resnet20'), (28, 28, 1))
