"""`cnn-bench predict` on pictures of every kind: each is predicted or refused by name, and the rest goes on."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import odd_pictures
import pytest
from PIL import Image

from cnn_bench import data
from cnn_bench.cli import main
from cnn_bench.errors import printable
from cnn_bench.trained import load


@pytest.fixture(scope='module')
def odd(tmp_path_factory):
    return odd_pictures.write(tmp_path_factory.mktemp('pictures') / 'odd')


@pytest.fixture
def predict(tiny_run, tiny_data, capsys):
    """Run `cnn-bench predict` with the tiny run; return status, what stdout has, and the lines of stderr."""

    def run(*arguments, json_wanted=True, network=()):
        network = network or ('--workdir', tiny_run, '--data-dir', tiny_data)
        words = ['predict', *map(str, arguments), *network, *['--json'] * json_wanted]
        status = main(words)
        captured = capsys.readouterr()
        out = json.loads(captured.out) if json_wanted and captured.out else captured.out
        return status, out, captured.err.splitlines()

    return run


def test_every_kind_of_picture_is_predicted_or_refused_by_name(predict, odd):
    whole, reasons = odd
    assert len(whole) + len(reasons) >= 70
    mixed = sorted([*whole, *reasons], key=os.path.basename)
    status, found, lines = predict(*mixed, '--batch-size', 16)
    assert status == 1
    assert [one['image'] for one in found] == [path for path in mixed if path not in reasons]
    lines = [line for line in lines if not line.startswith('cnn-bench: warning: ')]
    assert len(lines) == len(reasons)
    for line, path in zip(lines, [path for path in mixed if path in reasons], strict=True):
        assert line.startswith(f'cnn-bench: {printable(path)}: ')
        assert reasons[path] in line
    for one in found:
        assert sum(best['probability'] for best in one['top']) <= 1 + 1e-5
        assert len(one['top']) == 5


def test_a_picture_unlike_the_training_images_is_predicted_with_a_warning(predict, tmp_path):
    Image.new('L', (28, 28)).save(tmp_path / 'black.png')
    status, found, lines = predict(tmp_path)
    assert status == 0
    [line] = lines
    assert line.startswith(f'cnn-bench: warning: {tmp_path}/black.png is almost one colour')
    assert line.endswith(found[0]['unlike'])
    assert len(found[0]['top']) == 5


def test_probabilities_are_those_of_the_network(predict, tmp_path, tiny_run, tiny_data):
    examples = list(data.open_split('tiny', 'test', tiny_data))[:6]
    for number, example in enumerate(examples):
        Image.fromarray(example['image'][:, :, 0]).save(tmp_path / f'{number}.png')
    status, found, lines = predict(tmp_path, '--top', 10)
    assert (status, lines) == (0, [])
    network, info = load(tiny_run, tiny_data), data.info('tiny', tiny_data)
    inputs = (np.stack([example['image'] for example in examples]) / 255 - info.mean) / info.std
    logits = network.module.apply(network.variables, jnp.asarray(inputs, jnp.float32))
    for one, row in zip(found, np.asarray(jax.nn.softmax(logits)), strict=True):
        assert [best['label'] for best in one['top']] == list(np.argsort(-row))
        assert [best['class'] for best in one['top']] == [info.class_names[label] for label in np.argsort(-row)]
        np.testing.assert_allclose([best['probability'] for best in one['top']], np.sort(row)[::-1], atol=1e-5)


def test_the_table_has_names_as_they_are(predict, odd, tmp_path):
    path = next(path for path in odd[0] if 'markup' in path)
    status, out, lines = predict(path, '--top', 2, json_wanted=False)
    assert (status, lines) == (0, [])
    assert path in out
    assert out.count(path) == 2
    raw = os.fsdecode(bytes(tmp_path) + b'/\xff.png')
    Image.new('L', (9, 9)).save(tmp_path / 'p.png')
    os.rename(tmp_path / 'p.png', raw)
    status, out, _ = predict(raw, json_wanted=False)
    assert status == 0
    assert '\\udcff.png' in out


def test_imported_weights_with_names(predict, odd, colour_weights, tmp_path):
    (tmp_path / 'names').write_text('\n'.join(f'kind {number}' for number in range(10)))
    path = next(path for path in odd[0] if path.endswith('grey.png'))
    status, found, _ = predict(path, '--class-names', tmp_path / 'names', network=('--weights', colour_weights))
    assert status == 0
    assert found[0]['top'][0]['class'] == f'kind {found[0]["top"][0]["label"]}'


def test_nothing_predicted_is_status_2(predict, odd, tmp_path):
    status, out, lines = predict(tmp_path, next(iter(odd[1])))
    assert (status, out, len(lines)) == (2, [], 2)
    assert 'holds no pictures' in lines[0]
    status, out, lines = predict(tmp_path, json_wanted=False)
    assert (status, out, len(lines)) == (2, '', 1)


@pytest.mark.parametrize(
    ('arguments', 'word'),
    [
        (['p.png', '--workdir', '/no/such/run'], 'neither a run directory'),
        (['p.png', '--weights', '/no/such/weights'], 'nor imported weights'),
        (['p.png'], '--workdir'),
        (['--workdir', 'x'], 'IMAGE'),
        (['p.png', '--workdir', 'x', '--weights', 'y'], 'not allowed with'),
        (['p.png', '--workdir', 'x', '--top', '0'], 'at least 1'),
        (['p.png', '--workdir', 'x', '--batch-size', 'many'], 'at least 1'),
    ],
)
def test_bad_arguments_are_one_line(arguments, word, capsys):
    assert main(['predict', *arguments]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith('cnn-bench: error: ')
    assert word in line
    assert captured.out == ''
