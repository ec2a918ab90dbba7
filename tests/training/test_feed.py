"""Batches depend on the seed and the step alone, and cover what they should."""

import jax
import numpy as np
import pytest

from cnn_bench import data
from cnn_bench.errors import UserError
from cnn_bench.training.feed import Resident, Streamed, make_feed

ONE = jax.local_devices()[:1]


@pytest.fixture(scope='module')
def split(tiny_data):
    return data.open_split('tiny', 'train', tiny_data)


def test_resident_epochs_are_permutations(split):
    feed = Resident(split, ONE)
    epochs = [feed.train_batches(0, 24, first, 4).ravel() for first in (0, 4)]
    for order in epochs:
        assert sorted(order) == list(range(96))
    assert (epochs[0] != epochs[1]).any()
    assert (feed.train_batches(1, 24, 0, 4).ravel() != epochs[0]).any()


def test_resident_batches_do_not_depend_on_how_many_are_asked_for(split):
    feed = Resident(split, ONE)
    whole = feed.train_batches(0, 24, 4, 4)
    parts = [feed.train_batches(0, 24, step, 1) for step in range(4, 8)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
def test_devices_share_one_batch(split):
    one, four = Resident(split, ONE), Resident(split, jax.local_devices()[:4])
    shares = four.train_batches(0, 24, 2, 2)
    assert shares.shape == (4, 2, 6)
    np.testing.assert_array_equal(np.concatenate(shares, axis=1), one.train_batches(0, 24, 2, 2)[0])


@pytest.mark.parametrize('batch_size', [24, 36, 96, 100])
def test_evaluation_covers_every_image_once(split, batch_size):
    for feed in (Resident(split, ONE), Streamed(split, ONE, size=28, workers=0, crop_fraction=1.0)):
        labels = np.concatenate([labels for _, labels in feed.eval_batches(batch_size)])
        assert len(labels) % batch_size == 0
        np.testing.assert_array_equal(labels[labels >= 0], np.arange(96) % 10)


def test_streamed_and_resident_evaluation_give_the_same_images(split):
    images, _ = data.load_arrays(split)
    feed = Streamed(split, ONE, size=28, workers=0, crop_fraction=1.0)
    batch, _ = next(feed.eval_batches(96))
    np.testing.assert_array_equal(batch['image'][0], images)


def test_streamed_batches_go_on_from_any_step(split):
    arguments = {'size': 28, 'workers': 0, 'scale': (0.5, 1.0)}
    one = Streamed(split, ONE, **arguments)
    first, second = (one.train_batches(0, 24, step, 1) for step in (0, 1))
    again = Streamed(split, ONE, **arguments).train_batches(0, 24, 1, 1)
    np.testing.assert_array_equal(again['image'], second['image'])
    assert (first['image'] != second['image']).any()
    assert first['image'].shape == (1, 1, 24, 28, 28, 1)


def test_where_a_set_lives(split, tiny_recipe):
    def feed(size=28, **fields):
        return make_feed(tiny_recipe(**fields), split, ONE, size)

    assert isinstance(feed(), Resident)
    assert isinstance(feed(dataset__placement='host'), Streamed)
    assert isinstance(feed(size=32), Streamed)
    with pytest.raises(UserError, match='placement is device'):
        feed(size=32, dataset__placement='device')
