"""Segmentation against sums written out pixel by pixel, scikit-learn's confusion matrix, and SciPy's interpolation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from cnn_bench import recipe
from cnn_bench.data.augment import make_pair_augment, zoomed
from cnn_bench.data.described import VOID
from cnn_bench.errors import UserError
from cnn_bench.tasks import Segmentation
from cnn_bench.tasks.segmentation import ious

RNG = np.random.default_rng(0)
CLASSES = 4
LOGITS = RNG.standard_normal((3, 5, 6, CLASSES)).astype(np.float32)
MASKS = RNG.choice([0, 1, 2, VOID], (3, 5, 6)).astype(np.int16)  # no pixel is of class 3


def _counted():
    """(true class, predicted class, negative log-probability) of every pixel of every image that is not void."""
    for image, mask in zip(LOGITS.astype(float), MASKS, strict=True):
        rows = []
        for place in np.ndindex(mask.shape):
            if mask[place] != VOID:
                z = image[place]
                rows.append((mask[place], z.argmax(), np.log(np.exp(z).sum()) - z[mask[place]]))
        yield rows


def test_loss_and_error_by_hand():
    images = list(_counted())
    loss = np.mean([np.mean([nll for _, _, nll in image]) for image in images])
    wrong = np.mean([np.mean([true != found for true, found, _ in image]) for image in images])
    assert float(Segmentation().loss(LOGITS, MASKS)) == pytest.approx(loss, rel=1e-5)
    assert float(Segmentation().train_errors(LOGITS, MASKS)['pixel']) == pytest.approx(wrong, rel=1e-6)


def test_padding_and_void_pixels_count_nowhere():
    padded = np.concatenate([MASKS, np.full((1, 5, 6), -1, np.int16)])
    logits = np.concatenate([LOGITS, LOGITS[:1]])
    sums, each = Segmentation().evaluated(jnp.asarray(logits), jnp.asarray(padded))
    assert sums['count'] == 3
    matrix = np.zeros((CLASSES, CLASSES))
    for image in _counted():
        for true, found, _ in image:
            matrix[true, found] += 1
    np.testing.assert_array_equal(sums['confusion'], matrix)
    np.testing.assert_array_equal(np.sum(each[:3], axis=0), matrix)
    metrics = Segmentation().metrics(sums)
    pairs = [(true, found) for image in _counted() for true, found, _ in image]
    of_class = []
    for label in range(CLASSES):
        both = sum(true == found == label for true, found in pairs)
        either = sum(label in pair for pair in pairs)
        of_class.append(both / either)
    assert metrics['miou_err_pct'] == pytest.approx(100 - 100 * np.mean(of_class))
    assert metrics['pixel_err_pct'] == pytest.approx(100 * np.mean([true != found for true, found in pairs]))
    assert metrics['images'] == 3


def test_iou_is_that_of_scikit_learn():
    metrics = pytest.importorskip('sklearn.metrics')
    true, found = RNG.integers(0, 6, (2, 500))
    matrix = metrics.confusion_matrix(true, found, labels=range(7))
    expected = metrics.jaccard_score(true, found, labels=range(6), average=None)
    np.testing.assert_allclose(ious(matrix)[:6], expected)
    assert np.isnan(ious(matrix)[6])  # of no class of the seven that nothing has


def test_an_output_that_is_not_finite_is_counted():
    logits = jnp.asarray(LOGITS).at[1, 2, 3, 0].set(jnp.nan)
    assert Segmentation().evaluated(logits, jnp.asarray(MASKS)).sums['bad'] == 1


@pytest.mark.parametrize(('factor', 'place'), [(1.7, (0.2, 0.9)), (0.6, (0.5, 0.1))])
def test_an_image_and_its_mask_are_enlarged_together(factor, place):
    image = RNG.standard_normal((11, 8, 2)).astype(np.float32)
    mask = RNG.integers(0, 5, (11, 8)).astype(np.int16)
    made, made_mask = zoomed(jnp.asarray(image), jnp.asarray(mask), jnp.float32(factor), jnp.asarray(place))
    axes = [
        share * (size - size / factor) + (np.arange(size) + 0.5) / factor - 0.5
        for size, share in zip(mask.shape, place, strict=True)
    ]
    grid = np.meshgrid(*axes, indexing='ij')
    expected = np.stack([map_coordinates(image[..., c], grid, order=1, mode='grid-constant') for c in (0, 1)], -1)
    np.testing.assert_allclose(made, expected, atol=1e-4)
    rows, columns = (np.round(axis).astype(int) for axis in axes)
    for i, j in np.ndindex(mask.shape):
        inside = 0 <= rows[i] < 11 and 0 <= columns[j] < 8
        assert made_mask[i, j] == (mask[rows[i], columns[j]] if inside else VOID)


def test_augmentation_mirrors_both_and_depends_on_the_key_alone():
    augment = make_pair_augment(flip=True, zoom=(0.5, 2.0), std=(1.0,))
    masks = RNG.integers(0, 3, (4, 6, 6)).astype(np.int16)
    images = masks[..., None].astype(np.float32)
    keys = jax.random.split(jax.random.key(3), 4)
    made, made_masks = augment(keys, images, masks)
    again, again_masks = augment(keys[2:], images[2:], masks[2:])
    np.testing.assert_array_equal(made[2:], again)
    np.testing.assert_array_equal(made_masks[2:], again_masks)
    flipped, flipped_masks = make_pair_augment(flip=True, std=(1.0,))(keys, images, masks)
    np.testing.assert_array_equal(flipped[..., 0], flipped_masks)
    assert 0 < sum(np.array_equal(a, b) for a, b in zip(flipped_masks, masks, strict=True)) < 4


@pytest.mark.parametrize(
    ('changed', 'words'),
    [({'mix.mixup_alpha': 0.2}, 'config.mix'), ({'augment.pad_crop': 4}, 'config.augment.pad_crop')],
)
def test_what_is_for_labels_alone_is_refused(changed, words):
    config = recipe.load('configs/camvid.py', changed)
    with pytest.raises(UserError, match=words):
        Segmentation.of_recipe(config, (0.2,) * 3)
