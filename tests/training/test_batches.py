"""Batches depend on the seed and the step alone, and cover what they should."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from image_files import save_image

from cnn_bench import data
from cnn_bench.data import pictures
from cnn_bench.data.pipeline import RandomCrop
from cnn_bench.data.prepare import prepare
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError
from cnn_bench.training.batches import InMemory, Resident, Streamed, eval_batches, train_batches

ONE = jax.local_devices()[:1]
WHOLE = Preprocessing((28, 28, 1), (0.5,), (0.5,))


@pytest.fixture(scope='module')
def split(tiny_data):
    return data.open_split('tiny', 'train', tiny_data)


def test_resident_epochs_are_permutations(split):
    batches = Resident(split, ONE)
    epochs = [batches.train_batches(0, 24, first, 4).ravel() for first in (0, 4)]
    for order in epochs:
        assert sorted(order) == list(range(96))
    assert (epochs[0] != epochs[1]).any()
    assert (batches.train_batches(1, 24, 0, 4).ravel() != epochs[0]).any()


def test_resident_batches_do_not_depend_on_how_many_are_asked_for(split):
    batches = Resident(split, ONE)
    whole = batches.train_batches(0, 24, 4, 4)
    parts = [batches.train_batches(0, 24, step, 1) for step in range(4, 8)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
def test_devices_share_one_batch(split):
    one, four = Resident(split, ONE), Resident(split, jax.local_devices()[:4])
    shares = four.train_batches(0, 24, 2, 2)
    assert shares.shape == (4, 2, 6)
    np.testing.assert_array_equal(np.concatenate(shares, axis=1), one.train_batches(0, 24, 2, 2)[0])


@pytest.mark.parametrize('batch_size', [24, 36, 96, 100, 10**12])
def test_evaluation_covers_every_image_once(split, batch_size):
    for batches in (InMemory(split, ONE), Streamed(split, ONE, preprocessing=WHOLE)):
        labels = np.concatenate([labels for _, labels in batches.eval_batches(batch_size)])
        assert len(labels) == -(-96 // batch_size) * batch_size or len(labels) == 96  # no larger than the set
        np.testing.assert_array_equal(labels[labels >= 0], np.arange(96) % 10)


def test_evaluation_from_memory_and_from_a_stream_gives_the_same_batches(split):
    images, _ = data.load_arrays(split)
    streams = (InMemory(split, ONE).eval_batches(36), Streamed(split, ONE, preprocessing=WHOLE).eval_batches(36))
    for number, ((batch, labels), (streamed, streamed_labels)) in enumerate(zip(*streams, strict=True)):
        real = labels >= 0
        np.testing.assert_array_equal(labels, streamed_labels)
        np.testing.assert_array_equal(batch['label'][0], labels)
        np.testing.assert_array_equal(batch['image'][0][real], streamed['image'][0][real])
        np.testing.assert_array_equal(batch['image'][0][real], images[36 * number :][: real.sum()])


def test_streamed_batches_go_on_from_any_step(split):
    arguments = {'preprocessing': WHOLE, 'random_crop': RandomCrop(scale=(0.5, 1.0))}
    one = Streamed(split, ONE, **arguments)
    first, second = (one.train_batches(0, 24, step, 1) for step in (0, 1))
    again = Streamed(split, ONE, **arguments).train_batches(0, 24, 1, 1)
    np.testing.assert_array_equal(again['image'], second['image'])
    assert (first['image'] != second['image']).any()
    assert first['image'].shape == (1, 1, 24, 28, 28, 1)


def test_where_a_set_lives(split):
    def train(size=28, **options):
        return train_batches(split, ONE, replace(WHOLE, input_shape=(size, size, 1)), RandomCrop(), **options)

    def evaluate(size=28, **options):
        return eval_batches(split, ONE, replace(WHOLE, input_shape=(size, size, 1)), **options)

    assert (type(train()), type(evaluate())) == (Resident, InMemory)
    for options in ({'placement': 'host'}, {'size': 32}):
        assert type(train(**options)) is type(evaluate(**options)) is Streamed
    with pytest.raises(UserError, match='placement is device'):
        train(size=32, placement='device')


@pytest.mark.parametrize('stored', [(1, 1), (9, 5), (20, 28), (375, 500), None])  # None: all of these in one set
@pytest.mark.parametrize(('size', 'resize'), [((20, 28), None), ((20, 28), 23), ((24, 24), 27)])
def test_evaluation_and_prediction_prepare_the_same_images(tmp_path, stored, size, resize):
    """Files of a prepared set, wherever the set lives, reach the network as `predict` and `features` make them."""
    generator = np.random.default_rng(0)
    files = []
    for split in ('train', 'test'):
        for number, shape in enumerate([stored] * 3 if stored else [(1, 1), (9, 5), (375, 500)]):
            pixels = generator.integers(0, 256, (*shape, 3), np.uint8)
            files.append(save_image(tmp_path / 'images' / split / 'a' / f'{number}.png', pixels))
    prepare('set', tmp_path / 'images', tmp_path / 'data')
    preprocessing = Preprocessing((*size, 3), (0.5,) * 3, (0.5,) * 3, resize=resize)
    expected = np.stack([preprocessing.crop(pictures.read(path, 3)) for path in files[3:]])
    for placement in ('auto', 'host'):
        split = data.open_split('set', 'test', tmp_path / 'data')
        batches = eval_batches(split, ONE, preprocessing, placement=placement)
        batch, _ = next(batches.eval_batches(3))
        np.testing.assert_array_equal(batch['image'][0], expected)
