"""Conversion by hand-made cases, and what does not fit is listed."""

import dataclasses
import re

import numpy as np
import pytest
from test_torch import zeros

from cnn_bench.errors import UserError
from cnn_bench.pretrained import convert as module
from cnn_bench.pretrained.convert import convert, fitting_libraries
from cnn_bench.pretrained.layout import Layout, layout_of


@pytest.fixture
def state_dict():
    return zeros('alexnet_owt')


def refusal(arch, arrays, library='torchvision'):
    with pytest.raises(UserError) as raised:
        convert(arch, arrays, library)
    assert '\n' not in str(raised.value)
    return str(raised.value)


def test_missing_and_left_over_arrays_are_listed(state_dict):
    state_dict['classifier.9.weight'] = state_dict.pop('classifier.6.weight')
    message = refusal('alexnet_owt', state_dict)
    assert '1 missing (classifier.6.weight)' in message
    assert '1 left over (classifier.9.weight)' in message


def test_wrong_shapes_are_listed(state_dict):
    state_dict['features.3.weight'] = np.zeros((192, 64, 3, 3), np.float32)
    message = refusal('alexnet_owt', state_dict)
    assert (
        '1 of the wrong shape (features.3.weight (192, 64, 3, 3) for params/conv2/conv/kernel (5, 5, 64, 192))'
        in message
    )


def test_a_flattened_map_of_another_size_is_of_the_wrong_shape(state_dict):
    state_dict['classifier.1.weight'] = np.zeros((4096, 5 * 5 * 256), np.float32)
    assert 'classifier.1.weight' in refusal('alexnet_owt', state_dict)


def test_numbers_that_are_not_finite_are_refused(state_dict):
    state_dict['features.0.bias'] = np.full(64, np.nan, np.float32)
    state_dict['features.3.bias'] = np.full(192, 1e300)  # finite, but not as float32
    assert '2 not finite (features.0.bias, features.3.bias)' in refusal('alexnet_owt', state_dict)


@pytest.mark.parametrize('shape', [(), (0,), (11,), (0, 3, 11, 11), (64, 3 * 121), (1,) * 4])
def test_shapes_of_any_rank_are_listed(state_dict, shape):
    state_dict['features.0.weight'] = np.zeros(shape, np.float32)
    assert '1 of the wrong shape (features.0.weight' in refusal('alexnet_owt', state_dict)


def test_another_architecture_is_refused(state_dict):
    assert 'missing' in refusal('vgg16', state_dict)


def test_libraries_without_the_architecture(state_dict):
    with pytest.raises(UserError, match='no other library is known to have weights of lenet5'):
        fitting_libraries('lenet5', state_dict, 'torch')
    with pytest.raises(UserError, match='weights of alexnet_owt are known from torchvision, not from a keras file'):
        fitting_libraries('alexnet_owt', state_dict, 'keras')
    with pytest.raises(UserError, match="unknown library with weights of alexnet_owt 'timm'; known: torchvision"):
        layout_of('alexnet_owt', 'timm')


def test_dense_layers_behind_a_flattened_map():
    generator = np.random.default_rng(0)
    maps = generator.standard_normal((1, 2, 2, 3)).astype(np.float32)  # ours: channels last
    weight = generator.standard_normal((5, 12)).astype(np.float32)  # theirs: rows of channels-first maps
    layout = Layout((), flattened={'fc1': 3})
    kernel = module._oriented(weight, (12, 5), 'params/fc1/kernel', layout, 'torchvision')
    expected = maps.transpose(0, 3, 1, 2).reshape(1, -1) @ weight.T
    np.testing.assert_allclose(maps.reshape(1, -1) @ kernel, expected, rtol=1e-6)


def test_convolutions_that_cover_the_map_become_dense_layers():
    generator = np.random.default_rng(0)
    maps = generator.standard_normal((1, 2, 2, 3)).astype(np.float32)  # ours: channels last
    weight = generator.standard_normal((5, 3, 2, 2)).astype(np.float32)  # theirs: outputs, channels, rows, columns
    kernel = module._oriented(weight, (12, 5), 'params/fc1/kernel', Layout(()), 'timm')
    expected = np.einsum('nhwc,ochw->no', maps, weight)
    np.testing.assert_allclose(maps.reshape(1, -1) @ kernel, expected, rtol=1e-5)
    assert module._oriented(weight, (20, 3), 'params/fc1/kernel', Layout(()), 'timm') is None


def test_a_bias_before_batch_normalisation_goes_into_its_mean(monkeypatch):
    arrays = dict(zeros('resnet18'))
    arrays['bn1.running_mean'] = np.full(64, 3, np.float32)
    plain = convert('resnet18', arrays, 'torchvision')
    arrays['conv1.bias'] = np.arange(64, dtype=np.float32)
    folded = convert('resnet18', arrays, 'torchvision')
    np.testing.assert_array_equal(plain['batch_stats']['stem']['norm']['mean'], 3)
    np.testing.assert_array_equal(folded['batch_stats']['stem']['norm']['mean'], 3 - np.arange(64))
    arrays['conv1.bias'] = np.full(64, np.nan)
    assert '1 not finite (conv1.bias)' in refusal('resnet18', arrays)


def test_names_of_older_files():
    now = dict(zeros('densenet121'))
    older = {re.sub(r'(denselayer\d+\.(?:norm|conv))(\d)', r'\1.\2', name): array for name, array in now.items()}
    assert 'features.denseblock1.denselayer1.norm.1.weight' in older
    assert len(set(older) & set(now)) < len(now) / 2
    convert('densenet121', older, 'torchvision')
    assert 'twice' in refusal('densenet121', {**older, **now})


def test_blue_green_red_is_turned_round():
    layout = dataclasses.replace(Layout(()), bgr=True)
    kernel = np.arange(3, dtype=np.float32).reshape(1, 1, 3, 1)
    turned = module._oriented(kernel, (1, 1, 3, 1), 'params/conv/kernel', layout, 'keras')
    np.testing.assert_array_equal(turned.ravel(), [2, 1, 0])
    later = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    kept = module._oriented(later, later.shape, 'params/conv/kernel', layout, 'keras')
    np.testing.assert_array_equal(kept, later)


def test_numbers_in_rules_are_numbers():
    layout = Layout(
        ((r'block(\d+)/(conv|norm)', lambda number, layer: f'{layer}{number - 1}'), (r'head/(fc)', r'top.\1'))
    )
    assert layout.name('block10/conv') == 'conv9'
    assert layout.name('head/fc') == 'top.fc'
    with pytest.raises(KeyError):
        layout.name('block10/conv/kernel')
