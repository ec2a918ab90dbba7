"""Sets of smaller pictures: which are changed, how, and that the set says so."""

import io
import json

import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from cnn_bench import cli, data
from cnn_bench.data import pictures
from cnn_bench.data.check import check
from cnn_bench.data.prepare import prepare
from cnn_bench.data.reduce import Reduction
from cnn_bench.errors import UserError


@pytest.fixture
def folders(tmp_path):
    """A large picture and two small ones in each split."""
    generator = np.random.default_rng(0)
    for split in ('train', 'test'):
        for number, shape in enumerate([(60, 91, 3), (20, 200, 3), (24, 24, 3)]):
            pixels = np.kron(generator.integers(0, 256, (shape[0], shape[1], 3)), np.ones((1, 1, 1))).astype(np.uint8)
            save_image(tmp_path / 'from' / split / 'a' / f'{number}.png', pixels)
    return tmp_path / 'from'


def test_only_larger_pictures_change(folders, data_dir):
    prepare('set', folders, reduction=Reduction(24, 80))
    split = data.open_split('set', 'train')
    stored = [record['image'] for record in split.encoded([0, 1, 2])]
    originals = [(folders / 'train' / 'a' / f'{number}.png').read_bytes() for number in range(3)]
    assert stored[1:] == originals[1:]
    with Image.open(io.BytesIO(stored[0])) as picture:
        assert (picture.format, picture.size) == ('JPEG', (36, 24))  # 91 * 24 / 60 = 36.4
    original = Image.fromarray(pictures.decode(originals[0]))
    buffer = io.BytesIO()
    original.resize((36, 24), Image.Resampling.LANCZOS).save(buffer, 'JPEG', quality=80, subsampling=2)
    assert stored[0] == buffer.getvalue()
    check('set')  # mean, std and fingerprint are those of what is stored
    assert data.info('set').reduced == {'shorter_side': 24, 'quality': 80}


def test_the_shape_of_a_set_whose_pictures_are_all_alike(tmp_path, data_dir):
    for split in ('train', 'test'):
        save_image(tmp_path / 'from' / split / 'a' / '0.png', np.zeros((60, 30), np.uint8))
    prepare('set', tmp_path / 'from', reduction=Reduction(15))
    assert data.info('set').image_shape == (30, 15, 1)
    assert data.open_split('set', 'train')[0]['image'].shape == (30, 15, 1)


def test_the_command_and_the_lists_say_it(folders, data_dir, capsys):
    assert cli.main(['data', 'prepare', 'set', '--from', str(folders), '--shorter-side', '24']) == 0
    assert 'shorter side at most 24 (JPEG 90)' in capsys.readouterr().out
    assert cli.main(['data', 'check', 'set', '--json']) == 0
    assert json.loads(capsys.readouterr().out)['reduced'] == {'shorter_side': 24, 'quality': 90}
    prepare('plain', folders)
    assert cli.main(['data', 'list', '--json']) == 0
    reduced = {row['name']: row['reduced'] for row in json.loads(capsys.readouterr().out)}
    assert (reduced['set'], reduced['plain']) == ({'shorter_side': 24, 'quality': 90}, None)


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        (['--quality', '90'], '--quality needs --shorter-side'),
        (['--shorter-side', '0'], "--shorter-side: '0' is not"),
        (['--shorter-side', '24', '--quality', '0'], "--quality: '0' is not"),
        (['--shorter-side', '24', '--quality', '100'], "--quality: '100' is not"),
    ],
)
def test_flags_that_make_no_sense(folders, data_dir, capsys, flags, said):
    assert cli.main(['data', 'prepare', 'set', '--from', str(folders), *flags]) == 2
    assert said in capsys.readouterr().err
    assert not (data_dir / 'set').exists()


def test_facts_that_were_edited(folders, data_dir):
    prepare('set', folders, reduction=Reduction(24))
    file = data_dir / 'set' / '1.0.0' / 'metadata.json'
    file.write_text(json.dumps(json.loads(file.read_text()) | {'reduced': {'shorter_side': 24}}))
    with pytest.raises(UserError, match='reduced'):
        data.info('set')
