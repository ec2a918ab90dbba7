"""Classes, channels and a missing head are seen in the arrays; files of every form become networks."""

import json
from functools import partial

import numpy as np
import pytest
from safetensors.numpy import save_file
from test_torch import zeros
from torch_networks import value
from zoo import quick_jit

from cnn_bench import trained
from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.pretrained import deduce
from cnn_bench.pretrained.convert import build, convert
from cnn_bench.pretrained.importer import import_weights

# Names of the arrays of torchvision's heads that have a number per class.
LAST = {
    'resnet18': ('fc.weight', 'fc.bias'),
    'vgg11': ('classifier.6.weight', 'classifier.6.bias'),
    'squeezenet1_1': ('classifier.1.weight', 'classifier.1.bias'),
    'mobilenet_v3_small': ('classifier.3.weight', 'classifier.3.bias'),
    'googlenet_bn': ('fc.weight', 'fc.bias'),
}
FIRST = {'resnet18': 'conv1.weight', 'vgg11': 'features.0.weight', 'squeezenet1_1': 'features.0.weight'}


def with_classes(arch: str, count: int) -> dict[str, np.ndarray]:
    arrays = zeros(arch)
    return arrays | {name: np.zeros((count, *arrays[name].shape[1:]), np.float32) for name in LAST[arch]}


@pytest.mark.parametrize('arch', LAST)
def test_classes_of_a_head(arch):
    assert deduce.num_classes(arch, zeros(arch), 'torchvision') == 1000
    assert deduce.num_classes(arch, with_classes(arch, 7), 'torchvision') == 7
    for name in LAST[arch]:
        fewer = {key: array for key, array in with_classes(arch, 7).items() if key != name}
        assert deduce.num_classes(arch, fewer, 'torchvision') == 7
    headless = {name: array for name, array in zeros(arch).items() if name not in LAST[arch]}
    assert deduce.num_classes(arch, headless, 'torchvision') == 0


def test_classes_of_keras():
    arrays = {'predictions/kernel': np.zeros((2048, 7)), 'conv1_conv/kernel': np.zeros((7, 7, 1, 64))}
    assert deduce.num_classes('resnet50', arrays, 'keras') == 7
    assert deduce.channels('resnet50', arrays, 'keras') == 1
    older = {'fc1000/kernel': np.zeros((2048, 5)), 'conv1_conv/kernel': np.zeros((7, 7, 3, 64))}
    assert deduce.num_classes('resnet50', older, 'keras') == 5
    assert deduce.channels('resnet50', older, 'keras') == 3


@pytest.mark.parametrize('shape', [(7,), (0,)])
def test_heads_that_disagree_are_refused(shape):
    arrays = {**zeros('resnet18'), 'fc.bias': np.zeros(shape, np.float32)}
    with pytest.raises(UserError, match=rf'\(fc.bias {shape[0]}, fc.weight 1000\): say --classes N'):
        deduce.num_classes('resnet18', arrays, 'torchvision')


@pytest.mark.parametrize('arch', FIRST)
def test_channels_of_the_first_layer(arch):
    arrays = zeros(arch)
    assert deduce.channels(arch, arrays, 'torchvision') == 3
    outputs, _, *kernel = arrays[FIRST[arch]].shape
    for channels, found in ((1, 1), (4, 3)):  # of four nothing can be made; conversion says that they do not fit
        arrays[FIRST[arch]] = np.zeros((outputs, channels, *kernel), np.float32)
        assert deduce.channels(arch, arrays, 'torchvision') == found
    assert deduce.channels(arch, {}, 'torchvision') == 3


def drawn(arch: str, **shapes) -> dict[str, np.ndarray]:
    """Random weights of torchvision's network, some arrays with other shapes (None: left out)."""
    all_shapes = {name: array.shape for name, array in zeros(arch).items()} | shapes
    return {name: value(name, shape) for name, shape in all_shapes.items() if shape is not None}


def imported(arrays, tmp_path, **options):
    save_file(arrays, tmp_path / 'w.safetensors')
    import_weights('squeezenet1_1', tmp_path / 'w.safetensors', tmp_path / 'out', **options)
    return trained.load(tmp_path / 'out')


