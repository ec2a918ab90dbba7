"""ImageNet-V2: folders are numbers of classes, which text would sort otherwise; a set without training pictures."""

import json

import imagenet_files as files
import numpy as np
import pytest

from cnn_bench import data
from cnn_bench.cli import main
from cnn_bench.data import synsets
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError

FOLDER = 'imagenetv2-matched-frequency-format-val'
LABELS = (2, 10, 9, 0, 999)  # sorted as text: 0, 10, 2, 9, 999
PICTURES = {f'{FOLDER}/{label}/{n}abc.jpeg': files.encode(files.pixels(n)) for n, label in enumerate(LABELS)}


def as_archive(directory):
    path = directory / 'imagenetv2-matched-frequency.tar.gz'
    directory.mkdir()
    path.write_bytes(files.tar(PICTURES, 'w:gz'))
    return path


def as_directory(directory):
    return files.write(directory, PICTURES) / FOLDER


@pytest.mark.parametrize('write', [as_archive, as_directory])
def test_labels_are_the_numbers_of_the_folders(tmp_path, write):
    info = prepare('imagenetv2', write(tmp_path / 'source'))
    assert info.sizes == {'test': 5}
    assert (info.num_classes, info.class_names[9], info.class_ids[10]) == (1000, 'ostrich', 'n01530575')
    assert info.class_ids == tuple(sorted(info.class_ids))
    split = data.open_split('imagenetv2', 'test')
    label_of = dict(zip(PICTURES.values(), LABELS, strict=True))
    assert [label_of[row['image']] for row in split.encoded(list(range(5)))] == split.labels().tolist()
    pixels = np.concatenate([row['image'].reshape(-1, 3) for row in split]) / 255
    np.testing.assert_allclose((info.mean, info.std), (pixels.mean(0), pixels.std(0)), rtol=1e-12)
    assert check('imagenetv2') == info


def test_a_set_without_training_pictures_is_no_set_to_train_on(tmp_path, capsys):
    prepare('imagenetv2', as_archive(tmp_path / 'source'))
    with pytest.raises(UserError, match="unknown split of imagenetv2 'train'; known: test"):
        data.open_split('imagenetv2', 'train')
    arguments = ['train', '--config', 'configs/lenet5.py', '--workdir', str(tmp_path / 'run')]
    assert main([*arguments, '--config.dataset.name=imagenetv2']) == 2
    assert "'train'; known: test" in capsys.readouterr().err


def test_folders_that_are_no_classes(tmp_path):
    with pytest.raises(UserError, match='lies in no folder 0 to 999'):
        prepare('v2', files.write(tmp_path, {'imagenetv2.tar': files.tar({'a/tench/1.jpeg': b'x'})}) / 'imagenetv2.tar')
    files.write(tmp_path / 'digits', {'0/a.jpeg': b'x', '1/a.jpeg': b'x'})  # any set of digits
    with pytest.raises(UserError, match='no form that is known'):
        prepare('v2', tmp_path / 'digits')


def test_weights_are_evaluated_on_it(tmp_path, colour_weights, capsys, monkeypatch):
    """With as many classes as the weights have, whatever the set is without."""
    few = dict(list(synsets.imagenet_names().items())[:10])
    monkeypatch.setattr('cnn_bench.data.synsets.imagenet_names', lambda: few)
    kept = {name: content for name, content in PICTURES.items() if int(name.split('/')[1]) < 10}
    prepare('imagenetv2', files.write(tmp_path / 'source', kept) / FOLDER)
    assert main(['eval', '--weights', colour_weights, '--dataset', 'imagenetv2', '--json']) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said['dataset'], said['split']) == ('imagenetv2', 'test')
    assert 0 <= said['top1_err_pct'] <= 100
