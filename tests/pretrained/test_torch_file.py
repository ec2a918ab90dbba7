"""Files of torch.save are read without PyTorch; nothing in them is run, and what is damaged is refused.

The files were written by PyTorch (record_torch_files.py), or are made here, by hand.
"""

import base64
import gzip
import json
import os
import pickle
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cnn_bench.errors import UserError
from cnn_bench.pretrained.torch_file import load

MOST = 10**4


@cache
def recorded() -> dict[str, bytes]:
    with gzip.open(Path(__file__).with_name('torch_files.json.gz'), 'rt') as file:
        return {name: base64.b64decode(text) for name, text in json.load(file)['files'].items()}


def read(tmp_path, content: bytes, most=MOST):
    path = tmp_path / 'w.pth'
    path.write_bytes(content)
    return load(path, most)


def refusal(tmp_path, content: bytes, most=MOST) -> str:
    with pytest.raises(UserError) as raised:
        read(tmp_path, content, most)
    assert '\n' not in str(raised.value)
    assert 'cannot be read: ' in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize('older', ['', '_older'])
def test_tensors_of_every_type(tmp_path, older):
    found = read(tmp_path, recorded()[f'tensors{older}'])
    whole = np.arange(12, dtype=np.float32).reshape(3, 4)
    expected = {'whole': whole, 'turned': whole.T, 'row': whole[1], 'number': np.int64(7), 'none': whole[:0, :3]}
    assert {name: array.dtype.name for name, array in found.items()} == {
        **dict.fromkeys(('whole', 'turned', 'row', 'none'), 'float32'),
        'number': 'int64',
        **{kind: kind for kind in ('float64', 'float16', 'bfloat16', 'int32', 'int16', 'int8', 'bool')},
    }
    for name, array in found.items():
        values = expected.get(name, np.array([1, 1] if name == 'bool' else [-1.5, 2] if 'float' in name else [-1, 2]))
        np.testing.assert_array_equal(array.astype(float), values)
        assert array.shape == values.shape
        assert not array.flags.writeable or not array.size


@pytest.mark.parametrize('older', ['', '_older'])
def test_checkpoints_with_more_than_weights(tmp_path, older):
    found = read(tmp_path, recorded()[f'checkpoint{older}'])
    names = ['0.weight', '0.bias', '0.running_mean', '0.running_var', '0.num_batches_tracked', '1.weight']
    assert list(found['model']) == names
    np.testing.assert_array_equal(found['parameters']['1.weight'], np.array([3, 4]).reshape(1, 2, 1, 1))
    np.testing.assert_array_equal(found['model']['0.running_var'], [1, 1])
    assert found['optimizer']['param_groups'][0]['momentum'] == 0.9
    assert found['args'] == {'arch': 'resnet50', 'lr': 0.1, 'output_dir': None}
    assert (found['best'], found['epoch'], found['shape'], found['device']) == (76.5, 3, (1, 2), 'cuda:0')
    assert (found['kind'], found['frozen']) == ('bfloat16', {'a', 'b'})


@pytest.mark.parametrize('name', ['network', 'network_older'])
def test_whole_networks_are_refused_by_the_name_of_their_class(tmp_path, name):
    assert 'other than tensors (torch.nn.modules.container.Sequential), which' in refusal(tmp_path, recorded()[name])


def test_torchscript_is_refused(tmp_path):
    assert 'TorchScript archive; save torch.jit.load(FILE).state_dict()' in refusal(tmp_path, recorded()['script'])


@pytest.mark.parametrize('name', ['tensors', 'tensors_older'])
def test_more_numbers_than_expected_are_refused(tmp_path, name):
    assert 'numbers; at most 20 are expected' in refusal(tmp_path, recorded()[name], most=20)


class Program:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def archive(tmp_path, pickled: bytes, compression=zipfile.ZIP_STORED, **members: bytes) -> bytes:
    path = tmp_path / 'made.zip'
    with zipfile.ZipFile(path, 'w', compression) as made:
        made.writestr('w/data.pkl', pickled)
        for name, content in members.items():
            made.writestr(f'w/data/{name.removeprefix("_")}', content)
    return path.read_bytes()


