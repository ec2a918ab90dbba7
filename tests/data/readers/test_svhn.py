"""SVHN's MATLAB files: pixels as written, label 10 as digit 0, extra as a split of its own."""

import numpy as np
import pytest
from scipy.io import savemat

from cnn_bench import data
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError

LABELS = np.arange(1, 11)
DIGITS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def images(split):
    return np.random.default_rng(len(split)).integers(0, 256, (10, 32, 32, 3), np.uint8)


def write(directory, *splits, **change):
    for split in splits:
        content = {'X': np.moveaxis(images(split), 0, 3), 'y': LABELS[:, None].astype(np.uint8)} | change
        savemat(directory / f'{split}_32x32.mat', content, do_compression=True)
    return directory


def test_three_splits(tmp_path):
    info = prepare('svhn', write(tmp_path, 'train', 'test', 'extra'))
    assert info.sizes == {'train': 10, 'test': 10, 'extra': 10}
    assert info.class_names == tuple('0123456789')
    for split in info.sizes:
        loaded = data.load_arrays(data.open_split('svhn', split))
        np.testing.assert_array_equal(loaded[0], images(split))
        assert loaded[1].tolist() == DIGITS


def test_bad_files_are_one_line(tmp_path, data_dir):
    write(tmp_path, 'train')
    with pytest.raises(UserError, match=r'test_32x32\.mat is missing'):
        prepare('svhn', tmp_path)
    for change, message in (
        ({'y': np.arange(10)}, 'has a label 0; labels are 1 to 10'),
        ({'y': LABELS[:9]}, '10 test images with 9 labels'),
        ({'X': np.zeros((32, 32, 10), np.uint8)}, r'X is uint8 of shape \(32, 32, 10\), not uint8 \(h, w, 3, n\)'),
        ({'y': LABELS + 0.5}, 'y is float64, not integers'),
    ):
        with pytest.raises(UserError, match=message):
            prepare('svhn', write(tmp_path, 'test', **change))
    whole = (tmp_path / 'train_32x32.mat').read_bytes()
    for content in (b'', whole[:1000]):
        (tmp_path / 'test_32x32.mat').write_bytes(content)
        with pytest.raises(UserError, match=r'test_32x32\.mat cannot be read') as error:
            prepare('svhn', tmp_path)
        assert '\n' not in str(error.value)
    savemat(tmp_path / 'test_32x32.mat', {'z': 1})
    with pytest.raises(UserError, match='has no variable X'):
        prepare('svhn', tmp_path)
    assert not data_dir.exists()
