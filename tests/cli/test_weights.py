"""`cnn-bench weights import` and `cnn-bench eval --weights`, from a file to an error rate."""

import json
import shutil

import jax
import numpy as np
import pytest
from image_files import save_image
from safetensors.numpy import save_file
from test_torch import shapes_of
from torch_networks import value
from zoo import quick_jit

from cnn_bench import data, trained
from cnn_bench.cli import main
from cnn_bench.data.prepare import prepare
from cnn_bench.models import registry

CLASSES, SIDE = 10, 224


@pytest.fixture(scope='module')
def weight_file(tmp_path_factory):
    """SqueezeNet 1.1 with ten classes as torchvision would save it."""
    shapes = shapes_of('squeezenet1_1')
    arrays = {name: value(name, tuple(shape)) for name, shape in shapes.items()}
    arrays |= {name: array[:CLASSES].copy() for name, array in arrays.items() if name.startswith('classifier.1')}
    path = tmp_path_factory.mktemp('weights') / 'squeezenet.safetensors'
    save_file(arrays, path)
    return path


@pytest.fixture(scope='module')
def imported(weight_file, tmp_path_factory):
    out = tmp_path_factory.mktemp('imported') / 'squeezenet'
    names = weight_file.with_name('names.txt')
    names.write_text(''.join(f'kind {number}\n' for number in range(CLASSES)))
    arguments = ['weights', 'import', 'squeezenet1_1', str(weight_file), '--out', str(out), '--classes', str(CLASSES)]
    assert main([*arguments, '--class-names', str(names)]) == 0
    return out


@pytest.fixture(scope='module')
def colours(tmp_path_factory):
    """A data directory with the set `colours`: 256x256 colour images of ten classes, two of each to test on."""
    generator = np.random.default_rng(0)
    source = tmp_path_factory.mktemp('folders')
    for split in ('train', 'test'):
        for label, number in np.ndindex(CLASSES, 2):
            pixels = generator.integers(0, 255, (256, 256, 3), np.uint8)
            save_image(source / split / f'class{label}' / f'{number}.png', pixels)
    directory = tmp_path_factory.mktemp('data')
    prepare('colours', source, directory)
    return str(directory)


def said(capsys, arguments, status=2):
    assert main([str(argument) for argument in arguments]) == status
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith('cnn-bench')]
    assert len(errors) == 1, lines
    return errors[0]


def test_record_says_what_the_weights_are(imported, weight_file):
    model = trained.load(imported)
    source = model.origin.source
    assert (model.arch, source['library'], len(model.class_names)) == ('squeezenet1_1', 'torchvision', CLASSES)
    assert model.class_names[9] == 'kind 9'
    assert source['file'] == 'squeezenet.safetensors'
    assert source['bytes'] == weight_file.stat().st_size
    assert model.preprocessing.mean == (0.485, 0.456, 0.406)
    assert sum(leaf.size for leaf in jax.tree.leaves(model.variables['params'])) == (
        registry.get('squeezenet1_1').params - 990 * 513
    )


def test_evaluation_is_that_of_the_network(imported, colours, capsys):
    arguments = ['eval', '--weights', imported, '--dataset', 'colours', '--data-dir', colours, '--json']
    assert main([str(argument) for argument in [*arguments, '--batch-size', '8']]) == 0
    result = json.loads(capsys.readouterr().out)
    model = trained.load(imported)
    split = data.open_split('colours', 'test', colours)
    images = np.stack([split[index]['image'] for index in range(len(split))])[
        :, 16:240, 16:240
    ]  # 224 of 256: no resizing
    labels = np.array([split[index]['label'] for index in range(len(split))])
    scaled = (images / 255 - np.array(model.preprocessing.mean)) / np.array(model.preprocessing.std)
    logits = np.asarray(quick_jit(model.module.apply)(model.variables, scaled.astype(np.float32)))
    order = np.argsort(-logits, axis=1)
    assert result['images'] == 2 * CLASSES
    assert result['top1_err_pct'] == pytest.approx(100 * np.mean(order[:, 0] != labels))
    assert result['top5_err_pct'] == pytest.approx(100 * np.mean((order[:, :5] != labels[:, None]).all(1)))


def test_an_existing_directory_is_kept(imported, weight_file, capsys):
    line = said(capsys, ['weights', 'import', 'squeezenet1_1', weight_file, '--out', imported])
    assert 'is already there' in line
    trained.load(imported)


