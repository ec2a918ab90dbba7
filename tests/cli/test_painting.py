"""`cnn-bench stylize` and `cnn-bench dream`: files and records written, bad input in one line, Ctrl-C."""

import json
import os
import signal

import numpy as np
import pytest
from PIL import Image

from cnn_bench.cli import main, painting
from cnn_bench.inference import style
from cnn_bench.trained.class_names import numbered_classes


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """A folder with content.png, 48x36, style.png, 32x32, and a file that is no picture."""
    folder = tmp_path_factory.mktemp('pictures')
    numbers = np.random.default_rng(0)
    for name, shape in {'content': (36, 48, 3), 'style': (32, 32, 3)}.items():
        Image.fromarray(numbers.integers(0, 256, shape, np.uint8)).save(folder / f'{name}.png')
    (folder / 'none.png').write_text('no picture')
    return folder


@pytest.fixture
def call(pictures, any_size_weights, tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; return its status, stdout, and the lines of stderr."""
    monkeypatch.chdir(tmp_path)

    def run(command: str, *more: str):
        named = {'CONTENT': 'content.png', 'STYLE': 'style.png', 'NONE': 'none.png'}
        words = [str(pictures / named[word]) if word in named else word for word in command.split()]
        status = main([*words, *more, '--weights', any_size_weights])
        captured = capsys.readouterr()
        return status, captured.out, captured.err.splitlines()

    return run


def test_a_stylised_picture_and_its_record(call, tmp_path):
    command = 'stylize CONTENT STYLE --size 40 --steps 4 --every 2 --out a.png --json --style-layers conv1,fire3'
    status, out, lines = call(command)
    assert status == 0
    record = json.loads(out)
    assert record['size'] == [30, 40]
    assert record['style_layers'] == ['conv1', 'fire3']
    assert (record['steps'], record['out'], record['seed']) == (4, 'a.png', 0)
    assert 0 < record['style'] < record['loss']
    assert sorted(os.listdir(tmp_path)) == ['a.png', 'a_2.png']
    assert np.asarray(Image.open('a.png')).shape == (30, 40, 3)
    assert lines[-1].startswith('step 4 of 4: loss ')


def test_a_dream_and_its_record(call, tmp_path):
    status, out, _ = call('dream CONTENT --size 40 --steps 2 --octaves 2 --layer conv1 --out d.jpg --json')
    assert status == 0
    record = json.loads(out)
    assert (record['sizes'], record['steps'], record['layer']) == ([[21, 29], [30, 40]], 4, 'conv1')
    assert Image.open('d.jpg').size == (40, 30)
    assert os.listdir(tmp_path) == ['d.jpg']


def test_a_class_by_its_name_or_its_number_from_noise(call):
    command = 'dream --octaves 1 --steps 2 --jitter 0 --json --class'
    (status, by_number, _), (_, by_name, _) = call(command, '3'), call(command, numbered_classes(10)[3])
    assert status == 0
    record = json.loads(by_number)
    assert (record['channel'], record['layer'], record['picture']) == (3, 'logits', None)
    assert {**json.loads(by_name), 'seconds': 0} == {**record, 'seconds': 0}
    assert Image.open('dream.png').size == (32, 32)


def test_ctrl_c_saves_the_picture_so_far(call, monkeypatch):
    plain = style.stylize

    def interrupted(*arguments):
        for step in plain(*arguments):
            if step.number == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield step

    monkeypatch.setattr(style, 'stylize', interrupted)
    status, out, lines = call('stylize CONTENT STYLE --size 40 --steps 50 --optimizer adam --out a.png')
    assert (status, out) == (75, '')
    assert lines[-1] == 'cnn-bench: stopped after step 2 of 50; a.png has the picture so far'
    assert Image.open('a.png').size == (40, 30)


def test_a_loss_that_is_no_number_fails(call, tmp_path, monkeypatch):
    monkeypatch.setattr(style.pixels, 'total_variation', lambda x: x.sum() * float('nan'))
    status, _, lines = call('stylize CONTENT STYLE --size 40 --steps 3 --optimizer adam')
    assert status == 1
    assert lines == ['cnn-bench: error: the loss of step 1 is nan; nothing is written']
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ('command', 'words'),
    [
        ('stylize nowhere.png STYLE', 'nowhere.png: is not there'),
        ('stylize CONTENT NONE', 'is no picture that can be read'),
        ('stylize CONTENT', 'STYLE'),
        ('stylize CONTENT STYLE --steps 0', 'at least 1'),
        ('stylize CONTENT STYLE --content-layer fire33', 'did you mean fire3'),
        ('stylize CONTENT STYLE --style-layers conv1,', "unknown layer of squeezenet1_0 ''"),
        ('stylize CONTENT STYLE --content-layer head/fc', 'is in the head'),
        ('stylize CONTENT STYLE --size 7', 'cannot take a picture of 5x7'),
        ('stylize CONTENT STYLE --style-size 7', 'cannot take a picture of 7x7'),
        ('stylize CONTENT STYLE --size 99999', f'at most {painting.LARGEST:,}'),
        ('stylize CONTENT STYLE --out a.gif', '--out a.gif must be'),
        ('stylize CONTENT STYLE --out nowhere/a.png', 'in an existing directory'),
        ('stylize CONTENT STYLE --learning-rate 0.1', '--optimizer adam'),
        ('stylize CONTENT STYLE --tv-weight -1', 'at least 0'),
        ('dream nowhere.png', 'nowhere.png: is not there'),
        ('dream CONTENT --steps 0', 'at least 1'),
        ('dream CONTENT --layer dense9', 'unknown layer of squeezenet1_0'),
        ('dream CONTENT --layer conv1 --channel 999', 'there are 0 to'),
        ('dream CONTENT --size 40 --octaves 9', 'cannot take a picture of 2x3'),
        ('dream CONTENT --octave-scale 1', 'above 1'),
        ('dream --class zebra', 'unknown class of squeezenet1_0'),
        ('dream --class 10 --octaves 1', 'there are 0 to 9'),
        ('dream --class 1 --octaves 6', 'cannot take a picture of 6x6'),
        ('dream --class 1 --layer conv1', 'give --class, or --layer and --channel'),
        ('dream --every 0', 'at least 1'),
    ],
)
def test_bad_input_is_one_line(call, tmp_path, command, words):
    status, out, lines = call(command)
    assert (status, out) == (2, '')
    (line,) = lines
    assert line.startswith('cnn-bench: error: ')
    assert words in line
    assert os.listdir(tmp_path) == []
