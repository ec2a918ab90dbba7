"""Which reader takes a path; of what none takes, what was seen and what is known are said in a line."""

import cifar_files
import imagenet_files as files
import numpy as np
import pytest

from cnn_bench.data import readers
from cnn_bench.data.readers import cifar, folders, idx, imagenet_v2, npz, packed_folders, tiny_imagenet
from cnn_bench.errors import UserError


def test_what_is_not_recognised(tmp_path):
    (tmp_path / 'notes.txt').write_text('hello')
    (tmp_path / 'more').mkdir()
    said = {}
    odd = cifar_files.write_archive(tmp_path / 'odd.tar.gz', 'cifar-10-batches-mat', {'data_batch_1.mat': b''})
    for path in (tmp_path, tmp_path / 'notes.txt', tmp_path / 'more', odd, tmp_path / 'none'):
        with pytest.raises(UserError) as error:
            readers.recognise(path)
        said[path.name] = str(error.value)
        assert '\n' not in said[path.name]
    assert 'a directory with more/, notes.txt, odd.tar.gz; known are: ImageNet: ' in said[tmp_path.name]
    assert 'a file of 5 bytes;' in said['notes.txt']
    assert 'an empty directory;' in said['more']
    assert 'an archive with data_batch_1.mat;' in said['odd.tar.gz']
    assert said['none'].endswith('none is not there; --from takes a directory or a file')


def test_what_was_meant_is_said(tmp_path, idx_source):
    archive = cifar_files.write_archive(tmp_path / 'x' / 'c.tar.gz', 'c', {'train.bin': b'', 'test.bin': b''})
    with pytest.raises(UserError, match=f'did you mean --from {archive}'):
        readers.recognise(tmp_path / 'x')
    stray = tmp_path / 'svhn' / 'readme.txt'
    stray.parent.mkdir()
    for name in (stray.name, 'train_32x32.mat'):
        (stray.parent / name).write_text('')
    with pytest.raises(UserError, match=f'did you mean --from {stray.parent}'):
        readers.recognise(stray)


def test_class_folders_beside_stray_files(tmp_path):
    (tmp_path / 'train' / 'ant').mkdir(parents=True)
    (tmp_path / 'test').write_text('not the test split')
    assert readers.recognise(tmp_path) is folders


def test_readers_in_their_order(tmp_path, idx_source):
    np.savez(tmp_path / 'x.npz', a=np.zeros(3))
    assert readers.recognise(tmp_path / 'x.npz') is npz
    assert readers.recognise(idx_source) is idx
    assert len(readers.forms()) == len(readers.READERS)


def test_archives_of_pictures_by_their_content(tmp_path):
    """Under any name, and without reading further than the first files."""
    picture = files.encode(files.pixels(0))
    content = {
        tiny_imagenet: files.tiny_imagenet(),
        imagenet_v2: {'imagenetv2-top-images-format-val/0/x.jpeg': picture},
        packed_folders: {'top/readme.txt': b'x', 'top/train/a/1.jpg': picture},
        cifar: {'c/train.bin': b'', 'c/test.bin': b''},
    }
    for reader, held in content.items():
        for name, packed in {
            'x.zip': files.zipped(held),
            'x.tar': files.tar(held),
            'x.tgz': files.tar(held, 'w:gz'),
        }.items():
            if reader is cifar and name == 'x.zip':
                continue
            (tmp_path / name).write_bytes(packed + b'and a damaged end')
            if name != 'x.zip':  # whose list of files is at its end
                assert readers.recognise(tmp_path / name) is reader, name
            (tmp_path / name).write_bytes(packed)
            assert readers.recognise(tmp_path / name) is reader, name
