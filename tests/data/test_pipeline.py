"""The batches of a split: resumed, sharded and padded exactly, whatever the number of threads and
processes."""

from itertools import islice

import numpy as np
import pytest

from cnn_bench import data
from cnn_bench.data.pipeline import RandomCrop, draws, random_box
from cnn_bench.data.preprocessing import Preprocessing, resize

WHOLE = RandomCrop(scale=(1.0, 1.0), ratio=(5 / 6, 5 / 6))  # a "crop" that is the whole 6x5 image


def preprocessing(size=5, resize=8):
    return Preprocessing((size, size, 1), (0.5,), (0.5,), resize=resize)


@pytest.fixture
def train(prepared_once):
    return data.open_split('tiny', 'train', prepared_once)


@pytest.fixture
def held_out(prepared_once):
    return data.open_split('tiny', 'test', prepared_once)


def take(n, split, batch_size, **options):
    options = {'seed': 0, 'preprocessing': preprocessing(), 'random_crop': RandomCrop(), 'train': True} | options
    with data.stream(split, batch_size, **options) as batches:
        return list(islice(batches, n))


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a['image'], b['image'])
        np.testing.assert_array_equal(a['label'], b['label'])


def identities(batches, arrays, size=5):
    """Which image each one in the batches is, if they were taken whole: the one that Pillow resizes most alike."""
    resized = [resize(image[..., None], (0, 0, 5, 6), (size, size)) for image in arrays[0]]
    known = np.array(resized, np.int16)
    return [np.abs(known - image).sum((1, 2, 3)).argmin() for batch in batches for image in batch['image']]


def test_shapes_and_types(train):
    (batch,) = take(1, train, 8, preprocessing=preprocessing(7))
    assert (batch['image'].shape, batch['image'].dtype) == ((8, 7, 7, 1), np.uint8)
    assert (batch['label'].shape, batch['label'].dtype) == ((8,), np.int32)


@pytest.mark.parametrize('start', [1, 4, 5, 13])  # an epoch is 5 batches
def test_starting_at_a_step_gives_the_batches_of_an_undisturbed_stream(train, start):
    assert_same(take(20, train, 8)[start:], take(20 - start, train, 8, start_step=start))


def test_the_seed_decides(train):
    assert_same(take(6, train, 8, seed=3), take(6, train, 8, seed=3))
    assert (take(1, train, 8, seed=3)[0]['image'] != take(1, train, 8, seed=4)[0]['image']).any()


def test_each_epoch_is_a_permutation_of_its_own(train, idx_arrays):
    seen = identities(take(15, train, 8, random_crop=WHOLE), idx_arrays['train'])
    epochs = [seen[start : start + 40] for start in (0, 40, 80)]
    assert all(sorted(epoch) == list(range(40)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_epochs_are_permutations_also_where_batches_straddle_them(train, idx_arrays):
    seen = identities(take(10, train, 12, random_crop=WHOLE), idx_arrays['train'])
    assert all(sorted(seen[start : start + 40]) == list(range(40)) for start in (0, 40, 80))


def test_crops_differ_between_epochs(train):
    batches = take(10, train, 8)
    first = {image.tobytes() for batch in batches[:5] for image in batch['image']}
    second = {image.tobytes() for batch in batches[5:] for image in batch['image']}
    assert len(first - second) > 20


def test_a_shard_is_the_same_from_worker_processes(train):
    assert_same(take(5, train, 4, shard=(1, 2))[2:], take(3, train, 4, shard=(1, 2), workers=2, start_step=2))


@pytest.mark.parametrize('count', [2, 4])
def test_shards_together_are_the_unsharded_batches(train, count):
    whole = take(10, train, 8)
    shards = [take(10, train, 8 // count, shard=(index, count)) for index in range(count)]
    for step, batch in enumerate(whole):
        for index, shard in enumerate(shards):
            own = slice(index * 8 // count, (index + 1) * 8 // count)
            np.testing.assert_array_equal(shard[step]['image'], batch['image'][own])
            np.testing.assert_array_equal(shard[step]['label'], batch['label'][own])


def test_worker_processes_change_nothing(train):
    assert_same(take(7, train, 8)[3:], take(4, train, 8, workers=2, start_step=3))


def test_evaluation_covers_every_image_once_in_order_and_pads(held_out, idx_arrays):
    batches = take(None, held_out, 4, train=False, preprocessing=preprocessing(5, None))
    images, labels = idx_arrays['test']
    assert [batch['label'].shape for batch in batches] == [(4,)] * 4
    found = np.concatenate([batch['label'] for batch in batches])
    assert found.tolist() == [*labels, -1, -1, -1]
    shown = np.concatenate([batch['image'] for batch in batches])[:13]
    expected = [image[..., None][:5] for image in images]  # 6x5: half a pixel is rounded to 0
    np.testing.assert_array_equal(shown, expected)


def test_evaluation_shards_are_disjoint_complete_and_equally_long(held_out):
    shards = [take(None, held_out, 2, train=False, shard=(index, 3)) for index in range(3)]
    assert [len(shard) for shard in shards] == [3, 3, 3]
    labels = np.concatenate([batch['label'] for shard in shards for batch in shard])
    assert sorted(labels[labels >= 0]) == sorted(held_out[i]['label'] for i in range(13))


def test_random_boxes_keep_to_their_scale_and_ratio():
    boxes = [random_box(drawn, 100, 150, (0.25, 0.5), (0.5, 2.0)) for drawn in draws(0, 0, 300)]
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= 150
        assert 0 <= top < bottom <= 100
        assert 0.24 < (right - left) * (bottom - top) / 15_000 < 0.51
        assert 0.48 < (right - left) / (bottom - top) < 2.08
    assert np.ptp([box[0] for box in boxes]) > 60


def test_a_box_that_never_fits_is_the_largest_allowed():
    box = random_box(draws(0, 0, 1)[0], 10, 1_000, (1.0, 1.0), (0.5, 2.0))
    assert box == (490, 0, 510, 10)


def test_a_closed_stream_is_at_its_end(train):
    batches = data.stream(train, 8, seed=0, preprocessing=preprocessing(), train=True)
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []
