"""`cnn-bench retrieve`: recalls as a brute-force search has them, the sheet, and bad input in one line."""

import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

from cnn_bench.cli import main
from cnn_bench.inference.features import extract
from cnn_bench.trained import load


@pytest.fixture
def retrieve(tiny_run, tiny_data, capsys):
    def run(*arguments, status=0):
        words = ['retrieve', '--workdir', tiny_run, '--data-dir', tiny_data, *map(str, arguments)]
        assert main(words) == status
        captured = capsys.readouterr()
        errors = [line for line in captured.err.splitlines() if line.startswith('cnn-bench')]
        assert len(errors) == (status != 0)
        return errors[0] if errors else captured.out

    return run


def brute_force(features, labels, gallery, gallery_labels, k, same):
    hits = 0
    for number, (row, label) in enumerate(zip(features, labels, strict=True)):
        cosines = gallery @ row / np.linalg.norm(gallery, axis=1) / np.linalg.norm(row)
        if same:
            cosines[number] = -2
        hits += label in gallery_labels[np.argsort(-cosines, kind='stable')[:k]]
    return hits / len(labels)


@pytest.mark.parametrize('splits', [('test', 'train'), ('test', 'test')])
def test_recall_is_that_of_a_search_by_brute_force(retrieve, tiny_run, tiny_data, splits):
    arguments = ['--dataset', 'tiny', '--queries', splits[0], '--gallery', splits[1], '--layer', 'c1', '--k', '3,1']
    record = json.loads(retrieve(*arguments, '--json'))
    network = load(tiny_run, tiny_data)
    (queries, labels), (gallery, others) = (
        extract(network, 'tiny', split, 'c1', 'mean', data_dir=tiny_data).arrays() for split in splits
    )
    expected = {k: brute_force(queries, labels, gallery, others, int(k), splits[0] == splits[1]) for k in ('1', '3')}
    assert record['recall'] == pytest.approx(expected)
    assert record['queries'] == {'split': 'test', 'images': 40}


def test_the_sheet_is_drawn(retrieve, tmp_path):
    said = retrieve('--dataset', 'tiny', '--k', '2', '--sheet', tmp_path / 'sheet.png')
    assert said.startswith('k\trecall\n2\t')
    with Image.open(tmp_path / 'sheet.png') as sheet:
        assert sheet.height > sheet.width > 300


@pytest.mark.parametrize(
    ('arguments', 'word'),
    [
        (['--dataset', 'tniy'], 'neither prepared'),
        (['--dataset', 'tiny', '--gallery', 'trian'], 'did you mean train'),
        (['--dataset', 'tiny', '--layer', 'c33'], 'did you mean c3'),
        (['--dataset', 'tiny', '--k', '1,0'], 'at least 1'),
        (['--dataset', 'tiny', '--k', 'one'], 'at least 1'),
        (['--dataset', 'tiny', '--k', '1,97'], 'at most 96'),
        (['--dataset', 'tiny', '--sheet', 'sheet.svg'], 'must be a .png'),
        (['--k', '1'], '--dataset'),
    ],
)
def test_bad_input_is_one_line(retrieve, arguments, word):
    assert word in retrieve(*arguments, status=2)


@pytest.mark.skipif(importlib.util.find_spec('faiss') is not None, reason='FAISS is here')
def test_faiss_is_an_extra(retrieve):
    assert "pip install -e '.[faiss]'" in retrieve('--dataset', 'tiny', '--index', 'faiss', status=2)
