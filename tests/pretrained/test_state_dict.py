"""The weights of one network among what a checkpoint holds: every form of the table in `state_dict`."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from cnn_bench.errors import UserError
from cnn_bench.pretrained.read import read
from cnn_bench.pretrained.state_dict import AVERAGED, RAW, find

FILE = Path('w.pth')
RAW_WEIGHTS = {'conv1.weight': np.arange(3.0), 'head.fc.bias': np.ones(2)}
AVERAGE = {name: array + 10 for name, array in RAW_WEIGHTS.items()}
TRAINING = {'optimizer': {'state': {0: {'exp_avg': np.ones(3)}}}, 'epoch': 3, 'args': object(), 'loss': np.ones(())}
COUNTED = {'total_ops': np.zeros(1), 'conv1.total_ops': np.zeros(1), 'head.fc.total_params': np.zeros(1)}


def under(prefix: str, arrays: dict = RAW_WEIGHTS) -> dict:
    return {f'{prefix}{name}': array for name, array in arrays.items()}


# What is in the file, where the weights are in it, and whether they are averages.
FORMS = {
    'plain': (RAW_WEIGHTS, '', 'raw'),
    'data parallel': (under('module.'), '', 'raw'),
    'compiled': (under('_orig_mod.'), '', 'raw'),
    'compiled and parallel': (under('module._orig_mod.'), '', 'raw'),
    'parallel and compiled': (under('_orig_mod.module.'), '', 'raw'),
    'parallel in part': ({'conv1.module.weight': np.arange(3.0), 'head.fc.bias': np.ones(2)}, '', 'raw'),
    'lightning': ({'state_dict': under('model.'), 'hyper_parameters': {}}, 'state_dict.model', 'raw'),
    'lightning, compiled': (under('model._orig_mod.'), 'model', 'raw'),
    'lightning, parallel': (under('module.model.'), 'model', 'raw'),
    'lightning twice': (under('model.net.'), 'model.net', 'raw'),
    'counted by thop': ({**RAW_WEIGHTS, **COUNTED}, '', 'raw'),
    'averaged by PyTorch': ({**under('module.'), 'n_averaged': np.ones(())}, '', 'raw'),
    'averaged only, by torchvision': (
        {'model_ema': {**under('module.'), 'n_averaged': np.ones(())}, **TRAINING},
        'model_ema',
        'ema',
    ),
    'averaged only, as a prefix': (under('ema.'), 'ema', 'ema'),
    'dictionaries in dictionaries': ({'ema': {'module': RAW_WEIGHTS, 'decay': 0.9}}, 'ema.module', 'ema'),
    'a name that is no dictionary': (
        {'model': 'resnet18', 'state_dict': RAW_WEIGHTS, 'ema': None},
        'state_dict',
        'raw',
    ),
    **{name: ({name: RAW_WEIGHTS, **TRAINING}, name, 'raw') for name in RAW},
    **{name: ({name: RAW_WEIGHTS, **TRAINING}, name, 'ema') for name in AVERAGED},
}


@pytest.mark.parametrize('form', FORMS)
def test_forms_that_are_read(form):
    content, key, use = FORMS[form]
    found = find(FILE, content)
    np.testing.assert_equal(found.arrays, RAW_WEIGHTS)
    assert (found.key, found.use, found.set_aside) == (key, use, ())
    np.testing.assert_equal(find(FILE, content, use).arrays, RAW_WEIGHTS)
    with pytest.raises(UserError, match='leave --use'):
        find(FILE, content, 'raw' if use == 'ema' else 'ema')


BOTH = {
    'torchvision': {'model': RAW_WEIGHTS, 'model_ema': {**under('module.', AVERAGE), 'n_averaged': np.ones(())}},
    'timm': {'state_dict': RAW_WEIGHTS, 'state_dict_ema': AVERAGE, **TRAINING},
    'prefixes': {**under('model.'), **under('ema_model.', AVERAGE)},
    'prefixes, wrapped': {'state_dict': {**under('model.'), **under('model_ema.', AVERAGE)}},
}


@pytest.mark.parametrize('form', BOTH)
def test_averages_beside_the_weights_are_a_choice(form):
    content = BOTH[form]
    np.testing.assert_equal(find(FILE, content, 'raw').arrays, RAW_WEIGHTS)
    np.testing.assert_equal(find(FILE, content, 'ema').arrays, AVERAGE)
    assert [find(FILE, content, use).use for use in ('raw', 'ema')] == ['raw', 'ema']
    with pytest.raises(UserError, match=r'say --use raw or --use ema$'):
        find(FILE, content)


def test_what_lies_beside_a_prefix_is_set_aside_and_named():
    found = find(
        FILE, {'state_dict': {**under('model.net.'), 'loss.weight': np.ones(5), 'model.total_ops': np.zeros(1)}}
    )
    np.testing.assert_equal(found.arrays, RAW_WEIGHTS)
    assert found.record() == {'key': 'state_dict.model.net', 'use': 'raw', 'set_aside': ['loss.weight']}


def itself() -> dict:
    content: dict = {'x': np.ones(1)}
    content['model'] = content
    return content


REFUSED = [
    ([1, 2], 'not a state dict, names and arrays (it is list)'),
    ({**RAW_WEIGHTS, 'epoch': 3}, 'epoch is int'),
    ({1: np.ones(2)}, '1 is ndarray'),
    (
        {'student': RAW_WEIGHTS, 'teacher': RAW_WEIGHTS},
        'has arrays in student, teacher: save the weights by themselves',
    ),
    ({'model': RAW_WEIGHTS, 'state_dict': RAW_WEIGHTS}, 'several sets of weights (state_dict, model)'),
    ({**under('net.'), **under('network.')}, 'several sets of weights (net, network)'),
    ({**RAW_WEIGHTS, **under('module.')}, 'two arrays of the name conv1.weight'),
    (itself(), 'below model.model'),
]


@pytest.mark.parametrize(('content', 'said'), REFUSED)
def test_forms_that_are_refused(content, said):
    with pytest.raises(UserError) as raised:
        find(FILE, content)
    message = str(raised.value)
    assert message.startswith('w.pth ')
    assert said in message
    assert '\n' not in message


def test_safetensors_have_the_same_prefixes(tmp_path):
    save_file(under('module.model._orig_mod.'), tmp_path / 'w.safetensors')
    found, naming = read(tmp_path / 'w.safetensors')
    np.testing.assert_equal(found.arrays, RAW_WEIGHTS)
    assert (found.key, naming) == ('model', 'torch')
    save_file({**under('model.'), **under('ema.', AVERAGE)}, tmp_path / 'both.safetensors')
    with pytest.raises(UserError, match='--use raw or --use ema'):
        read(tmp_path / 'both.safetensors')
    np.testing.assert_equal(read(tmp_path / 'both.safetensors', use='ema')[0].arrays, AVERAGE)
