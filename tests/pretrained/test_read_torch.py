"""Files of PyTorch's, read without running what is pickled in them."""

import argparse
import collections
import os
import pickle
import warnings
import zipfile

import numpy as np
import pytest

from cnn_bench.errors import UserError
from cnn_bench.pretrained import read_torch
from cnn_bench.pretrained.read import read

ARRAYS = {'conv.weight': np.arange(6, dtype=np.float32).reshape(2, 3), 'conv.bias': np.ones(2, np.float32)}


@pytest.fixture
def torch():
    return pytest.importorskip('torch')


@pytest.fixture
def tensors(torch):
    return {name: torch.from_numpy(array) for name, array in ARRAYS.items()}


def saved(torch, content, path):
    torch.save(content, path)
    return path


def refusal(path, **options):
    with pytest.raises(UserError) as raised:
        read(path, **options)
    assert '\n' not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize('name', ['w.pth', 'w.pth.tar', 'w.pt', 'w.bin', 'w.ckpt'])
def test_suffixes(torch, tensors, tmp_path, name):
    found, naming = read(saved(torch, {'state_dict': tensors, 'epoch': 3}, tmp_path / name))
    np.testing.assert_equal(found.arrays, ARRAYS)
    assert naming == 'torch'


@pytest.mark.parametrize('zipped', [True, False])
def test_parameters_that_are_trained(torch, tensors, tmp_path, zipped):
    content = collections.OrderedDict((name, torch.nn.Parameter(tensor)) for name, tensor in tensors.items())
    torch.save(content, tmp_path / 'w.pth', _use_new_zipfile_serialization=zipped)
    np.testing.assert_equal(read(tmp_path / 'w.pth')[0].arrays, ARRAYS)


def test_what_training_scripts_write(torch, tensors, tmp_path):
    """The entries of torchvision's reference scripts and of timm's, with NumPy's scalars among them."""
    args = argparse.Namespace(lr=np.float64(0.1), device=torch.device('cpu'), steps=[30, 60], nested={'k': np.int64(3)})
    module = torch.nn.Linear(3, 2)
    content = {
        'model': {f'module.{name}': tensor for name, tensor in tensors.items()},
        'optimizer': torch.optim.AdamW(module.parameters()).state_dict(),
        'epoch': 3,
        'args': args,
        'metric': np.float32(76.1),
        'best': np.bool_(True),
    }
    found, _ = read(saved(torch, content, tmp_path / 'w.pth'))
    np.testing.assert_equal(found.arrays, ARRAYS)
    content['model_ema'] = {'n_averaged': torch.tensor(3), **{f'module.{name}': t + 1 for name, t in tensors.items()}}
    both = saved(torch, content, tmp_path / 'both.pth')
    assert '--use raw or --use ema' in refusal(both)
    np.testing.assert_equal(read(both, use='ema')[0].arrays, {name: array + 1 for name, array in ARRAYS.items()})


def test_half_precision_and_shared_arrays(torch, tmp_path):
    weight = torch.arange(6.0).reshape(2, 3)
    content = {'a': weight.bfloat16(), 'b': weight.T, 'c': weight[:, 1], 'd': weight.half(), 'e': torch.tensor(3)}
    found, _ = read(saved(torch, content, tmp_path / 'w.pth'))
    for name, tensor in content.items():
        np.testing.assert_array_equal(found.arrays[name], tensor.to(torch.float64).numpy())
    assert found.arrays['a'].dtype == np.float32


class Call:
    """Unpickled, it is what the function returns."""

    def __init__(self, function, *arguments):
        self.pair = function, arguments

    def __reduce__(self):
        return self.pair


@pytest.mark.parametrize('place', ['beside', 'inside', 'among the arguments'])
def test_code_in_a_pickle_is_not_run(torch, tensors, tmp_path, place):
    trace = tmp_path / 'trace'
    trap = Call(os.system, f'touch {trace}')
    content = {
        'beside': {'model': tensors, 'x': trap},
        'inside': {**tensors, 'x': trap},
        'among the arguments': {'model': tensors, 'args': argparse.Namespace(x=trap)},
    }[place]
    message = refusal(saved(torch, content, tmp_path / 'w.pth'))
    assert 'other than tensors (posix.system), which are not loaded; save model.state_dict()' in message
    assert not trace.exists()
    pickle.loads(pickle.dumps(trap))
    assert trace.exists()  # the trap works


def test_names_beside_the_allowed_ones_are_refused(torch, tensors, tmp_path):
    for other in (Call(np.frombuffer, b'1234', 'i1'), Call(argparse.ArgumentParser), Call(np.ones, 3), np.ones(3)):
        content = {'model': tensors, 'other': other}
        assert 'other than tensors' in refusal(saved(torch, content, tmp_path / 'w.pth'))


def test_placeholders_keep_nothing_and_are_taken_back(torch, tensors, tmp_path):
    path = saved(torch, {'model': tensors, 'args': argparse.Namespace(x=np.float64(3))}, tmp_path / 'w.pth')
    args = read_torch._load(torch, path)['args']
    assert (type(args).__name__, vars(args)) == ('Namespace', {})
    assert not isinstance(args, argparse.Namespace)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


def test_a_tensor_that_claims_too_much(torch, tmp_path):
    path = saved(torch, {'a': torch.zeros(1).expand(10**12)}, tmp_path / 'w.pth')
    assert '1,000,000,000,000 numbers' in refusal(path)


def test_tensors_without_real_numbers(torch, tmp_path):
    odd = {
        'complex': torch.ones(2, dtype=torch.complex64),
        'sparse': torch.eye(3).to_sparse(),
        'meta': torch.ones(3, device='meta'),
        'quantised': torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    }
    for name, tensor in odd.items():
        assert 'cannot be read' in refusal(saved(torch, {name: tensor}, tmp_path / 'w.pth'))


def test_script_archives_are_refused_without_a_warning(torch, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.jit.save(torch.jit.script(torch.nn.Linear(3, 2)), tmp_path / 'w.pt')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert 'torch.jit.load(FILE).state_dict()' in refusal(tmp_path / 'w.pt')


def test_script_archives_are_known_without_torch(tmp_path):
    with zipfile.ZipFile(tmp_path / 'w.pth', 'w') as archive:
        archive.writestr('net/constants.pkl', b'')
        archive.writestr('net/data.pkl', b'')
    assert 'TorchScript archive' in refusal(tmp_path / 'w.pth')
