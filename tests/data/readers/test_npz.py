""".npz files of Keras, MedMNIST and KMNIST are read back; arrays of objects are refused without being unpickled."""

import os

import numpy as np
import pytest

from cnn_bench import data
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError


def drawn(shape, n=12, classes=3):
    images = np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)
    return images, np.arange(n) % classes


def keras(path, **change):
    (x_train, y_train), (x_test, y_test) = drawn((6, 5)), drawn((6, 5), 7)
    arrays = {'x_train': x_train, 'y_train': y_train.astype(np.uint8), 'x_test': x_test, 'y_test': y_test} | change
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_keras(tmp_path):
    info = prepare('mine', keras(tmp_path / 'mnist.npz'))
    assert (info.sizes, info.image_shape, info.class_names) == ({'train': 12, 'test': 7}, (6, 5, 1), ('0', '1', '2'))
    for split, n in info.sizes.items():
        images, labels = data.load_arrays(data.open_split('mine', split))
        np.testing.assert_array_equal(images[..., 0], drawn((6, 5), n)[0])
        np.testing.assert_array_equal(labels, np.arange(n) % 3)
    assert check('mine') == info


@pytest.mark.parametrize('shape', [(6, 5), (6, 5, 3)])
def test_medmnist(tmp_path, shape):
    arrays = {}
    for split, n in {'train': 12, 'val': 6, 'test': 7}.items():
        images, labels = drawn(shape, n)
        arrays |= {f'{split}_images': images, f'{split}_labels': labels[:, None].astype(np.uint8)}
    np.savez(tmp_path / 'pathmnist.npz', **arrays)
    info = prepare('pathmnist', tmp_path / 'pathmnist.npz')
    assert info.sizes == {'train': 12, 'test': 7, 'validation': 6}
    images, labels = data.load_arrays(data.open_split('pathmnist', 'validation'))
    np.testing.assert_array_equal(images.reshape(6, *shape), drawn(shape, 6)[0])
    np.testing.assert_array_equal(labels, np.arange(6) % 3)


def test_four_files_of_kuzushiji_49(tmp_path):
    for split, n in {'train': 12, 'test': 7}.items():
        images, labels = drawn((6, 5), n)
        np.savez_compressed(tmp_path / f'k49-{split}-imgs.npz', np.asfortranarray(images))
        np.savez_compressed(tmp_path / f'k49-{split}-labels.npz', labels)
    assert prepare('k49', tmp_path).sizes == {'train': 12, 'test': 7}
    np.testing.assert_array_equal(data.load_arrays(data.open_split('k49', 'test'))[0][..., 0], drawn((6, 5), 7)[0])
    (tmp_path / 'k49-test-labels.npz').unlink()
    with pytest.raises(UserError, match=r'k49-test-labels\.npz is missing'):
        prepare('other', tmp_path)


class Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('name', ['x_train', 'y_test'])
def test_arrays_of_objects_are_refused_and_not_unpickled(tmp_path, data_dir, name):
    source = keras(tmp_path / 'x.npz', **{name: np.array([Code(tmp_path / 'was_here')], object)})
    with pytest.raises(UserError, match=f'{name}.*[Oo]bject'):
        prepare('mine', source)
    assert not (tmp_path / 'was_here').exists()
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'x_test': None}, 'has the arrays x_train, y_test, y_train, but no x_test; .npz: one file of the form'),
        ({'x_train': np.zeros((12, 6, 5))}, r'x_train is float64 \(12, 6, 5\); images are uint8'),
        ({'x_train': np.zeros((12, 6, 5, 7), np.uint8)}, r'x_train is uint8 \(12, 6, 5, 7\)'),
        ({'x_train': np.zeros((12, 7, 5), np.uint8)}, r'images differ in size: train \(7, 5, 1\), test \(6, 5, 1\)'),
        ({'y_train': np.zeros((12, 14), int)}, r'y_train is int64 \(12, 14\); .*one an image'),
        ({'y_train': np.zeros(11, int)}, '12 train images with 11 labels'),
        ({'y_test': np.full(7, 4)}, 'no training image has label 3'),
    ],
)
def test_bad_arrays_are_one_line(tmp_path, data_dir, change, message):
    with pytest.raises(UserError, match=message) as error:
        prepare('mine', keras(tmp_path / 'x.npz', **change))
    assert '\n' not in str(error.value)
    assert not data_dir.exists()


def test_damaged_files_are_one_line(tmp_path, data_dir):
    path = keras(tmp_path / 'x.npz')
    whole = path.read_bytes()
    for content in (b'', b'no zip', whole[:-200], whole[:300] + b'\0' * 40 + whole[340:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r'x\.npz.*(cannot be read|is cut)') as error:
            prepare('mine', path)
        assert '\n' not in str(error.value)
    assert not data_dir.exists()
