"""The packaged subset of Fashion-MNIST: what the issue promises of it, and that it is drawn from the
official files."""

import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from cnn_bench import data
from cnn_bench.data import locate, make_subset
from cnn_bench.data.check import check
from cnn_bench.data.readers import idx

OFFICIAL = Path('/usr/share/datasets/fashion-mnist')
PACKAGED = locate.PACKAGED / 'fashion_mnist_subset'
needs_official = pytest.mark.skipif(not OFFICIAL.is_dir(), reason='the official IDX files are not installed')


@pytest.fixture(scope='module')
def arrays():
    return {split: data.load_arrays(data.open_split('fashion_mnist_subset', split)) for split in ('train', 'test')}


@pytest.mark.parametrize(('split', 'size'), [('train', 10_000), ('test', 2_000)])
def test_size_and_balance(arrays, split, size):
    images, labels = arrays[split]
    assert images.shape == (size, 28, 28, 1)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int32
    assert np.bincount(labels).tolist() == [size // 10] * 10


def test_it_takes_at_most_8_mb_in_files_of_at_most_2():
    sizes = [path.stat().st_size for path in PACKAGED.rglob('*') if path.is_file()]
    assert sum(sizes) <= 8e6
    assert max(sizes) <= 2e6


def test_its_licence_goes_with_it():
    for path in (PACKAGED / 'LICENSE', PACKAGED / locate.VERSION / 'LICENSE'):
        assert path.read_text().startswith('The MIT License (MIT)\n\nCopyright (c) 2017 Zalando SE')


def test_its_facts(arrays):
    info = data.info('fashion_mnist_subset')
    train = arrays['train'][0] / 255
    assert info.num_classes == 10
    assert info.class_names[0] == 'T-shirt/top'
    assert info.class_names[9] == 'Ankle boot'
    assert (info.channels, info.image_shape) == (1, (28, 28, 1))
    assert info.sizes == {'train': 10_000, 'test': 2_000}
    np.testing.assert_allclose(info.mean, [train.mean()], rtol=1e-12)
    np.testing.assert_allclose(info.std, [train.std()], rtol=1e-12)


def test_one_image_is_the_same_alone_and_with_all(arrays):
    split = data.open_split('fashion_mnist_subset', 'test')
    for index in (0, 1_234, len(split) - 1):
        np.testing.assert_array_equal(split[index]['image'], arrays['test'][0][index])
        assert split[index]['label'] == arrays['test'][1][index]


def test_no_socket_is_opened(monkeypatch):
    def refuse(*_):
        raise AssertionError('a connection was tried')

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    assert data.open_split('fashion_mnist_subset', 'test')[0]['image'].shape == (28, 28, 1)


@needs_official
@pytest.mark.parametrize('split', ['train', 'test'])
def test_its_images_are_the_official_ones(arrays, split):
    images, labels = idx.read_split(OFFICIAL, split)
    indices = json.loads((PACKAGED / locate.VERSION / 'indices.json').read_text())[split]
    assert len(set(indices)) == len(indices)
    np.testing.assert_array_equal(arrays[split][0][..., 0], images[indices])
    np.testing.assert_array_equal(arrays[split][1], labels[indices])


@needs_official
@pytest.mark.slow
def test_it_can_be_made_again(tmp_path):
    assert make_subset.main(['--from', str(OFFICIAL), '--out', str(tmp_path / 'again')]) == 0
    again, packaged = tmp_path / 'again' / locate.VERSION, PACKAGED / locate.VERSION
    old, new = (json.loads((path / 'metadata.json').read_text()) for path in (packaged, again))
    assert new['fingerprint'] == old['fingerprint']
    assert (again / 'indices.json').read_bytes() == (packaged / 'indices.json').read_bytes()
    if new['written_with'] == old['written_with']:
        for path in packaged.iterdir():
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_draw_is_balanced_and_stays_the_same():
    labels = np.arange(30) % 3
    drawn = make_subset.draw(labels, 6, seed=0)
    assert np.bincount(labels[drawn]).tolist() == [2, 2, 2]
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert drawn.tolist() == make_subset.draw(labels, 6, seed=0).tolist()
    assert drawn.tolist() != make_subset.draw(labels, 6, seed=1).tolist()


def test_the_full_check_passes():
    assert check('fashion_mnist_subset') == data.info('fashion_mnist_subset')


def test_a_copy_of_it_opens_from_anywhere(data_dir):
    shutil.copytree(PACKAGED, data_dir / 'copied_set')
    # TFDS takes the shards' names from the JSON files, not from the directory.
    assert len(data.open_split('copied_set', 'test')) == 2_000
    assert data.open_split('copied_set', 'test')[7]['label'] in range(10)
