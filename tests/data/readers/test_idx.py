"""IDX files under the names of MNIST's relatives."""

import gzip
import shutil

import numpy as np
import pytest

from cnn_bench import data
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError

IMAGES = np.random.default_rng(4).integers(0, 256, (30, 6, 5), np.uint8)


def write(path, array, code=8):
    content = bytes([0, 0, code, array.ndim]) + np.array(array.shape, '>i4').tobytes() + array.tobytes()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == '.gz' else content)


def write_letters(directory, name='letters', first=1):
    labels = (np.arange(30) % 26 + first).astype(np.uint8)
    for split in ('train', 'test'):
        write(directory / f'emnist-{name}-{split}-images-idx3-ubyte.gz', IMAGES.transpose(0, 2, 1))
        write(directory / f'emnist-{name}-{split}-labels-idx1-ubyte.gz', labels)
    return directory


def test_emnist_letters_have_26_classes_and_stand_upright(tmp_path):
    info = prepare('mine', write_letters(tmp_path / 'emnist'))
    assert info.class_names == tuple('ABCDEFGHIJKLMNOPQRSTUVWXYZ')
    images, labels = data.load_arrays(data.open_split('mine', 'test'))
    np.testing.assert_array_equal(images[..., 0], IMAGES)  # as written, with rows for columns
    np.testing.assert_array_equal(labels, np.arange(30) % 26)


def test_of_several_sets_one_is_chosen_by_one_of_its_files(tmp_path):
    source = write_letters(write_letters(tmp_path / 'emnist'), 'digits', first=0)
    with pytest.raises(UserError, match=r'the files of 2 sets \(emnist-digits-train-images-idx3-ubyte, emnist-letters'):
        prepare('mine', source)
    for name, count in (('digits', 26), ('letters', 26)):
        info = prepare(name, source / f'emnist-{name}-test-labels-idx1-ubyte.gz')
        assert (info.num_classes, info.class_names[1]) == (count, {'digits': '1', 'letters': 'B'}[name])
    shutil.rmtree(source)


def test_qmnist(tmp_path):
    labels = np.zeros((30, 8), '>i4')
    labels[:, 0] = np.arange(30) % 10
    labels[:, 1:] = 1_000_000
    for split in ('train', 'test'):
        write(tmp_path / 'q' / f'qmnist-{split}-images-idx3-ubyte', IMAGES)
        write(tmp_path / 'q' / f'qmnist-{split}-labels-idx2-int', labels, code=12)
    assert prepare('qmnist', tmp_path / 'q').sizes == {'train': 30, 'test': 30}
    np.testing.assert_array_equal(data.load_arrays(data.open_split('qmnist', 'train'))[1], np.arange(30) % 10)
    (tmp_path / 'q' / 'qmnist-test-images-idx3-ubyte').unlink()
    with pytest.raises(UserError, match='qmnist-test-images-idx3-ubyte is missing'):
        prepare('other', tmp_path / 'q')


def test_images_in_the_place_of_labels(tmp_path):
    source = write_letters(tmp_path / 'emnist')
    name = 'emnist-letters-{}-{}-ubyte.gz'.format
    shutil.copy(source / name('train', 'images-idx3'), source / name('train', 'labels-idx1'))
    with pytest.raises(UserError, match='the emnist-letters-train labels are uint8 of 3 dimension'):
        prepare('mine', source)
