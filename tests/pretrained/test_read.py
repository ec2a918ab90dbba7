"""Reading weight files: every kind gives the same arrays, and no file is trusted."""

import os
import pickle
import zipfile

import h5py
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from cnn_bench.errors import UserError
from cnn_bench.pretrained.read import read

ARRAYS = {'conv.weight': np.arange(6, dtype=np.float32).reshape(2, 3), 'conv.bias': np.ones(2, np.float32)}


class Exploit:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f'touch {self.path}',)


def assert_refused(path, *words):
    with pytest.raises(UserError) as raised:
        read(path)
    message = str(raised.value)
    assert '\n' not in message
    assert all(word in message for word in (str(path), *words)), message


def test_safetensors(tmp_path):
    path = tmp_path / 'w.safetensors'
    save_file(ARRAYS, path)
    found, naming = read(path)
    assert naming == 'torch'
    np.testing.assert_equal(found.arrays, ARRAYS)


def test_half_precision(tmp_path):
    half = {'a': np.arange(3, dtype=ml_dtypes.bfloat16), 'b': np.arange(3, dtype=np.float16)}
    save_file(half, tmp_path / 'w.safetensors')
    found, _ = read(tmp_path / 'w.safetensors')
    assert {name: array.dtype for name, array in found.arrays.items()} == {'a': ml_dtypes.bfloat16, 'b': np.float16}
    np.testing.assert_array_equal(found.arrays['a'].astype(np.float32), [0, 1, 2])


def test_truncated_safetensors(tmp_path):
    path = tmp_path / 'w.safetensors'
    save_file(ARRAYS, path)
    path.write_bytes(path.read_bytes()[:-5])
    assert_refused(path, 'cannot be read')


@pytest.mark.parametrize('name', ['w.safetensors', 'w.h5', 'w.weights.h5', 'w.keras'])
def test_files_that_are_something_else(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b'<html>404 not found</html>')
    assert_refused(path, 'cannot be read')


def test_missing_and_unknown_files(tmp_path):
    assert_refused(tmp_path / 'none.safetensors', 'there is no weight file')
    (tmp_path / 'w.zip').write_bytes(b'')
    assert_refused(tmp_path / 'w.zip', 'known: .safetensors')


def test_empty_files(tmp_path):
    save_file({}, tmp_path / 'w.safetensors')
    assert_refused(tmp_path / 'w.safetensors', 'holds no arrays')


def test_pickled_code_is_not_run(tmp_path):
    path, trace = tmp_path / 'w.pth', tmp_path / 'trace'
    path.write_bytes(pickle.dumps({'conv.weight': Exploit(trace)}))
    assert_refused(path, 'cannot be read')
    assert not trace.exists()


def test_torch_state_dicts(tmp_path):
    torch = pytest.importorskip('torch')
    tensors = {name: torch.from_numpy(array) for name, array in ARRAYS.items()}
    for content in (tensors, {'state_dict': tensors, 'epoch': 3}):
        torch.save(content, tmp_path / 'w.pth')
        found, naming = read(tmp_path / 'w.pth')
        assert naming == 'torch'
        np.testing.assert_equal(found.arrays, ARRAYS)
    torch.save([1, 2], tmp_path / 'list.pth')
    assert_refused(tmp_path / 'list.pth', 'not a state dict')
    (tmp_path / 'cut.pth').write_bytes((tmp_path / 'w.pth').read_bytes()[:300])
    assert_refused(tmp_path / 'cut.pth', 'cannot be read')
    torch.save({'conv.weight': Exploit(tmp_path / 'trace')}, tmp_path / 'code.pth')
    assert_refused(tmp_path / 'code.pth', 'other than tensors')
    assert not (tmp_path / 'trace').exists()


def write_legacy(path, layers: dict[str, dict[str, np.ndarray]]) -> None:
    """An HDF5 file as Keras 1 and 2 wrote it."""
    with h5py.File(path, 'w') as file:
        file.attrs['layer_names'] = [layer.encode() for layer in layers]
        for layer, weights in layers.items():
            group = file.create_group(layer)
            group.attrs['weight_names'] = [name.encode() for name in weights]
            for name, array in weights.items():
                group.create_dataset(name, data=array)


def test_older_keras_files(tmp_path):
    one, two = np.ones(1, np.float32), np.ones(2, np.float32)
    write_legacy(
        tmp_path / 'w.h5',
        {
            'conv1/bn': {'conv1/bn/gamma:0': one},
            'block1_conv1': {'block1_conv1_W_1:0': two, 'block1_conv1_b_1:0': one},
            'conv2d_12': {'conv2d_12/kernel:0': two},
            'conv2d_4': {'conv2d_4/kernel:0': one},
        },
    )
    found, naming = read(tmp_path / 'w.h5')
    assert naming == 'keras'
    expected = {
        'conv1_bn/gamma': one,
        'block1_conv1/kernel': two,
        'block1_conv1/bias': one,
        'conv2d_1/kernel': two,  # the second that was made
        'conv2d_0/kernel': one,
    }
    np.testing.assert_equal(found.arrays, expected)


def _safetensors(path, header: bytes, data: bytes = b'') -> None:
    path.write_bytes(len(header).to_bytes(8, 'little') + header + data)


