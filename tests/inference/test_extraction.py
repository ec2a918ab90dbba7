"""Features of a data set: of every image once, on any number of devices, to files that are whole or not there."""

import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnn_bench import data
from cnn_bench.errors import UserError
from cnn_bench.inference import feature_files, features, layers
from cnn_bench.trained import load


@pytest.fixture(scope='module')
def trained(tiny_run, tiny_data):
    return load(tiny_run, tiny_data)


def plain(network, layer, data_dir):
    examples = list(data.open_split('tiny', 'test', data_dir))
    images = jnp.asarray(np.stack([example['image'] for example in examples]))
    made = layers.output(network.module, network.variables, network.preprocess(images), layer)
    return np.asarray(made), np.array([example['label'] for example in examples])


@pytest.mark.parametrize(('layer', 'batch_size'), [('c3', 16), ('features', 1000)])
def test_they_are_those_of_a_plain_pass(trained, tiny_data, layer, batch_size):
    made = features.extract(trained, 'tiny', 'test', layer, batch_size=batch_size, data_dir=tiny_data)
    expected, labels = plain(trained, layer, tiny_data)
    assert (made.count, made.shape) == (len(expected), expected.shape[1:])
    found, own = made.arrays()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(own, labels)


@pytest.mark.parametrize('ending', ['.npz', '.parquet'])
def test_files_hold_them(trained, tiny_data, tmp_path, ending, monkeypatch):
    monkeypatch.setattr(feature_files, 'ROW_GROUP_BYTES', 2000)
    out = tmp_path / '[1]*?{x}\\' / f'[2]{ending}'
    out.parent.mkdir()
    feature_files.write(features.extract(trained, 'tiny', 'test', 'c3', batch_size=16, data_dir=tiny_data), out)
    expected, labels = plain(trained, 'c3', tiny_data)
    if ending == '.npz':
        with np.load(out) as file:
            found, own, indices, about = (file[name] for name in ('features', 'labels', 'indices', 'about'))
    else:
        table = pq.read_table(out)
        assert pq.ParquetFile(out).num_row_groups == 3
        about, shape = (table.schema.metadata[name].decode() for name in (b'about', b'shape'))
        found = np.stack(table['features'].to_numpy()).reshape(-1, *json.loads(shape))
        own, indices = table['label'].to_numpy(), table['index'].to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(own, labels)
    np.testing.assert_array_equal(indices, np.arange(len(labels)))
    assert json.loads(str(about))['layer'] == 'c3'


@pytest.mark.parametrize('ending', ['.npz', '.parquet'])
def test_nothing_is_left_of_a_file_that_was_not_finished(trained, tiny_data, tmp_path, ending):
    made = features.extract(trained, 'tiny', 'test', 'c3', batch_size=16, data_dir=tiny_data)

    def stopping():
        yield next(made.batches)
        raise KeyboardInterrupt

    (tmp_path / f'f{ending}').write_text('what was there')
    with pytest.raises(KeyboardInterrupt):
        feature_files.write(replace(made, batches=stopping()), tmp_path / f'f{ending}')
    assert [path.read_text() for path in tmp_path.iterdir()] == ['what was there']


@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic'])
def test_greys_are_repeated_and_resized_as_the_weights_say(colour_weights, tiny_data, interpolation):
    network = load(colour_weights)
    network = replace(network, preprocessing=replace(network.preprocessing, interpolation=interpolation))
    made = features.extract(network, 'tiny', 'test', 'c3', batch_size=40, data_dir=tiny_data)
    side = 28 * 32 / 36  # of the centre crop
    box = ((28 - side) / 2, (28 - side) / 2, (28 + side) / 2, (28 + side) / 2)
    images = [
        Image.fromarray(example['image'][:, :, 0]).resize((32, 32), Image.Resampling[interpolation.upper()], box)
        for example in data.open_split('tiny', 'test', tiny_data)
    ]
    inputs = (np.stack([np.asarray(i.convert('RGB')) for i in images]) / 255 - (0.485, 0.456, 0.406)) / (
        0.229,
        0.224,
        0.225,
    )
    expected = layers.output(network.module, network.variables, jnp.asarray(inputs, jnp.float32), 'c3')
    np.testing.assert_allclose(made.arrays()[0], expected, atol=1e-4)


def test_colours_are_not_lost(trained, tiny_data, monkeypatch):
    info = data.info('tiny', tiny_data)
    monkeypatch.setattr(data, 'info', lambda *_: replace(info, channels=3))
    with pytest.raises(UserError, match='takes 1 channels; tiny has 3'):
        features.extract(trained, 'tiny', data_dir=tiny_data)


def test_what_does_not_fit_is_refused(trained, tiny_data, tmp_path):
    for arguments, word in [
        (('tniy',), 'neither prepared'),
        (('tiny', 'tset'), 'did you mean test'),
        (('tiny', 'test', 'c2'), 'did you mean'),
        (('tiny', 'test', 'c3', 'max'), 'unknown pool'),
        (('tiny', 'test', 'c3', 'none', 0), 'at least 1'),
    ]:
        with pytest.raises(UserError, match=word):
            features.extract(trained, *arguments, data_dir=tiny_data)
    for out, word in [('f.csv', 'must end in'), ('none/f.npz', 'no directory'), ('', 'must end in')]:
        with pytest.raises(UserError, match=word):
            feature_files.check(tmp_path / out)