def test_grey_images_get_a_network_for_them(tmp_path):
    """It computes what the network for colours does whose first kernel is zero for two of them."""
    arrays = drawn('squeezenet1_1', **{'features.0.weight': (64, 1, 3, 3)})
    model = imported(arrays, tmp_path)
    assert model.input_shape == (224, 224, 1)
    assert model.preprocessing.mean == pytest.approx([(0.485 + 0.456 + 0.406) / 3])
    assert model.preprocessing.std == pytest.approx([(0.229 + 0.224 + 0.225) / 3])
    assert 'means over its channels' in model.origin.source['preprocessing']
    first = arrays['features.0.weight']
    coloured = arrays | {'features.0.weight': np.concatenate([first, 0 * first, 0 * first], axis=1)}
    image = np.random.default_rng(0).standard_normal((1, 64, 64, 1)).astype(np.float32)
    variables = convert('squeezenet1_1', coloured, 'torchvision')
    theirs = quick_jit(build('squeezenet1_1', 'torchvision').apply)(variables, np.repeat(image, 3, axis=-1))
    np.testing.assert_allclose(quick_jit(model.module.apply)(model.variables, image), theirs, rtol=1e-4, atol=1e-4)


def test_a_file_without_a_head_is_a_base(tmp_path, capsys, tiny_data):
    arrays = drawn('squeezenet1_1', **dict.fromkeys(LAST['squeezenet1_1']))
    model = imported(arrays, tmp_path)
    record = json.loads((tmp_path / 'out' / 'weights.json').read_text())
    assert (record['fields']['num_classes'], record['class_names']) == (0, [])
    image = np.random.default_rng(0).standard_normal((1, 64, 64, 3)).astype(np.float32)
    whole = convert('squeezenet1_1', drawn('squeezenet1_1'), 'torchvision')
    features = partial(build('squeezenet1_1', 'torchvision').apply, method='features')
    pair = quick_jit(model.module.apply)(model.variables, image), quick_jit(features)(whole, image)
    np.testing.assert_allclose(*pair, rtol=1e-5, atol=1e-5)
    weights = ['--weights', str(tmp_path / 'out')]
    for command in (['predict', 'x.png'], ['eval', '--dataset', 'tiny', '--data-dir', tiny_data]):
        assert main([*command, *weights]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith('has no head; train one with --config.init_from')
    assert main(['features', *weights, '--list-layers']) == 0
    assert ['features', '[13, 13, 512]'] in [line.split('\t') for line in capsys.readouterr().out.splitlines()]


def test_other_layers_of_a_head_are_left(tmp_path):
    base = {name: array for name, array in zeros('vgg11').items() if name not in LAST['vgg11']}
    variables = convert('vgg11', base, 'torchvision', num_classes=0)
    assert 'head' not in variables['params']
    with pytest.raises(UserError, match=r'1 left over \(classifier.9.weight\)'):
        convert('vgg11', {**base, 'classifier.9.weight': np.zeros(1)}, 'torchvision', num_classes=0)
    with pytest.raises(UserError, match=r'2 missing \(features.0.bias, features.0.weight\)'):
        convert('vgg11', {n: a for n, a in base.items() if 'features.0.' not in n}, 'torchvision', num_classes=0)


def test_an_average_is_imported_when_asked_for(tmp_path):
    raw = drawn('squeezenet1_1')
    both = {f'model.{name}': array for name, array in raw.items()}
    both |= {f'model_ema.{name}': array + 1 for name, array in raw.items()}
    with pytest.raises(UserError, match='--use raw or --use ema'):
        imported(both, tmp_path)
    model = imported(both, tmp_path, use='ema')
    source = model.origin.source
    assert (source['key'], source['use'], source['set_aside']) == ('model_ema', 'ema', [])
    bias = model.variables['params']['head']['conv10']['conv']['bias']
    np.testing.assert_array_equal(bias, raw['classifier.1.bias'] + 1)
