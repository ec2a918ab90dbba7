"""`cnn-bench data`: what it prints, its exit status, and that a bad input is one line."""

import json

import numpy as np
import pytest
from PIL import Image

from cnn_bench.cli import main


@pytest.fixture
def source(tmp_path):
    for split in ('train', 'test'):
        for name in ('ant', 'bee'):
            (tmp_path / 'source' / split / name).mkdir(parents=True)
            for number in range(3):
                pixels = np.full((8, 8, 3), 40 * number, np.uint8)
                Image.fromarray(pixels).save(tmp_path / 'source' / split / name / f'{number}.png')
    return tmp_path / 'source'


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv('CNN_BENCH_DATA', str(tmp_path / 'sets'))
    return tmp_path / 'sets'


def one_error(capsys) -> str:
    said = capsys.readouterr()
    assert said.out == ''
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith('cnn-bench: error: ')
    return lines[0]


def test_list(capsys, data_dir):
    assert main(['data', 'list']) == 0
    said, note = capsys.readouterr()
    assert '{"train": 10000, "test": 2000}\t10\t[28, 28, 1]\t1' in said
    assert str(data_dir) in note


def test_prepare_list_check(capsys, source, data_dir):
    assert main(['data', 'prepare', 'insects', '--from', str(source)]) == 0
    assert 'insects is prepared: 6 train + 6 test, 2 classes, 8x8x3' in capsys.readouterr().out
    assert main(['data', 'list', '--json']) == 0
    rows = {row['name']: row for row in json.loads(capsys.readouterr().out)}
    assert rows['insects']['class_names'] == ['ant', 'bee']
    assert rows['insects']['directory'] == str(data_dir / 'insects' / '1.0.0')
    assert rows['fashion_mnist_subset']['packaged'] is True
    assert main(['data', 'check', 'insects']) == 0
    assert 'insects is whole' in capsys.readouterr().out


def test_a_data_dir_of_ones_own(capsys, source, tmp_path):
    assert main(['data', 'prepare', 'insects', '--from', str(source), '--data-dir', str(tmp_path / 'd')]) == 0
    assert main(['data', 'check', 'insects', '--data-dir', str(tmp_path / 'd'), '--json']) == 0
    capsys.readouterr()
    assert main(['data', 'check', 'insects']) == 2
    assert 'neither prepared' in one_error(capsys)


def test_a_damaged_set_is_listed_as_such_and_fails_its_check(capsys, source, data_dir):
    main(['data', 'prepare', 'insects', '--from', str(source)])
    shard = data_dir / 'insects' / '1.0.0' / 'insects-test.array_record-00000'
    shard.unlink()
    capsys.readouterr()
    assert main(['data', 'list']) == 0
    assert f"'insects' is damaged: {shard} is missing" in capsys.readouterr().out
    assert main(['data', 'check', 'insects']) == 2
    assert f'{shard} is missing' in one_error(capsys)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['check', 'fashion_mnist'], 'did you mean fashion_mnist_subset?'),
        (['prepare', 'x', '--from', '/nowhere'], '/nowhere is not there'),
        (['prepare', 'x'], 'the following arguments are required: --from'),
        (['prepare', 'fashion_mnist_subset', '--from', '/'], 'the name of a packaged data set'),
        ([], 'the following arguments are required: ACTION'),
        (['lsit'], "invalid choice: 'lsit'"),
    ],
)
def test_bad_input(capsys, data_dir, arguments, message):
    assert main(['data', *arguments]) == 2
    assert message in one_error(capsys)
    assert not data_dir.exists()


def test_unreadable_images(capsys, source, data_dir):
    (source / 'train' / 'ant' / '0.png').write_text('no image')
    assert main(['data', 'prepare', 'insects', '--from', str(source)]) == 2
    assert '1 unreadable image(s), nothing was written' in one_error(capsys)
    assert not data_dir.exists()


def test_prepare_help_names_all_forms(capsys):
    with pytest.raises(SystemExit):
        main(['data', 'prepare', '--help'])
    said = ' '.join(capsys.readouterr().out.split())
    for words in ('cifar-100-binary.tar.gz', 'extra_32x32.mat', 'x_train', 'val_images', 'EMNIST', 'train/CLASS/IMAGE'):
        assert words in said


def test_leaving_pictures_out_is_for_picture_files(capsys, tmp_path):
    np.savez(tmp_path / 'x.npz', x_train=np.zeros((1, 4, 4), np.uint8))
    assert main(['data', 'prepare', 'x', '--from', str(tmp_path / 'x.npz'), '--skip-unreadable']) == 2
    assert '--skip-unreadable is for picture files' in one_error(capsys)
