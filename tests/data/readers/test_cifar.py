"""CIFAR from its archives equals the same images from class folders; bad archives are one line, and run no code."""

import os
import pickle

import cifar_files
import numpy as np
import pytest
from image_files import save_image

from cnn_bench import data
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError

ARCHIVES = {
    'cifar-10-batches-py': (cifar_files.cifar10_python, cifar_files.TEN),
    'cifar-10-batches-bin': (cifar_files.cifar10_binary, cifar_files.TEN),
    'cifar-100-python': (cifar_files.cifar100_python, cifar_files.HUNDRED),
    'cifar-100-binary': (cifar_files.cifar100_binary, cifar_files.HUNDRED),
}


def drawn(num_classes: int):
    """Images in the order in which class folders are read: by class."""
    generator = np.random.default_rng(3)
    labels = {'train': np.sort(np.arange(max(20, num_classes)) % num_classes), 'test': np.arange(0, num_classes, 2)}
    return {
        split: (generator.integers(0, 256, (len(y), 32, 32, 3), np.uint8), np.asarray(y)) for split, y in labels.items()
    }


@pytest.fixture(scope='module')
def ten():
    return drawn(10)


@pytest.fixture
def python_files(ten):
    return cifar_files.cifar10_python(ten)


@pytest.mark.parametrize('folder', ARCHIVES)
def test_an_archive_its_directory_and_class_folders_are_the_same_set(tmp_path, folder):
    """The fingerprint is over the names of the classes and every label and pixel, in order."""
    make, class_names = ARCHIVES[folder]
    splits = drawn(len(class_names))
    for split, (images, labels) in splits.items():
        for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
            save_image(tmp_path / 'folders' / split / class_names[label] / f'{number:04d}.png', pixels)
    pictures = prepare('pictures', tmp_path / 'folders')
    packed = prepare('packed', cifar_files.write_archive(tmp_path / 'cifar.tar.gz', folder, make(splits)))
    unpacked = prepare('unpacked', cifar_files.write_directory(tmp_path / folder, make(splits)))
    assert packed.class_names == class_names
    assert packed.image_shape == (32, 32, 3)
    assert packed.fingerprint == unpacked.fingerprint == pictures.fingerprint
    for split, (images, labels) in splits.items():
        loaded = data.load_arrays(data.open_split('packed', split))
        np.testing.assert_array_equal(loaded[0], images)
        np.testing.assert_array_equal(loaded[1], labels)
    assert check('packed') == packed


@pytest.mark.parametrize('protocol', [0, 2, 4, 5])
def test_pickles_that_were_written_again_by_python_3(tmp_path, ten, python_files, protocol):
    for name, content in python_files.items():
        python_files[name] = pickle.dumps(pickle.loads(content, encoding='latin1'), protocol)
    prepare('again', cifar_files.write_directory(tmp_path / 'x', python_files))
    np.testing.assert_array_equal(data.load_arrays(data.open_split('again', 'test'))[0], ten['test'][0])


class Code:
    """What it does when it is unpickled would be seen."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('protocol', range(6))
@pytest.mark.parametrize('name', ['data_batch_3', 'batches.meta'])
def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path, data_dir, python_files, name, protocol):
    held = pickle.loads(python_files[name], encoding='latin1')
    python_files[name] = pickle.dumps(held | {'more': Code(tmp_path / 'was_here')}, protocol)
    source = cifar_files.write_archive(tmp_path / 'cifar.tar.gz', 'cifar-10-batches-py', python_files)
    with pytest.raises(UserError, match=f'{name} is a pickle that names (posix|os).mkdir; only arrays and bytes'):
        prepare('cifar10', source)
    assert not (tmp_path / 'was_here').exists()
    assert not data_dir.exists()
    pickle.loads(python_files[name], encoding='latin1')  # as others would read it
    assert (tmp_path / 'was_here').exists()


def changed(name, change):
    return lambda files: files | {name: change(files[name])}


def repickled(name, key, change):
    def change_one(content):
        held = pickle.loads(content, encoding='latin1')
        return pickle.dumps(held | {key: change(held[key])})

    return changed(name, change_one)


def without(*names):
    return lambda files: {name: content for name, content in files.items() if name not in names}


@pytest.mark.parametrize(
    ('make', 'change', 'message'),
    [
        (
            cifar_files.cifar10_python,
            without('data_batch_2'),
            'has no data_batch_2; CIFAR-10, python version has data_',
        ),
        (cifar_files.cifar10_python, without('batches.meta'), r'has no batches\.meta;'),
        (cifar_files.cifar10_python, changed('data_batch_1', lambda b: b[:500]), 'data_batch_1 cannot be read: '),
        (cifar_files.cifar10_python, changed('test_batch', lambda b: b''), 'test_batch cannot be read: '),
        (cifar_files.cifar10_python, changed('test_batch', lambda b: pickle.dumps(3)), 'it holds no dictionary'),
        (
            cifar_files.cifar10_python,
            repickled('test_batch', 'data', lambda d: d[:, 1:]),
            r'no array of bytes \(n, 3072',
        ),
        (cifar_files.cifar10_python, repickled('test_batch', 'data', lambda d: d.astype(object)), 'cannot be read: '),
        (
            cifar_files.cifar10_python,
            repickled('test_batch', 'labels', lambda y: y[1:]),
            "it has 5 images, and 'labels'",
        ),
        (
            cifar_files.cifar10_python,
            repickled('test_batch', 'labels', lambda y: [10, *y[1:]]),
            'image 0 of test has lab',
        ),
        (
            cifar_files.cifar10_python,
            repickled('test_batch', 'labels', lambda y: [-1, *y[1:]]),
            'has label -1; the 10 cl',
        ),
        (cifar_files.cifar10_python, repickled('batches.meta', 'label_names', lambda n: ['a'] * 10), 'are the same'),
        (cifar_files.cifar10_binary, without('test_batch.bin'), r'has no test_batch\.bin'),
        (
            cifar_files.cifar10_binary,
            changed('data_batch_4.bin', lambda b: b[:-1]),
            'no whole number of records of 3,073',
        ),
        (
            cifar_files.cifar10_binary,
            changed('data_batch_4.bin', lambda b: b'\x0a' + b[1:]),
            'image 12 of train has label',
        ),
        (
            cifar_files.cifar10_binary,
            changed('batches.meta.txt', lambda b: b'\xff'),
            r'batches\.meta\.txt cannot be read',
        ),
    ],
)
def test_bad_archives_are_one_line(tmp_path, data_dir, ten, make, change, message):
    source = cifar_files.write_archive(tmp_path / 'cifar.tar.gz', 'cifar', change(make(ten)))
    with pytest.raises(UserError, match=message) as error:
        prepare('cifar10', source)
    assert '\n' not in str(error.value)
    assert str(source) in str(error.value)
    assert not data_dir.exists()


def test_a_cut_archive(tmp_path, data_dir, python_files):
    source = cifar_files.write_archive(tmp_path / 'cifar.tar.gz', 'cifar-10-batches-py', python_files)
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match='cannot be read: '):
        prepare('cifar10', source)
    source.write_bytes(whole[:40])
    with pytest.raises(UserError, match='has no form that is known: a file of 40 bytes'):
        prepare('cifar10', source)
    assert not data_dir.exists()
