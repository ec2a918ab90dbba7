"""Writes the four archives of CIFAR as their makers did: pickles of Python 2, or binary records."""

import io
import struct
import tarfile
from pathlib import Path

import numpy as np

TEN = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck')
HUNDRED = tuple(f'thing_{number:02d}' for number in range(100))


def rows(images: np.ndarray) -> np.ndarray:
    """uint8 (n, 32, 32, 3) as CIFAR's rows: all of red, of green, of blue."""
    return np.stack([images[..., channel].reshape(len(images), -1) for channel in range(3)], axis=1).reshape(-1, 3072)


def cifar10_python(splits) -> dict[str, bytes]:
    """Name -> content of the files of cifar-10-python.tar.gz, in the order of the real one."""
    files = {'batches.meta': _pickle({'num_cases_per_batch': 10000, 'label_names': list(TEN), 'num_vis': 3072})}
    for name, images, labels in _batches(splits, 'data_batch_{}', 'test_batch'):
        files[name] = _pickle({'batch_label': 'training batch', 'labels': labels, 'data': rows(images)})
    return {name: files[name] for name in sorted(files, reverse=True)}


def cifar10_binary(splits) -> dict[str, bytes]:
    files = {'batches.meta.txt': '\n'.join(TEN).encode() + b'\n\n', 'readme.html': b'<a href="...">'}
    for name, images, labels in _batches(splits, 'data_batch_{}.bin', 'test_batch.bin'):
        files[name] = b''.join(bytes([label]) + row.tobytes() for label, row in zip(labels, rows(images), strict=True))
    return files


def cifar100_python(splits) -> dict[str, bytes]:
    files = {'meta': _pickle({'fine_label_names': list(HUNDRED), 'coarse_label_names': ['all']})}
    for split, (images, labels) in splits.items():
        fine = labels.tolist()
        files[split] = _pickle({'fine_labels': fine, 'coarse_labels': [0] * len(fine), 'data': rows(images)})
    return files


def cifar100_binary(splits) -> dict[str, bytes]:
    files = {'coarse_label_names.txt': b'all\n', 'fine_label_names.txt': '\n'.join(HUNDRED).encode()}
    for split, (images, labels) in splits.items():
        records = zip(labels.tolist(), rows(images), strict=True)
        files[f'{split}.bin'] = b''.join(bytes([0, label]) + row.tobytes() for label, row in records)
    return files


def write_archive(path: Path, folder: str, files: dict[str, bytes]) -> Path:
    """A .tar.gz of the files below a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f'{folder}/{name}')
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_directory(path: Path, files: dict[str, bytes]) -> Path:
    """The files, unpacked."""
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def _batches(splits, train: str, test: str):
    images, labels = splits['train']
    for number, part in enumerate(np.array_split(np.arange(len(images)), 5), 1):
        yield train.format(number), images[part], labels[part].tolist()
    yield test, splits['test'][0], splits['test'][1].tolist()


def _pickle(value) -> bytes:
    """`value` in the opcodes that Python 2's cPickle writes in protocol 2, which Python 3's pickle does not."""
    return b'\x80\x02' + _opcodes(value) + b'.'


def _opcodes(value) -> bytes:
    match value:
        case int():
            return b'J' + struct.pack('<i', value)
        case str():
            return b'U' + bytes([len(value)]) + value.encode()
        case bytes():
            return b'T' + struct.pack('<i', len(value)) + value
        case list():
            return b'](' + b''.join(map(_opcodes, value)) + b'e'
        case dict():
            return b'}(' + b''.join(_opcodes(key) + _opcodes(item) for key, item in value.items()) + b'u'
        case np.ndarray():
            made = b'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R'
            shape = b''.join(map(_opcodes, value.shape)) + b'\x86'
            dtype = b'cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN' + b'J\xff\xff\xff\xff' * 2 + b'K\x00tb'
            return made + b'(K\x01' + shape + dtype + b'\x89' + _opcodes(value.tobytes()) + b'tb'
    raise TypeError(type(value))
