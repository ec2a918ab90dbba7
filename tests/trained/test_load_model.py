"""A trained network loaded from a run and from imported weights, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cnn_bench import data, trained
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory
from cnn_bench.trained import imported
from cnn_bench.trained.class_names import read_class_names
from cnn_bench.training.setup import restore


def test_of_a_run(tiny_run, tiny_data):
    model = trained.load(tiny_run)
    info = data.info('tiny', tiny_data)
    assert (model.arch, model.input_shape, model.preprocessing.resize) == ('lenet5', (28, 28, 1), None)
    assert model.class_names == info.class_names
    assert str(model.origin) == f'{tiny_run} at step 2, trained on tiny'
    images = np.stack([example['image'] for example in data.open_split('tiny', 'test', tiny_data)])
    _, state = restore(RunDirectory(tiny_run), tiny_data)
    expected = model.module.apply(state.variables, (images / 255 - info.mean) / info.std)
    np.testing.assert_allclose(model.logits(images), expected, atol=1e-4)


def _as_an_earlier_version_left_it(run):
    """Without the record of the network in the provenance."""
    record = json.loads((run / 'provenance.json').read_text())
    record.pop('model')
    (run / 'provenance.json').write_text(json.dumps(record))
    return record


def test_a_run_of_an_earlier_version_is_prepared_as_its_data_set_says(tiny_run, tiny_data, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / 'run')
    record = _as_an_earlier_version_left_it(run)
    old, new = trained.load(run, tiny_data), trained.load(tiny_run)
    assert (old.preprocessing, old.class_names) == (new.preprocessing, new.class_names)
    assert old.origin.digest == new.origin.digest
    record['data']['fingerprint'] = 'another'
    (run / 'provenance.json').write_text(json.dumps(record))
    with pytest.raises(UserError, match='other data'):
        trained.load(run, tiny_data)


def test_of_imported_weights(colour_weights, tmp_path):
    model = trained.load(colour_weights)
    assert model.input_shape == (32, 32, 3)
    assert model.preprocessing.resize == 36
    assert model.class_names[3] == 'class 3'
    assert 'lenet5.safetensors of timm' in str(model.origin)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    scaled = (images / 255 - np.array((0.485, 0.456, 0.406))) / np.array((0.229, 0.224, 0.225))
    np.testing.assert_allclose(model.logits(images), model.module.apply(model.variables, scaled), atol=1e-4)
    (tmp_path / 'names.txt').write_text('\ufeffone\r\n' + '\n'.join(f'a {n}' for n in range(9)) + '\n\n', 'utf-8')
    assert model.with_class_names(read_class_names(tmp_path / 'names.txt')).class_names[:2] == ('one', 'a 0')


def test_weights_that_an_earlier_version_imported(colour_weights, tmp_path):
    old = shutil.copytree(colour_weights, tmp_path / 'weights')
    record = json.loads((old / 'weights.json').read_text())
    look = record['preprocessing']
    shape = look.pop('input_shape')
    record |= {'input_shape': shape, 'origin': record['source'].pop('library')}
    record.pop('class_names')
    (old / 'weights.json').write_text(json.dumps(record))
    model = trained.load(old)
    assert model.preprocessing == trained.load(colour_weights).preprocessing
    assert model.origin.source['library'] == 'timm'


def test_images_of_any_size_are_fitted(colour_weights, tmp_path):
    model = trained.load(colour_weights)
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    fitted = model.fit(image)
    whole = Image.fromarray(image).resize((36, 45), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(fitted, np.asarray(whole)[6:38, 2:34])
    assert model.fit(image[:, :, :1]).shape == (32, 32, 3)
    Image.fromarray(image).save(tmp_path / 'p.png')
    np.testing.assert_array_equal(model.read(tmp_path / 'p.png'), fitted)


def test_class_names_must_fit(colour_weights, tmp_path):
    names = tmp_path / 'names.txt'
    for content, word in [
        ('a\nb\n', '2 class names'),
        ('a\n\nb', 'line 2 is empty'),
        ('', 'line 1'),
        (b'\xff', 'utf-8'),
        ('a\nb\x1b', 'not one line'),
    ]:
        names.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError, match=word):
            trained.load(colour_weights).with_class_names(read_class_names(names))
    with pytest.raises(UserError, match='No such file'):
        read_class_names(tmp_path / 'none.txt')


def test_what_is_no_trained_network_is_refused(tiny_run, tiny_data, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / 'run')
    shutil.rmtree(run / 'checkpoints')
    with pytest.raises(UserError, match='no checkpoint'):
        trained.load(run)
    with pytest.raises(UserError, match='neither a run directory'):
        trained.load(tmp_path)


def test_imported_weights_lie_in_any_directory(colour_weights, tmp_path):
    model = trained.load(colour_weights)
    imported.save(model, tmp_path / '[1]' / 'a*b')
    assert trained.load(tmp_path / '[1]' / 'a*b').origin.digest == model.origin.digest
