"""Dreams: octaves by hand, and answers that grow."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnn_bench import trained
from cnn_bench.errors import UserError
from cnn_bench.inference import dreams, layers, pixels
from cnn_bench.inference.dreams import Dream
from cnn_bench.models import registry
from cnn_bench.models.variables import variable_shapes


@pytest.fixture(scope='module')
def network(any_size_weights):
    return trained.load(any_size_weights)


@pytest.fixture(scope='module')
def start():
    return pixels.from_image(np.random.default_rng(0).integers(60, 200, (44, 56, 3), np.uint8))


def answer(network, x, layer):
    return layers.output(network.module, network.variables, network.preprocess(255 * x), layer)


def test_octave_sizes():
    assert dreams.octave_sizes((300, 400), 4, 1.4) == [(109, 146), (153, 204), (214, 286), (300, 400)]
    assert dreams.octave_sizes((30, 2), 2, 10) == [(3, 1), (30, 2)]
    assert dreams.octave_sizes((30, 20), 1, 1.4) == [(30, 20)]


def test_a_layer_answers_more_strongly(network, start):
    steps = list(dreams.dream(network, start, Dream('fire3', steps=4, octaves=2, octave_scale=1.3, jitter=3)))
    assert [step.number for step in steps] == list(range(1, 9))
    assert [step.image.shape for step in steps] == [(34, 43, 3)] * 4 + [(44, 56, 3)] * 4
    before, after = (float((answer(network, x, 'fire3') ** 2).mean()) for x in (start, steps[-1].pixels))
    assert after > 1.3 * before


def test_a_class_answers_more_strongly(network):
    begun = pixels.noise(0, network.input_shape)
    label = int(answer(network, begun, 'logits')[0].argmax())  # the activation of the head may keep others at 0
    *_, last = dreams.dream(network, begun, Dream('logits', channel=label, steps=10, octaves=1, jitter=0))
    before, after = (float(answer(network, x, 'logits')[0, label]) for x in (begun, last.pixels))
    assert after > 1.3 * before > 0


def test_a_step_is_that_of_the_formula(network, start):
    """One octave, one step, no jitter: the gradient of one channel's mean, divided by its mean absolute value."""
    (step,) = dreams.dream(network, start, Dream('conv1', channel=2, steps=1, octaves=1, jitter=0, step_size=0.01))
    gradient = jax.grad(lambda x: answer(network, x, 'conv1')[..., 2].mean())(start)
    expected = start + 0.01 * gradient / jnp.abs(gradient).mean()
    np.testing.assert_allclose(step.pixels, jnp.clip(expected, 0, 1), atol=1e-5)


def test_total_variation_smooths(network, start):
    plain, smooth = (
        list(dreams.dream(network, start, Dream('conv1', steps=3, octaves=1, jitter=0, tv_weight=weight)))[-1].pixels
        for weight in (0.0, 1e4)
    )
    assert float(pixels.total_variation(smooth)) < 0.8 * float(pixels.total_variation(plain))


def test_the_same_seed_gives_the_same_picture(network, start):
    first, again, other = (
        next(dreams.dream(network, start, Dream('conv1', steps=1, octaves=1, jitter=8), seed)).image
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_head_of_one_size_is_not_for_others(network):
    """Nothing is computed."""
    module = registry.build('fashion_cnn')
    model = replace(network, module=module, variables=variable_shapes(module, (28, 28, 3)))
    model = replace(model, preprocessing=replace(network.preprocessing, input_shape=(28, 28, 3)))
    wanted = Dream('logits', channel=1, octaves=1)
    assert dreams.check(model, (28, 28), wanted) == [(28, 28)]
    with pytest.raises(UserError, match='not for images of 40x40'):
        dreams.check(model, (40, 40), wanted)


def test_the_default_layer_ends_the_last_stage_but_one(network):
    assert dreams.default_layer(network, (44, 56)) == 'fire3'


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'layer': 'dense9'}, 'unknown layer of squeezenet1_0'),
        ({'layer': 'conv1', 'channel': 24}, 'there are 0 to'),
        ({'layer': 'conv1', 'steps': 0}, 'at least 1'),
        ({'layer': 'conv1', 'octaves': 0}, 'at least 1 octave'),
        ({'layer': 'conv1', 'octave_scale': 1.0}, 'octave scale above 1'),
        ({'layer': 'conv1', 'octaves': 9}, 'cannot take a picture of 3x4'),
    ],
)
def test_what_does_not_fit_is_refused(network, start, fields, words):
    with pytest.raises(UserError, match=words):
        dreams.check(network, start.shape[1:3], Dream(**fields))
