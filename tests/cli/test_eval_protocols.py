"""`cnn-bench eval` by the published protocols: the printed line and the JSON say which."""

import json

import numpy as np
import pytest
from image_files import save_image

from cnn_bench.cli import main
from cnn_bench.data.prepare import prepare


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """A data directory with the set `pictures`: ten classes, two pictures of different sizes each."""
    directory, generator = tmp_path_factory.mktemp('pictures'), np.random.default_rng(0)
    for part in ('train', 'test'):
        for label in 'abcdefghij':
            for number, shape in enumerate(((40, 50, 3), (45, 40, 3))):
                path = directory / 'images' / part / label / f'{number}.png'
                save_image(path, generator.integers(0, 256, shape, np.uint8))
    prepare('pictures', directory / 'images', directory / 'data')
    return str(directory / 'data')


def evaluated(capsys, *arguments) -> dict:
    assert main(['eval', *map(str, arguments), '--json']) == 0
    return json.loads(capsys.readouterr().out)


def test_imported_weights(colour_weights, pictures, capsys):
    of = ['--weights', colour_weights, '--dataset', 'pictures', '--data-dir', pictures]
    one, ten = evaluated(capsys, *of), evaluated(capsys, *of, '--crops', 10)
    assert one['protocol'] == 'centre crop of 32 from shorter side 36'
    assert ten['protocol'] == '10 crops of 32 from shorter side 36, softmax averaged'
    assert one['images'] == ten['images'] == 20
    assert (one['dtype'], evaluated(capsys, *of, '--dtype', 'bfloat16')['dtype']) == ('float32', 'bfloat16')
    assert one['loss'] != ten['loss']
    assert main(['eval', *of, '--flip', '--average', 'logits']) == 0
    line = capsys.readouterr().out
    assert line.endswith('20 images, centre crop of 32 from shorter side 36 and mirrored, logits averaged\n')


def test_a_run(tiny_run, tiny_data, capsys):
    of = ['--workdir', tiny_run, '--data-dir', tiny_data]
    one, flipped = evaluated(capsys, *of), evaluated(capsys, *of, '--flip')
    assert one['protocol'] == 'centre crop of 28 from shorter side 28'
    assert flipped['protocol'].endswith('and mirrored, softmax averaged')
    assert (flipped['images'], flipped['step']) == (40, 2)
    assert flipped['loss'] != one['loss']
    ten = evaluated(capsys, *of, '--crops', 10, '--scales', 32)
    assert ten['protocol'] == '10 crops of 28 from shorter side 32, softmax averaged'


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['--crops', '10'], 'no room'),
        (['--crops', '7'], 'invalid choice'),
        (['--crops', '10', '--dense'], 'not allowed with'),
        (['--scales', '32,x'], "'x' is not a whole number"),
        (['--dense'], 'larger than 32x32'),
        (['--cut-to', '32'], 'needs --dense'),
        (['--dtype', 'bfloat16'], '--dtype needs --weights'),
        (['--dtype', 'int8'], 'invalid choice'),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments, said, tiny_run, tiny_data, capsys):
    assert main(['eval', '--workdir', tiny_run, '--data-dir', tiny_data, *arguments]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith('cnn-bench')]
    assert said in line