@pytest.mark.parametrize('older', [False, True])
def test_nothing_is_run(tmp_path, older):
    sign = tmp_path / 'ran'
    pickled = pickle.dumps({'w': Program(os.system, f'touch {sign}')}, 2)
    if older:
        start = recorded()['tensors_older']
        content = start[: start.index(b'}q\x00(X\x10')] + pickle.dumps({'little_endian': True}, 2)[2:] + pickled
    else:
        content = archive(tmp_path, pickled)
    assert 'other than tensors (posix.system), which are not loaded' in refusal(tmp_path, content)
    assert not sign.exists()


# A tensor as PyTorch pickles it: a storage of 4 numbers, offset, size, stride.
TENSOR = """ctorch._utils
_rebuild_tensor_v2
((Vstorage
ctorch
FloatStorage
V0
Vcpu
I{count}
tQI{offset}
(I{rows}
I{columns}
t(I{step}
I1
tI00
NtR."""


def tensor(tmp_path, dtype='<f4', **fields) -> bytes:
    fields = {'count': 4, 'offset': 0, 'rows': 2, 'columns': 2, 'step': 2, **fields}
    return archive(tmp_path, TENSOR.format(**fields).encode(), _0=np.arange(4, dtype=dtype).tobytes())


def test_a_tensor_by_hand(tmp_path):
    np.testing.assert_array_equal(read(tmp_path, tensor(tmp_path)), [[0, 1], [2, 3]])
    np.testing.assert_array_equal(read(tmp_path, tensor(tmp_path, step=1, offset=1)), [[1, 2], [2, 3]])


@pytest.mark.parametrize(
    'fields',
    [{'offset': 1}, {'step': 3}, {'rows': 3}, {'offset': -1}, {'step': -2}, {'rows': -1}, {'count': 5}, {'count': -1}],
)
def test_tensors_that_reach_beyond_their_storage(tmp_path, fields):
    assert 'cut or damaged' in refusal(tmp_path, tensor(tmp_path, **fields))


def test_tensors_that_claim_much(tmp_path):
    assert '2,000,000,000,000 numbers; at most' in refusal(tmp_path, tensor(tmp_path, rows=10**12, step=0))


def test_numbers_of_the_other_byte_order(tmp_path):
    content = tensor(tmp_path, '>f4')
    path = tmp_path / 'big.zip'
    path.write_bytes(content)
    with zipfile.ZipFile(path, 'a') as made:
        made.writestr('w/byteorder', 'big')
    np.testing.assert_array_equal(load(path, MOST), [[0, 1], [2, 3]])


def test_archives_of_other_kinds(tmp_path):
    assert 'it is compressed' in refusal(tmp_path, archive(tmp_path, pickle.dumps({}, 2), zipfile.ZIP_DEFLATED))
    path = tmp_path / 'other.zip'
    with zipfile.ZipFile(path, 'w') as made:
        made.writestr('a.txt', 'text')
    assert 'not a file of torch.save' in refusal(tmp_path, path.read_bytes())
    assert 'not a file of torch.save' in refusal(tmp_path, b'')
    assert 'not a file of torch.save' in refusal(tmp_path, pickle.dumps({'w': 1}))


def test_a_state_changes_nothing_but_what_the_file_made(tmp_path):
    pickled = b'\x80\x02cargparse\nNamespace\n}X\x01\x00\x00\x00aK\x01sb.'  # of the class, not of an instance
    assert 'cut or damaged' in refusal(tmp_path, archive(tmp_path, pickled))


@pytest.mark.parametrize('name', ['checkpoint', 'checkpoint_older'])
def test_cut_and_damaged_files_are_refused_or_read(tmp_path, name):
    """In one line, whatever the damage, and without taking memory that the file does not need."""
    content, generator = recorded()[name], np.random.default_rng(0)
    for length in generator.integers(0, len(content), 60):
        refusal(tmp_path, content[:length])
    said = []
    for place, value in zip(generator.integers(0, len(content), 300), generator.integers(0, 256, 300), strict=True):
        try:
            read(tmp_path, content[:place] + bytes([value]) + content[place + 1 :])
        except UserError as error:
            said.append(str(error))
    assert len(said) > 30
    assert not any('\n' in line for line in said)
