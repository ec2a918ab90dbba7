"""What a network looks at, against derivatives by differences and a loop by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnn_bench.errors import UserError
from cnn_bench.inference import activation_maps, first_layer_filters, gradient_saliency, invert, occlusion
from cnn_bench.inference.pixels import total_variation


def test_activation_maps(network, image):
    maps = activation_maps(network, image, 'c1')
    inputs = (image / 255 - 0.4) / 0.3
    _, kept = network.module.apply(
        network.variables, jnp.asarray(inputs[None], jnp.float32), capture_intermediates=True, mutable=['intermediates']
    )
    np.testing.assert_allclose(maps, kept['intermediates']['c1']['__call__'][0][0], atol=1e-5)


def test_first_layer_filters(make_network):
    network = make_network(channels=3)
    filters = first_layer_filters(network)
    kernel = np.asarray(network.variables['params']['c1']['conv']['kernel'])
    assert filters.shape == (kernel.shape[3], 5, 5, 3)
    np.testing.assert_array_equal(filters[1], kernel[:, :, :, 1])


def test_occlusion_is_that_of_a_loop(network, image):
    patch, stride, label = 6, 5, 4
    found = occlusion(network, image, patch, stride, label)
    inputs = np.asarray((image / 255 - 0.4) / 0.3, np.float32)
    expected = np.empty((5, 5))
    for row in range(5):
        for column in range(5):
            covered = inputs.copy()
            covered[row * stride : row * stride + patch, column * stride : column * stride + patch] = 0
            expected[row, column] = jax.nn.softmax(network.module.apply(network.variables, covered[None]))[0, label]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.ptp(found) > 0


def test_occlusion_takes_the_predicted_class_and_half_a_patch(network, image):
    label = int(jnp.argmax(network.logits(image[None])))
    np.testing.assert_array_equal(occlusion(network, image, 20), occlusion(network, image, 20, 10, label))


def test_saliency_is_that_of_differences(make_network):
    network = make_network(channels=3)
    image = np.random.default_rng(1).integers(0, 256, (28, 28, 3), np.uint8)
    found = gradient_saliency(network, image, 2)
    inputs, step = np.asarray((image / 255 - 0.4) / 0.3, np.float32), 0.05
    score = jax.jit(lambda x: network.module.apply(network.variables, x)[:, 2])
    for row, column in [(3, 4), (14, 14), (20, 9)]:
        moved = np.stack([inputs] * 6)
        for channel in range(3):
            moved[2 * channel, row, column, channel] += step
            moved[2 * channel + 1, row, column, channel] -= step
        ahead, behind = np.asarray(score(moved)).reshape(3, 2).T
        assert found[row, column] == pytest.approx(np.abs((ahead - behind) / (2 * step)).max(), rel=0.03, abs=1e-4)
    assert found.shape == (28, 28)


def test_inversion_comes_nearer(network, image):
    made = invert(network, image, 'c1', steps=30, tv_weight=0.01)
    assert (made.image.shape, made.image.dtype, made.distances.shape) == (image.shape, np.uint8, (30,))
    assert made.distances[-1] < 0.3 * made.distances[0]
    again = invert(network, image, 'c1', steps=30, tv_weight=0.01)
    np.testing.assert_array_equal(made.image, again.image)


def test_total_variation():
    assert float(total_variation(jnp.array([[[[0.0], [1.0]], [[0.0], [3.0]]]]))) == (1 + 9 + 0 + 4) / 4


def test_what_does_not_fit_is_refused(network, image):
    for call in (
        lambda: activation_maps(network, image[:20], 'c1'),
        lambda: activation_maps(network, image, 'c9'),
        lambda: gradient_saliency(network, image, 10),
        lambda: occlusion(network, image, 29),
        lambda: occlusion(network, image, 4, 0),
        lambda: occlusion(network, image, 4, label=-1),
        lambda: invert(network, image, 'c1', steps=0),
        lambda: invert(network, [[0]], 'c1'),
    ):
        with pytest.raises(UserError):
            call()