@pytest.mark.parametrize(
    ('header', 'data', 'said'),
    [
        (b'{"a":{"dtype":"F32","shape":[68719476736],"data_offsets":[0,274877906944]}}', b'', 'cannot be read'),
        (b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}', b'', 'cannot be read'),
        (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4), 'cannot be read'),
        (b'{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', bytes(4), 'numbers of type'),
        (
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
            bytes(8),
            'cannot be read',
        ),
        (b'{"\xff":3}', b'', 'cannot be read'),
        (b'[]', b'', 'cannot be read'),
    ],
)
def test_safetensors_whose_header_is_wrong(tmp_path, header, data, said):
    _safetensors(tmp_path / 'w.safetensors', header, data)
    assert_refused(tmp_path / 'w.safetensors', said)


def _huge(group):
    group.create_dataset('a', (2**36,), np.float32, chunks=(1024,))


def _compressed(group):
    group.create_dataset('a', data=np.zeros(10**6, np.float32), compression='gzip')


def _elsewhere(group):
    group.create_dataset('a', (4,), np.float32, external=[('/etc/hostname', 0, 16)])


def _virtual(group):
    layout = h5py.VirtualLayout((4,), np.float32)
    layout[:] = h5py.VirtualSource('/etc/hostname', 'x', (4,))
    group.create_virtual_dataset('a', layout)


def _external_link(group):
    group['a'] = h5py.ExternalLink('other.h5', '/x')


def _soft_link(group):
    group.create_dataset('b', data=np.ones(2))
    group['a'] = h5py.SoftLink('/layer/b')


def _cycle(group):
    group['a'] = group


ODD_ARRAYS = [
    (_huge, '68,719,476,736 numbers'),
    (_compressed, '1,000,000 numbers'),
    (_elsewhere, 'in another file'),
    (_virtual, 'in another file'),
    (_external_link, 'is a link'),
    (_soft_link, 'is a link'),
    (_cycle, 'is no array'),
    (lambda group: group.create_group('a'), 'is no array'),
    (lambda group: group.create_dataset('a', data=h5py.Empty('f4')), 'is no array'),
    (lambda group: group.create_dataset('a', data=[b'x']), 'not numbers'),
    (lambda group: group.create_dataset('a', data=np.ones(2, np.complex64)), 'not numbers'),
    (lambda group: group.create_dataset('b', data=np.ones(2)), 'cannot be read'),
]


@pytest.mark.parametrize(('add', 'said'), ODD_ARRAYS)
def test_hdf5_files_that_claim_or_lead_too_much(tmp_path, add, said):
    path = tmp_path / 'w.h5'
    with h5py.File(path, 'w') as file:
        file.attrs['layer_names'] = [b'layer']
        group = file.create_group('layer')
        group.attrs['weight_names'] = [b'a']
        add(group)
    with pytest.raises(UserError) as raised:
        read(path, most_values=10**5)
    assert said in str(raised.value)


@pytest.mark.parametrize('number', ['x', '-1', '²', '00', '9' * 5000])
def test_variables_with_odd_numbers_keep_them_as_names(tmp_path, number):
    with h5py.File(tmp_path / 'w.weights.h5', 'w') as file:
        file.create_dataset(f'layers/dense/vars/{number}', data=np.ones(2))
    assert set(read(tmp_path / 'w.weights.h5')[0].arrays) == {f'dense_0/{number}'}


def test_two_arrays_of_one_name(tmp_path):
    write_legacy(tmp_path / 'w.h5', {'a/b': {'x:0': np.ones(1)}, 'a_b': {'x:0': np.zeros(1)}})
    assert_refused(tmp_path / 'w.h5', 'two arrays of the name a_b/x')


def test_archives_that_unpack_to_too_much(tmp_path):
    with zipfile.ZipFile(tmp_path / 'w.keras', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('model.weights.h5', bytes(10**6))
    with pytest.raises(UserError, match='1,000,000 bytes long, more than 1,000 numbers'):
        read(tmp_path / 'w.keras', most_values=1000)


def test_every_kind_of_keras_file_gives_the_same(tmp_path):
    keras = pytest.importorskip('keras')
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(scale=False),
            layers.SeparableConv2D(6, 3, name='separable'),
            layers.BatchNormalization(name='bn'),
            layers.DepthwiseConv2D(3, use_bias=False),
            layers.LayerNormalization(),
            layers.Flatten(),
            layers.Dense(5, name='top'),
        ]
    )
    for number, weight in enumerate(model.weights):
        weight.assign(np.full(weight.shape, number + 1.0))
    files = ['w.weights.h5', 'w.keras', 'w.h5']
    model.save_weights(tmp_path / files[0])
    for file in files[1:]:
        model.save(tmp_path / file)
    first, *others = (read(tmp_path / file)[0].arrays for file in files)
    for other in others:
        np.testing.assert_equal(other, first)
    assert {'conv2d_0/kernel', 'batch_normalization_0/moving_mean', 'separable/pointwise_kernel', 'bn/gamma'} <= set(
        first
    )
    assert len(first) == len(model.weights)
    assert first['batch_normalization_0/beta'].shape == (4,)
    assert first['bn/moving_variance'][0] == 1 + next(
        number for number, weight in enumerate(model.weights) if weight.path.endswith('bn/moving_variance')
    )
