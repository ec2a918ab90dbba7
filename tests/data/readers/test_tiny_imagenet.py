"""Tiny ImageNet from its .zip and from a directory: classes sorted by their ids, names, and no test pictures."""

from collections import Counter

import imagenet_files as files
import numpy as np
import pytest
from imagenet_files import CAR, TENCH

from cnn_bench import data
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError

GHOST = 'n09999999'
TOP = 'tiny-imagenet-200'


def as_zip(directory, content):
    return files.write(directory, {'tiny-imagenet-200.zip': files.zipped(content)}) / 'tiny-imagenet-200.zip'


def as_directory(directory, content):
    return files.write(directory, content) / TOP


@pytest.mark.parametrize('write', [as_zip, as_directory])
def test_pictures_classes_and_names(tmp_path, write):
    content = files.tiny_imagenet()
    info = prepare('tiny_imagenet', write(tmp_path, content))
    assert info.class_ids == (TENCH, CAR, GHOST)
    assert info.class_names == ('tench', 'ambulance', 'ghost')
    assert info.image_shape == (64, 64, 3)
    assert 'test/, which has no labels, left out' in info.source
    expected = {
        'train': Counter((n.split('/')[2], c) for n, c in content.items() if '/train/' in n and n.endswith('.JPEG')),
        'test': Counter({(id_, content[f'{TOP}/val/images/val_{n}.JPEG']): 1 for n, id_ in enumerate((TENCH, GHOST))}),
    }
    for split, wanted in expected.items():
        records = data.open_split('tiny_imagenet', split).encoded(list(range(info.sizes[split])))
        assert Counter((info.class_ids[row['label']], row['image']) for row in records) == wanted
    assert check('tiny_imagenet') == info


@pytest.mark.parametrize('write', [as_zip, as_directory])
@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('val/val_annotations.txt', None, 'has no val_annotations.txt'),
        ('val/val_annotations.txt', b'val_0.JPEG\tn01440764\n', 'val_1.JPEG has no label'),
        ('val/images/val_1.JPEG', None, 'has 1 pictures in val/, and 2 labels'),
        ('wnids.txt', b'one\ntwo\n', 'something else than WordNet ids'),
        ('wnids.txt', b'n01440764\nn02701002\n', 'n09999999.* of train is none of the set'),
        ('words.txt', b'ghost\n', r'words\.txt: line 1'),
        (f'train/{GHOST}/images/{GHOST}_1.JPEG', None, f'no pictures in train/{GHOST}'),
        ('val/images/val_1.JPEG', files.encode(files.pixels(0, 64, 60)), r'shape \(64, 60, 3\), not \(64, 64, 3\)'),
    ],
)
def test_what_is_missing_or_wrong(tmp_path, data_dir, write, name, content, message):
    all_files = files.tiny_imagenet()
    all_files[f'{TOP}/{name}'] = content
    source = write(tmp_path, {name: content for name, content in all_files.items() if content is not None})
    with pytest.raises(UserError, match=message):
        prepare('tiny_imagenet', source)
    assert not data_dir.exists()


def test_a_cut_zip(tmp_path, data_dir):
    source = as_zip(tmp_path, files.tiny_imagenet())
    source.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(UserError, match=r'tiny-imagenet-200\.zip cannot be read'):
        prepare('tiny_imagenet', source)
    whole = files.zipped(files.tiny_imagenet())
    picture = files.encode(files.pixels(2, 64, 64))
    source.write_bytes(whole.replace(picture, picture[:-9] + bytes(9)))
    with pytest.raises(UserError, match=r'tiny-imagenet-200\.zip cannot be read: Bad CRC'):
        prepare('tiny_imagenet', source)
    assert not data_dir.exists()


def test_greyscale_pictures_of_it_are_counted(tmp_path):
    content = files.tiny_imagenet()
    grey = files.pixels(3, 64, 64)[..., 0]
    content[f'{TOP}/val/images/val_0.JPEG'] = files.encode(grey)
    info = prepare('tiny_imagenet', as_zip(tmp_path, content))
    assert info.oddities == {'greyscale': 1}
    assert np.ptp(data.open_split('tiny_imagenet', 'test')[0]['image'], axis=-1).max() == 0
