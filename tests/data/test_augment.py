"""Augmentation on the device against numpy, and independent of how the images are spread."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnn_bench.data.augment import cut_mix, light, make_augment, make_mix, mirror, mix_up, neighbours, normalise, shift
from cnn_bench.errors import UserError


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


def test_lighting_adds_components_by_hand(images):
    """Amounts 0.1 and -0.2 of two colours, divided by what the image was divided by."""
    components, std = ((0.2, 0.4, -0.2), (0.1, 0.0, 0.3)), (0.5, 0.25, 0.2)
    added = [(0.1 * 0.2 - 0.2 * 0.1) / 0.5, 0.1 * 0.4 / 0.25, (-0.1 * 0.2 - 0.2 * 0.3) / 0.2]
    lit = light(jnp.asarray(images[0]), jnp.array([0.1, -0.2]), components, std)
    np.testing.assert_allclose(lit, images[0] + added, atol=1e-6)


def test_lighting_is_a_colour_an_image_of_the_spread_asked_for():
    keys = jax.random.split(jax.random.key(3), 4_000)
    augment = make_augment(lighting_std=0.1, lighting_components=((2.0, 4.0),), std=(0.5, 1.0))
    lit = np.asarray(jax.jit(augment)(keys, jnp.zeros((4_000, 2, 2, 2))))
    np.testing.assert_array_equal(lit, np.broadcast_to(lit[:, :1, :1], lit.shape))  # all pixels alike
    np.testing.assert_allclose(lit[..., 0], lit[..., 1], rtol=1e-5)  # 2 / 0.5 and 4 / 1
    assert lit[:, 0, 0, 0].std() == pytest.approx(0.1 * 4, rel=0.05)
    assert abs(lit[:, 0, 0, 0].mean()) < 5 * 0.4 / np.sqrt(4_000)


def test_neighbours_are_exchanged():
    np.testing.assert_array_equal(neighbours(jnp.arange(6)), [1, 0, 3, 2, 5, 4])


def test_mix_up_by_hand(images):
    mixed = mix_up(jnp.asarray(images[:4]), jnp.float32(0.75))
    np.testing.assert_allclose(mixed, 0.75 * images[:4] + 0.25 * images[[1, 0, 3, 2]], atol=1e-6)


@pytest.mark.parametrize(
    ('centre', 'rows', 'columns'),
    # Of 8 rows and 4 columns, 3/4 cut away by half the height and half the width: 4 rows and 2 columns are inside.
    [((0.5, 0.5), (2, 6), (1, 3)), ((0.0, 0.5), (0, 2), (1, 3)), ((0.99, 0.99), (5, 8), (2, 4))],
)
def test_cut_mix_by_hand(centre, rows, columns):
    images = np.random.default_rng(2).normal(size=(4, 8, 4, 3)).astype(np.float32)
    expected = images.copy()
    inside = np.s_[:, slice(*rows), slice(*columns)]
    expected[inside] = images[[1, 0, 3, 2]][inside]
    mixed, lam = cut_mix(jnp.asarray(images), jnp.float32(0.75), jnp.array(centre))
    np.testing.assert_array_equal(mixed, expected)
    area = (rows[1] - rows[0]) * (columns[1] - columns[0])
    assert float(lam) == pytest.approx(1 - area / 32)


def test_a_batch_is_mixed_with_one_share_and_the_labels_that_go_with_it(images):
    """Whether a step mixes up or cuts, what it returns is what its lam says; half of the steps do either."""
    mix = jax.jit(make_mix(mixup_alpha=1.0, cutmix_alpha=1.0))
    images, labels = jnp.asarray(images), jnp.arange(64)
    other, cuts = np.asarray(neighbours(images)), 0
    for seed in range(60):
        mixed, others, lam = (np.asarray(a) for a in mix(jax.random.key(seed), images, labels))
        np.testing.assert_array_equal(others, np.arange(64) ^ 1)
        kept = (mixed == images).all((0, 3))  # pixels that are their own in every image
        cut = (kept | (mixed == other).all((0, 3))).all()
        cuts += cut
        if cut:
            assert float(lam) == pytest.approx(float(kept.mean()), abs=1e-6)
        else:
            np.testing.assert_allclose(mixed, lam * images + (1 - lam) * other, atol=1e-5)
    assert 15 <= cuts <= 45


def test_shares_are_drawn_from_beta():
    """Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1))."""
    images, labels = jnp.zeros((2, 1, 1, 1)), jnp.arange(2)
    mix = make_mix(mixup_alpha=0.4)
    shares = jax.jit(jax.vmap(lambda key: mix(key, images, labels)[2]))(jax.random.split(jax.random.key(5), 4_000))
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(shares.var()) == pytest.approx(1 / (4 * 1.8), rel=0.05)


def test_no_mixing():
    assert make_mix() is None


@pytest.mark.parametrize(
    ('make', 'fields', 'said'),
    [
        (make_augment, {'pad_crop': -1}, 'pad_crop is -1'),
        (make_augment, {'lighting_std': -0.1}, 'lighting_std'),
        (make_augment, {'lighting_std': 0.1, 'std': (1.0,)}, 'rows of 1 numbers'),
        (make_augment, {'lighting_std': 0.1, 'lighting_components': ((1, 2, 3),), 'std': (1.0,)}, 'rows of 1 numbers'),
        (make_mix, {'mixup_alpha': -1.0}, 'mixup_alpha'),
        (make_mix, {'cutmix_alpha': 1.0, 'cutmix_prob': 2.0}, 'cutmix_prob'),
    ],
)
def test_values_out_of_range_are_one_line(make, fields, said):
    with pytest.raises(UserError, match=said):
        make(**fields)
