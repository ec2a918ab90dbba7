"""Augmentation on the device against numpy, and independent of how the images are spread."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnn_bench.data.augment import make_augment, mirror, normalise, shift


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(64, 7, 6, 3)).astype(np.float32)


@pytest.fixture
def keys():
    return jax.random.split(jax.random.key(0), 64)


@pytest.mark.parametrize('corner', [(0, 0), (2, 2), (4, 4), (1, 3), (4, 0)])
def test_shift_is_pad_and_crop(images, corner):
    padded = np.pad(images[0], ((2, 2), (2, 2), (0, 0)))
    expected = padded[corner[0] : corner[0] + 7, corner[1] : corner[1] + 6]
    np.testing.assert_array_equal(shift(images[0], jnp.array(corner), 2), expected)


def test_mirror(images):
    np.testing.assert_array_equal(mirror(images[0], True), images[0][:, ::-1])
    np.testing.assert_array_equal(mirror(images[0], False), images[0])


def test_half_of_the_images_are_flipped():
    image = jnp.arange(2.0).reshape(1, 2, 1)
    keys = jax.random.split(jax.random.key(1), 4_000)
    flipped = jax.jit(make_augment(flip=True))(keys, jnp.tile(image, (4_000, 1, 1, 1)))[:, 0, 0, 0]
    assert set(np.unique(flipped)) == {0.0, 1.0}
    assert abs(flipped.mean() - 0.5) < 4 * 0.5 / np.sqrt(4_000)


def test_every_shift_is_equally_likely():
    image = jnp.arange(9.0).reshape(3, 3, 1) + 1
    keys = jax.random.split(jax.random.key(2), 9_000)
    centres = jax.jit(make_augment(pad_crop=1))(keys, jnp.tile(image, (9_000, 1, 1, 1)))[:, 1, 1, 0]
    counts = np.bincount(np.asarray(centres, int), minlength=10)[1:]
    assert counts.sum() == 9_000
    assert (abs(counts - 1_000) < 5 * np.sqrt(1_000)).all()


def test_an_image_depends_on_its_own_key_alone(images, keys):
    augment = jax.jit(make_augment(flip=True, pad_crop=2))
    whole = augment(keys, images)
    assert whole.shape == images.shape
    parts = [augment(keys[start : start + 16], images[start : start + 16]) for start in range(0, 64, 16)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    order = np.random.default_rng(1).permutation(64)
    np.testing.assert_array_equal(whole[order], augment(keys[order], images[order]))


def test_asking_for_one_does_not_change_the_other(images, keys):
    """The same key flips the same images whether they are shifted too or not."""
    flipped = jax.jit(make_augment(flip=True))(keys, images)
    shifted = jax.jit(make_augment(pad_crop=2))(keys, flipped)
    np.testing.assert_array_equal(shifted, jax.jit(make_augment(flip=True, pad_crop=2))(keys, images))


def test_nothing_asked_for_changes_nothing(images, keys):
    np.testing.assert_array_equal(make_augment()(keys, images), images)


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_normalise(dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    result = normalise(pixels, mean, std, dtype)
    assert result.dtype == dtype
    expected = (pixels / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(result.astype(np.float32), expected, rtol=0, atol=1e-6 if dtype == jnp.float32 else 0.01)
