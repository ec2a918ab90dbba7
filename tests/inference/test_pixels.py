"""Pixels that minimise a loss, against functions whose minimum is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnn_bench.errors import UserError
from cnn_bench.inference import pixels

SHAPE = (1, 4, 5, 3)


def curved(x, key, given):
    """A narrow valley: the minimum is at `given`, and the curvature of each pixel another."""
    del key
    difference = x - given
    total = jnp.sum(jnp.linspace(1, 100, x.size).reshape(x.shape) * difference**2 + difference**4)
    return total, {'farthest': jnp.abs(difference).max()}


@pytest.fixture(scope='module')
def target():
    return jax.random.uniform(jax.random.key(1), SHAPE, minval=0.2, maxval=0.8)


@pytest.mark.parametrize('method', [pixels.adam(0.05), pixels.lbfgs()], ids=['adam', 'lbfgs'])
def test_the_minimum_is_found(method, target):
    *_, last = pixels.descend(curved, jnp.full(SHAPE, 0.5), method, 150, target)
    np.testing.assert_allclose(last.pixels, target, atol=2e-3)
    assert last.number == 150


def test_lbfgs_needs_fewer_steps_than_adam(target):
    losses = {}
    for name, method in {'adam': pixels.adam(0.05), 'lbfgs': pixels.lbfgs()}.items():
        *_, last = pixels.descend(curved, jnp.full(SHAPE, 0.5), method, 25, target)
        losses[name] = float(curved(last.pixels, None, target)[0])
    assert losses['lbfgs'] < 0.1 * losses['adam']


def test_a_step_tells_the_loss_before_it(target):
    start = jnp.full(SHAPE, 0.5)
    (step,) = pixels.descend(curved, start, pixels.adam(0.05), 1, target)
    total, parts = curved(start, None, target)
    assert float(step.parts['loss']) == pytest.approx(float(total), rel=1e-5)
    assert float(step.parts['farthest']) == pytest.approx(float(parts['farthest']), rel=1e-5)


def test_ascent_moves_pixels_by_its_step_on_average_and_keeps_them_in_range():
    slopes = jnp.arange(1.0, 61).reshape(SHAPE)
    loss = lambda x, key, given: (-(x * slopes).sum(), {})  # noqa: E731
    (step,) = pixels.descend(loss, jnp.full(SHAPE, 0.5), pixels.ascent(0.01), 1)
    np.testing.assert_allclose(step.pixels - 0.5, 0.01 * slopes / 30.5, rtol=1e-4)  # 30.5: the mean of 1 to 60
    *_, last = pixels.descend(loss, jnp.full(SHAPE, 0.5), pixels.ascent(0.5), 3)
    assert float(last.pixels.max()) == 1


def test_each_step_has_a_key_of_its_own_and_the_same_seed_gives_the_same_pixels():
    def jumping(x, key, given):
        return jnp.sum(x * jax.random.normal(key, x.shape)), {}

    def run(seed):
        steps = pixels.descend(jumping, jnp.full(SHAPE, 0.5), pixels.ascent(0.01), 2, key=jax.random.key(seed))
        return [np.asarray(step.pixels) for step in steps]

    first, second = run(0)
    assert not np.allclose(second - first, first - 0.5, atol=1e-3)
    np.testing.assert_array_equal(run(0), [first, second])
    assert not np.array_equal(run(1)[1], second)


def test_the_program_of_a_step_is_compiled_once(target):
    traced = []

    def counting(x, key, given):
        traced.append(1)
        return curved(x, key, given)

    steps = pixels.descend(counting, jnp.full(SHAPE, 0.5), pixels.lbfgs(), 3, target)
    counts = [len(traced) for _ in steps]
    assert counts[0] == counts[1] == counts[2]


def test_images_and_pixels():
    image = np.array([[[0, 128, 255]]], np.uint8)
    np.testing.assert_array_equal(pixels.to_image(pixels.from_image(image)), image)
    np.testing.assert_array_equal(pixels.to_image(jnp.array([[[[-0.2, 0.5, 1.7]]]])), [[[0, 128, 255]]])


@pytest.mark.parametrize(
    ('shape', 'longer', 'expected'),
    [((60, 90, 3), 30, (20, 30, 3)), ((90, 60, 1), 45, (45, 30, 1)), ((2, 400, 3), 40, (1, 40, 3))],
)
def test_a_picture_keeps_its_proportions(shape, longer, expected):
    assert pixels.sized(np.zeros(shape, np.uint8), longer).shape == expected


def test_distance_is_relative():
    assert float(pixels.distance(jnp.array([3.0, 6.0]), jnp.array([3.0, 4.0]))) == pytest.approx(4 / 25)


def test_no_step_is_refused():
    with pytest.raises(UserError, match='at least 1'):
        next(pixels.descend(curved, jnp.full(SHAPE, 0.5), pixels.adam(0.1), 0))
