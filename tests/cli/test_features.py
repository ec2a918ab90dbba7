"""`cnn-bench features`: layers listed, features written, bad input in one line with nothing written."""

import json

import numpy as np
import pytest

from cnn_bench.cli import main


@pytest.fixture
def features(tiny_run, tiny_data, capsys):
    def run(*arguments, status=0):
        words = ['features', '--workdir', tiny_run, '--data-dir', tiny_data, *map(str, arguments)]
        assert main(words) == status
        captured = capsys.readouterr()
        errors = [line for line in captured.err.splitlines() if line.startswith('cnn-bench')]
        assert len(errors) == (status != 0)
        return errors[0] if errors else captured.out

    return run


def test_layers_are_listed(features):
    lines = dict(line.split('\t') for line in features('--list-layers').splitlines())
    assert lines['c1/conv'] == '[28, 28, 4]'
    assert lines['head/fc'] == '[10]'
    assert {'layer': 'c3', 'shape': [10, 10, 8]} in json.loads(features('--list-layers', '--json'))


def test_features_are_written(features, tmp_path):
    out = tmp_path / 'f.npz'
    said = features('--dataset', 'tiny', '--split', 'train', '--layer', 'c3', '--pool', 'mean', '--out', out)
    assert said == f'{out}: 96x8 of c3 of lenet5 on tiny, train\n'
    with np.load(out) as file:
        assert file['features'].shape == (96, 8)
        assert sorted(np.bincount(file['labels'])) == [9] * 4 + [10] * 6
    record = json.loads(features('--dataset', 'tiny', '--layer', 'c3', '--out', tmp_path / 'f.parquet', '--json'))
    assert record['shape'] == [40, 10, 10, 8]


@pytest.mark.parametrize(
    ('change', 'word'),
    [
        ({'layer': 'c3/cnov'}, 'did you mean c3/conv'),
        ({'layer': None}, 'give --layer'),
        ({'dataset': 'tniy'}, 'neither prepared'),
        ({'split': 'tset'}, 'did you mean test'),
        ({'out': 'f.csv'}, 'must end in .npz or .parquet'),
        ({'pool': 'max'}, 'invalid choice'),
    ],
)
def test_bad_input_writes_nothing(features, change, word, tmp_path):
    given = {'dataset': 'tiny', 'layer': 'c3', 'out': 'f.npz', **change}
    given['out'] = tmp_path / given['out']
    arguments = [part for name, value in given.items() if value is not None for part in (f'--{name}', value)]
    assert word in features(*arguments, status=2)
    assert list(tmp_path.iterdir()) == []
