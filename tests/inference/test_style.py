"""Style transfer: its losses against NumPy, their gradient against differences, and what comes of it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from zoo import quick_jit

from cnn_bench import trained
from cnn_bench.errors import UserError
from cnn_bench.inference import layers, pixels, style
from cnn_bench.models import registry
from cnn_bench.models.variables import variable_shapes
from cnn_bench.pretrained.layout import IMAGENET_MEAN, IMAGENET_STD

SIZE = (40, 36)  # another than the network's 32x32


@pytest.fixture(scope='module')
def network(any_size_weights):
    return trained.load(any_size_weights)


@pytest.fixture(scope='module')
def pictures():
    """A gradient from dark to bright, and stripes in other colours."""
    ramp = np.linspace(20, 230, SIZE[0])[:, None, None] * np.ones((1, SIZE[1], 3))
    stripes = np.where((np.arange(32) // 2 % 2)[None, :, None], [200, 40, 60], [30, 90, 220]) * np.ones((32, 1, 1))
    return ramp.astype(np.uint8), stripes.astype(np.uint8)


@pytest.fixture(scope='module')
def plan(network):
    return style.plan_for(
        network, SIZE, 'fire3', ('conv1', 'fire3'), content_weight=2.0, style_weight=30.0, tv_weight=5.0
    )


def test_gram_matrix():
    made = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    expected = np.zeros((2, 5, 5))
    for image in range(2):
        for row in range(3):
            for column in range(4):
                expected[image] += np.outer(made[image, row, column], made[image, row, column]) / 12
    np.testing.assert_allclose(style.gram(jnp.asarray(made)), expected, atol=1e-5)


def maps_by_hand(network, x):
    """Outputs (positions, channels) of conv1 and fire3, by a plain pass."""
    inputs = jnp.asarray((np.asarray(x) - IMAGENET_MEAN) / IMAGENET_STD, jnp.float32)
    _, kept = network.module.apply(
        network.variables, inputs, method='features', capture_intermediates=True, mutable=['intermediates']
    )
    kept = {layer: np.asarray(kept['intermediates'][layer]['__call__'][0], np.float64) for layer in ('conv1', 'fire3')}
    return {layer: made.reshape(-1, made.shape[-1]) for layer, made in kept.items()}


def test_the_loss_is_that_of_numpy(network, pictures, plan):
    content, wanted = pictures
    x = np.asarray(jax.random.uniform(jax.random.key(2), (1, *SIZE, 3)), np.float64)
    own, of_content, of_style = (maps_by_hand(network, y) for y in (x, content[None] / 255, wanted[None] / 255))
    to_content = ((own['fire3'] - of_content['fire3']) ** 2).sum() / (of_content['fire3'] ** 2).sum()
    to_style = []
    for layer in ('conv1', 'fire3'):
        gram, target = (made[layer].T @ made[layer] / len(made[layer]) for made in (own, of_style))
        to_style.append(((gram - target) ** 2).sum() / (target**2).sum())
    tv = ((x[:, 1:] - x[:, :-1]) ** 2).sum() + ((x[:, :, 1:] - x[:, :, :-1]) ** 2).sum()
    expected = {'content': to_content, 'style': np.mean(to_style), 'tv': tv / x.size}
    given = style.targets(network, plan, content, wanted)
    total, parts = style.loss(network, plan, jnp.asarray(x, jnp.float32), None, given)
    assert {name: float(part) for name, part in parts.items()} == pytest.approx(expected, rel=1e-4)
    assert float(total) == pytest.approx(
        2 * expected['content'] + 30 * expected['style'] + 5 * expected['tv'], rel=1e-4
    )


def test_the_gradient_is_that_of_differences(network, pictures, plan):
    given = style.targets(network, plan, *pictures)
    x = jax.random.uniform(jax.random.key(2), (1, *SIZE, 3))
    value = quick_jit(lambda x: style.loss(network, plan, x, None, given)[0])
    gradient = np.asarray(quick_jit(jax.grad(lambda x: style.loss(network, plan, x, None, given)[0]))(x))
    for direction, step in ((gradient / np.linalg.norm(gradient), 1e-2), (np.sign(gradient), 2e-4)):
        slope = (float(value(x + step * direction)) - float(value(x - step * direction))) / (2 * step)
        assert slope == pytest.approx((gradient * direction).sum(), rel=0.02)


@pytest.fixture(scope='module')
def runs(network, pictures, plan):
    """Method -> its thirty steps from the content picture."""
    return {name: list(style.stylize(network, *pictures, plan, 30, name)) for name in style.METHODS}


def test_the_style_comes_nearer_and_the_picture_keeps_its_size(runs, network, pictures, plan):
    given = style.targets(network, plan, *pictures)
    _, before = style.loss(network, plan, pixels.from_image(pictures[0]), None, given)
    for steps in runs.values():
        assert float(steps[-1].parts['style']) < 0.3 * float(before['style'])
        assert steps[-1].image.shape == pictures[0].shape
        assert [step.number for step in steps] == list(range(1, 31))


def test_lbfgs_undercuts_adam(runs):
    assert float(runs['lbfgs'][-1].parts['loss']) < float(runs['adam'][-1].parts['loss'])


def test_the_last_step_tells_the_loss_of_its_own_picture(runs, network, pictures, plan):
    given = style.targets(network, plan, *pictures)
    for steps in runs.values():
        total, _ = style.loss(network, plan, steps[-1].pixels, None, given)
        assert float(steps[-1].parts['loss']) == pytest.approx(float(total), rel=1e-4)


def test_the_same_seed_gives_the_same_picture_from_noise(network, pictures, plan):
    first, again, other = (
        next(style.stylize(network, *pictures, plan, 1, 'adam', start='noise', seed=seed)).image for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ('arch', 'content', 'of_style'),
    [  # by the tables of the papers: the first and the last layer at each resolution but the last
        ('vgg19', 'stage2', 'stage1 stage2 stage3 stage4'),
        ('squeezenet1_0', 'fire4', 'conv1 fire2 fire4 fire5 fire8'),
        ('resnet18', 'stage2', 'stem stage2 stage3 stage4'),
        ('googlenet', 'conv2', 'conv1 conv2_reduce conv2 inception_3a inception_3b inception_4a inception_4e'),
    ],
)
def test_default_layers_begin_and_end_stages(arch, content, of_style, network):
    """Nothing is computed; 200x300 is the size of no network."""
    module = registry.build(arch)
    model = replace(network, module=module, variables=variable_shapes(module, (224, 224, 3)))
    plan = style.plan_for(model, (200, 300))
    assert (plan.content_layer, plan.style_layers) == (content, tuple(of_style.split()))


@pytest.mark.parametrize(
    ('size', 'fields', 'words'),
    [
        (SIZE, {'content_layer': 'dense9'}, 'unknown layer of squeezenet1_0'),
        (SIZE, {'style_layers': ('conv1', 'fire33')}, 'did you mean fire3'),
        (SIZE, {'content_layer': 'head/conv10'}, 'is in the head'),
        (SIZE, {'content_layer': 'logits'}, 'is in the head'),
        ((7, 40), {}, 'cannot take a picture of 7x40'),
    ],
)
def test_what_does_not_fit_is_refused(network, size, fields, words):
    with pytest.raises(UserError, match=words):
        style.plan_for(network, size, **fields)


def test_choices_and_steps_are_checked(network, pictures, plan):
    for fields, words in (
        ({'steps': 0}, 'at least 1'),
        ({'method': 'sgd'}, "unknown method 'sgd'"),
        ({'start': 'black'}, "unknown start 'black'"),
    ):
        with pytest.raises(UserError, match=words):
            next(style.stylize(network, *pictures, plan, **fields))


def test_outputs_of_several_layers_in_one_pass_are_those_of_one_at_a_time(network):
    inputs = jnp.asarray(np.random.default_rng(0).standard_normal((1, 32, 32, 3)), jnp.float32)
    names = ('conv1/conv', 'fire3', 'features', 'head/conv10', 'logits')
    found = layers.outputs(network.module, network.variables, inputs, names)
    assert tuple(found) == names
    for name in names:
        alone = layers.output(network.module, network.variables, inputs, name)
        np.testing.assert_allclose(found[name], alone, atol=1e-6)
