"""ImageNet from mock archives: every picture gets its class in the usual order, whatever the parts are packed in; what
is missing or damaged is one line; a killed prepare can be done again."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter

import imagenet_files as files
import pytest
from imagenet_files import CAR, HEN, NAMES, TENCH

from cnn_bench import data
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError

IDS = (TENCH, HEN, CAR)
TEST = Counter(zip(files.VAL, files.val_files().values(), strict=True))
TRAINING = Counter((name.split('/')[0], content) for name, content in files.train_files().items())
TRAIN_TAR, VAL_TAR, KIT = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar', 'ILSVRC2012_devkit_t12.tar.gz'


def pairs(info: data.Info, split: str) -> Counter:
    """Pairs of the class's id and the stored file, from the set that was prepared."""
    opened = data.open_split(info.name, split)
    return Counter((info.class_ids[row['label']], row['image']) for row in opened.encoded(list(range(len(opened)))))


def class_tars(directory):
    files.ilsvrc(directory)
    outer = {f'{id_}.tar': {} for id_ in files.TRAIN}
    for name, content in files.train_files().items():
        outer[f'{name.split("/")[0]}.tar'][name.split('/')[1]] = content
    (directory / TRAIN_TAR).unlink()
    return files.write(directory / 'train', {name: files.tar(inner) for name, inner in outer.items()}).parent


def unpacked(directory):
    files.write(directory / 'train', files.train_files())
    files.write(directory / 'val', files.val_files())
    return files.write(directory, files.devkit())


def with_kaggles_labels(directory):
    files.ilsvrc(directory)
    (directory / KIT).unlink()
    return files.write(directory, {'LOC_val_solution.csv': files.solution()})


LAYOUTS = {
    'tars': files.ilsvrc,
    'one of the tars': lambda directory: files.ilsvrc(directory) / VAL_TAR,
    'tars and the labels of Kaggle': with_kaggles_labels,
    'tars of classes': class_tars,
    'unpacked': unpacked,
    'Kaggle': files.kaggle,
    'below Kaggle': lambda directory: files.kaggle(directory) / 'ILSVRC' / 'Data' / 'CLS-LOC',
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_each_picture_has_its_class_in_the_usual_order(tmp_path, layout):
    info = prepare('imagenet', LAYOUTS[layout](tmp_path / 'source'))
    assert (info.class_ids, info.class_names, info.image_shape) == (IDS, NAMES, None)
    assert info.sizes == {'train': 6, 'test': 4}
    assert pairs(info, 'train') == TRAINING
    assert pairs(info, 'test') == TEST
    assert check('imagenet') == info
    assert not info.oddities


def test_nothing_is_unpacked(tmp_path, monkeypatch):
    source = files.ilsvrc(tmp_path / 'source')
    before = sorted(source.iterdir())
    monkeypatch.setattr('tarfile.TarFile.extract', None)
    monkeypatch.setattr('tarfile.TarFile.extractall', None)
    monkeypatch.setattr('tempfile.mkstemp', None)
    prepare('imagenet', source)
    assert sorted(source.iterdir()) == before


def test_the_validation_pictures_alone_are_a_test_set(tmp_path):
    source = files.ilsvrc(tmp_path / 'source')
    (source / TRAIN_TAR).unlink()
    info = prepare('imagenet_val', source)
    assert info.sizes == {'test': 4}
    assert info.class_ids == IDS
    assert pairs(info, 'test') == TEST
    assert check('imagenet_val') == info


def test_validation_pictures_in_class_folders(tmp_path):
    sorted_by_class = {f'{id_}/{name}': c for id_, (name, c) in zip(files.VAL, files.val_files().items(), strict=True)}
    files.write(tmp_path / 'val', sorted_by_class)
    assert pairs(prepare('imagenet_val', tmp_path), 'test') == TEST
    files.write(tmp_path / 'train', files.train_files())
    info = prepare('both', tmp_path)
    assert (info.class_ids, info.class_names, info.sizes) == (IDS, NAMES, {'train': 6, 'test': 4})


def without(*names):
    def change(source):
        for name in names:
            (source / name).unlink()

    return change


def cut(name, bytes_left):
    return lambda source: os.truncate(source / name, bytes_left)


def put(name, content):
    return lambda source: (source / name).write_bytes(content)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (without(VAL_TAR), ['has no ILSVRC2012_img_val.tar', 'image-net.org', 'CLS-LOC/val']),
        (without(KIT), ['has no labels', KIT, 'LOC_val_solution.csv', 'Kaggle']),
        (put(KIT, files.tar({'x/data/meta.mat': b''}, 'w:gz')), ['ILSVRC2012_validation_ground_truth.txt']),
        (put(KIT, files.tar(files.devkit() | {'a/meta.mat': b'no'}, 'w:gz')), []),  # the first of that name is read
        (put(KIT, files.tar({**files.devkit(), 'ILSVRC2012_devkit_t12/data/meta.mat': b'x'}, 'w:gz')), ['meta.mat']),
        (put(KIT, files.tar(files.devkit(files.VAL[:3]), 'w:gz')), ['ILSVRC2012_val_00000004.JPEG has no label']),
        (put(KIT, files.tar(files.devkit((*files.VAL, HEN)), 'w:gz')), ['has 4 pictures', '5 labels']),
        (put(KIT, b'nothing'), [KIT, 'cannot be read']),
        (put('LOC_val_solution.csv', b'a,b\nx,y\n'), ['LOC_val_solution.csv: line 2']),
        (put('LOC_synset_mapping.txt', b'tench\n'), ['LOC_synset_mapping.txt: line 1']),
        (cut(TRAIN_TAR, 5000), [TRAIN_TAR, 'cannot be read']),
        (cut(VAL_TAR, 3000), [VAL_TAR, 'cannot be read']),
        (put(TRAIN_TAR, files.tar({'a.JPEG': b'x'})), ['a.JPEG is in no folder or tar']),
        (put(TRAIN_TAR, files.tar({'n01440764.tar': b'x' * 600})), [TRAIN_TAR, 'cannot be read']),
        (put(TRAIN_TAR, files.tar_of_tars(files.train_files({CAR: (0,), HEN: (1,)}))), [TENCH, 'no training pictures']),
        (put(TRAIN_TAR, files.tar({})), ['no pictures of the split train']),
        (
            put(TRAIN_TAR, files.tar_of_tars({**files.train_files(), f'{HEN}/bad.JPEG': b'no picture'})),
            ['1 unreadable', f'{TRAIN_TAR}: {HEN}.tar: bad.JPEG'],
        ),
    ],
)
def test_what_is_missing_or_damaged_is_one_line(tmp_path, data_dir, change, words):
    source = files.ilsvrc(tmp_path / 'source')
    change(source)
    if not words:
        assert prepare('imagenet', source).sizes == {'train': 6, 'test': 4}
        return
    with pytest.raises(UserError) as error:
        prepare('imagenet', source)
    assert '\n' not in str(error.value)
    for word in words:
        assert word in str(error.value)
    assert not data_dir.exists()