@pytest.mark.parametrize(
    ('arch', 'word'),
    [
        ('squeezenet1_0', 'of the wrong shape'),
        ('resnet18', 'missing'),
        ('lenet5', 'no other library'),
        ('squeezenet', 'did you mean'),
    ],
)
def test_weights_of_something_else_write_nothing(arch, word, weight_file, tmp_path, capsys):
    assert word in said(capsys, ['weights', 'import', arch, weight_file, '--out', tmp_path / 'new' / 'out'])
    assert list(tmp_path.iterdir()) == []


def test_classes_are_those_of_the_file_unless_told(weight_file, tmp_path, capsys):
    arguments = ['weights', 'import', 'squeezenet1_1', weight_file, '--out', tmp_path / 'out']
    assert 'classifier.1.weight (10, 512, 1, 1)' in said(capsys, [*arguments, '--classes', '7'])
    assert 'no averaged weights: leave --use ema out' in said(capsys, [*arguments, '--use', 'ema'])
    assert list(tmp_path.iterdir()) == []
    assert main([str(argument) for argument in arguments]) == 0
    assert 'weights of squeezenet.safetensors (torchvision), 10 classes\n' in capsys.readouterr().out
    record = json.loads((tmp_path / 'out' / 'weights.json').read_text())
    assert (record['fields']['num_classes'], record['class_names'][9]) == (CLASSES, 'class 9')
    assert (record['source']['use'], record['source']['key'], record['source']['set_aside']) == ('raw', '', [])


def test_class_names_must_fit_the_classes(weight_file, tmp_path, capsys):
    (tmp_path / 'names').write_text('one\ntwo\n')
    arguments = ['weights', 'import', 'squeezenet1_1', weight_file, '--out', tmp_path / 'out', '--classes', CLASSES]
    assert '2 class names for a network of 10' in said(capsys, [*arguments, '--class-names', tmp_path / 'names'])
    assert 'No such file' in said(capsys, [*arguments, '--class-names', tmp_path / 'none'])
    assert not (tmp_path / 'out').exists()


def test_a_truncated_file_writes_nothing(weight_file, tmp_path, capsys):
    cut = tmp_path / 'cut.safetensors'
    cut.write_bytes(weight_file.read_bytes()[:100_000])
    assert 'cannot be read' in said(capsys, ['weights', 'import', 'squeezenet1_1', cut, '--out', tmp_path / 'out'])
    assert list(tmp_path.iterdir()) == [cut]


def test_damaged_imports_are_refused(imported, tmp_path, colours, capsys):
    broken = tmp_path / 'broken'
    shutil.copytree(imported, broken)
    record = json.loads((broken / 'weights.json').read_text())
    (broken / 'weights.json').write_text(json.dumps(record | {'digest': 'x'}))
    evaluate = ['eval', '--dataset', 'colours', '--data-dir', colours, '--weights', broken]
    assert 'its digest differs' in said(capsys, evaluate)
    shutil.rmtree(broken / 'variables')
    assert 'cannot be read' in said(capsys, evaluate)
    for content in ('{', '[]', '[' * 10_000 + ']' * 10_000):
        (broken / 'weights.json').write_text(content)
        assert 'weights.json cannot be read' in said(capsys, evaluate)


def test_weights_and_data_must_match(imported, tiny_data, colours, capsys):
    evaluate = ['eval', '--weights', imported, '--data-dir']
    assert main(['eval', '--weights', str(imported), '--data-dir', tiny_data, '--dataset', 'tiny']) == 0  # greys
    assert '40 images' in capsys.readouterr().out
    assert 'needs --dataset' in said(capsys, [*evaluate, colours])
    assert 'at least 1' in said(capsys, [*evaluate, colours, '--dataset', 'colours', '--batch-size', '0'])
    assert 'unknown split' in said(capsys, [*evaluate, colours, '--dataset', 'colours', '--split', 'tset'])
    assert 'needs --weights' in said(capsys, ['eval', '--workdir', 'x', '--dataset', 'colours'])


def test_list_names_the_libraries(capsys):
    assert main(['weights', 'list']) == 0
    lines = dict(line.split('\t') for line in capsys.readouterr().out.splitlines())
    assert json.loads(lines['vgg16']) == ['torchvision', 'timm', 'keras']
    assert 'lenet5' not in lines
