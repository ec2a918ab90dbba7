"""A Network of a run and of imported weights: what it has, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cnn_bench import data
from cnn_bench.data.pipeline import centre_box, resize
from cnn_bench.errors import UserError
from cnn_bench.inference import load
from cnn_bench.pretrained import store
from cnn_bench.runs import RunDirectory
from cnn_bench.training.restore import restore


def test_of_a_run(tiny_run, tiny_data):
    network = load(tiny_run, data_dir=tiny_data)
    info = data.info('tiny', tiny_data)
    assert (network.arch, network.input_shape, network.crop_fraction) == ('lenet5', (28, 28, 1), 1.0)
    assert network.class_names == info.class_names
    assert network.dataset == 'tiny'
    assert network.source == f'{tiny_run} at step 2, trained on tiny'
    images = np.stack([example['image'] for example in data.open_split('tiny', 'test', tiny_data)])
    _, state = restore(RunDirectory(tiny_run), tiny_data)
    expected = network.module.apply(state.variables, (images / 255 - info.mean) / info.std)
    np.testing.assert_allclose(network.logits(images), expected, atol=1e-4)


def test_of_imported_weights(colour_weights, tmp_path):
    network = load(weights=colour_weights)
    assert network.input_shape == (32, 32, 3)
    assert network.crop_fraction == pytest.approx(32 / 36)
    assert network.class_names[3] == 'class 3'
    assert 'lenet5.safetensors of timm' in network.source
    record, variables = store.load(colour_weights)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    scaled = (images / 255 - np.array(record.preprocessing.mean)) / np.array(record.preprocessing.std)
    np.testing.assert_allclose(network.logits(images), record.module().apply(variables, scaled), atol=1e-4)
    (tmp_path / 'names.txt').write_text('\ufeffone\r\n' + '\n'.join(f'a {n}' for n in range(9)) + '\n\n', 'utf-8')
    assert load(weights=colour_weights, classes=tmp_path / 'names.txt').class_names[:2] == ('one', 'a 0')


def test_images_of_any_size_are_fitted(colour_weights, tmp_path):
    network = load(weights=colour_weights)
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    fitted = network.fit(image)
    np.testing.assert_array_equal(fitted, resize(image, centre_box(50, 40, 32 / 36), 32))
    assert network.fit(image[:, :, :1]).shape == (32, 32, 3)
    Image.fromarray(image).save(tmp_path / 'p.png')
    np.testing.assert_array_equal(network.read(tmp_path / 'p.png'), fitted)


def test_class_names_must_fit(colour_weights, tmp_path):
    names = tmp_path / 'names.txt'
    for content, word in [
        ('a\nb\n', '2 class names'),
        ('a\n\nb', 'line 2 is empty'),
        ('', 'line 1'),
        (b'\xff', 'utf-8'),
    ]:
        names.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError, match=word):
            load(weights=colour_weights, classes=names)
    with pytest.raises(UserError, match='No such file'):
        load(weights=colour_weights, classes=tmp_path / 'none.txt')


def test_one_of_the_two(tiny_run, colour_weights):
    for given in ({}, {'workdir': tiny_run, 'weights': colour_weights}):
        with pytest.raises(UserError, match='one of them'):
            load(**given)


def test_a_run_on_other_data_is_refused(tiny_run, tiny_data, tmp_path):
    run = tmp_path / 'run'
    shutil.copytree(tiny_run, run)
    record = json.loads((run / 'provenance.json').read_text())
    record['data']['fingerprint'] = 'another'
    (run / 'provenance.json').write_text(json.dumps(record))
    with pytest.raises(UserError, match='other data'):
        load(run, data_dir=tiny_data)
    shutil.rmtree(run / 'checkpoints')
    with pytest.raises(UserError, match='no checkpoint'):
        load(run, data_dir=tiny_data)
    with pytest.raises(UserError, match='not a run'):
        load(tmp_path, data_dir=tiny_data)