def test_unreadable_pictures_are_left_out_when_asked(tmp_path, data_dir):
    source, left_out = files.ilsvrc(tmp_path / 'source'), []
    more = {**files.train_files(), f'{HEN}/bad.JPEG': b'no picture'}
    (source / TRAIN_TAR).write_bytes(files.tar_of_tars(more))
    info = prepare('imagenet', source, skip_unreadable=left_out.append)
    assert left_out == [f'{source / TRAIN_TAR}: {HEN}.tar: bad.JPEG']
    assert pairs(info, 'train') == TRAINING
    shutil.rmtree(data_dir)
    (source / TRAIN_TAR).write_bytes(files.tar_of_tars({n: c if HEN not in n else b'x' for n, c in more.items()}))
    with pytest.raises(UserError, match="no image of class 'hen' in train can be read"):
        prepare('imagenet', source, skip_unreadable=left_out.append)
    assert not data_dir.exists()


KILLED = """
import sys, time
from cnn_bench.data.prepare import prepare
def slow(items, description, total):
    for number, item in enumerate(items):
        if (number, description) == (2, 'writing test'):
            print('writing', flush=True)
            time.sleep(60)
        yield item
prepare('imagenet', sys.argv[1], track=slow)
"""


@pytest.mark.parametrize(('sent', 'remains'), [(signal.SIGKILL, True), (signal.SIGINT, False)])
def test_a_killed_prepare_can_be_done_again(tmp_path, data_dir, sent, remains):
    source = files.ilsvrc(tmp_path / 'source')
    started = [sys.executable, '-c', KILLED, str(source)]
    with subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout.readline() == b'writing\n'
        child.send_signal(sent)
    assert data_dir.exists() is remains
    if remains:
        with pytest.raises(UserError, match='half-written'):
            data.info('imagenet')
    info = prepare('imagenet', source)
    assert pairs(info, 'test') == TEST
    assert [path.name for path in (data_dir / 'imagenet').iterdir()] == ['1.0.0']
    assert check('imagenet') == info


def test_the_ids_are_in_the_facts(tmp_path):
    info = prepare('imagenet', files.ilsvrc(tmp_path / 'source'))
    assert json.loads((info.directory / 'metadata.json').read_text())['class_ids'] == list(IDS)
    assert info.of_classes((2, 0)).class_ids == (CAR, TENCH)


def test_a_directory_may_hold_some_classes_with_the_labels_of_all(tmp_path):
    source = unpacked(tmp_path)
    shutil.rmtree(source / 'train' / HEN)
    (source / 'val' / 'ILSVRC2012_val_00000004.JPEG').unlink()
    info = prepare('imagenet', source)
    assert (info.class_ids, info.sizes) == ((TENCH, CAR), {'train': 5, 'test': 3})
    assert pairs(info, 'test') == TEST - Counter({(HEN, files.val_files()['ILSVRC2012_val_00000004.JPEG']): 1})
