"""`cnn-bench ensemble`, end to end."""

import json
import shutil

import pytest
from sweeps import IMAGES, write_sweep

from cnn_bench.cli import main


@pytest.fixture
def sweep(tmp_path):
    """Three networks and a run that diverged. Each errs on other images than the others."""
    return write_sweep(tmp_path, {'plain': [11.5], 'resnet': [8.0, None], 'wide': [9.0]})


def test_a_table_and_a_sentence(sweep, capsys):
    assert main(['ensemble', str(sweep)]) == 0
    out, err = capsys.readouterr()
    assert 'the 2 best' in out
    assert 'all 3' in out
    left_out, sentences = err.splitlines()
    assert left_out == 'cnn-bench: left out: trials/resnet-s1 (diverged: the loss of step 3 is nan)'
    assert sentences.startswith('The best of 3 networks alone is resnet: 8.00 % top-1 error at 4 M multiply-adds.')


def test_json_has_networks_ensembles_and_pairs(sweep, capsys):
    assert main(['ensemble', str(sweep), '--most', '2', '--json']) == 0
    found = json.loads(capsys.readouterr().out)
    assert [network['label'] for network in found['networks']] == ['plain', 'resnet', 'wide']
    assert [pair['size'] for pair in found['pairs']] == [2, 2, 2]
    assert {row['size'] for row in found['ensembles']} == {2, 3}
    whole = next(row for row in found['ensembles'] if row['size'] == 3)
    assert whole['macs'] == 14_000_000
    assert whole['n'] == IMAGES


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['--most', '1'], "'1' is not a whole number, at least 2"),
        (['--most', '4'], '--most 4 is more than the 3 runs'),
        (['--data-dir', 'x'], '--data-dir needs --from-checkpoints'),
        (['--from-checkpoints'], '0 of 4 runs are finished and have predictions'),
    ],
)
def test_bad_input_is_one_line(sweep, arguments, said, capsys):
    assert main(['ensemble', str(sweep), *arguments]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_place_without_runs(tmp_path, capsys):
    assert main(['ensemble', str(tmp_path / 'nowhere')]) == 2
    assert main(['ensemble', str(tmp_path)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert 'there is no directory' in first
    assert 'holds no run' in second


def test_checkpoints_say_what_was_kept(tiny_run, tmp_path, tiny_data, capsys):
    runs = tmp_path / 'runs'
    for name in ('one', 'two'):
        shutil.copytree(tiny_run, runs / name)
    assert main(['ensemble', str(runs), '--json']) == 0
    kept = json.loads(capsys.readouterr().out)
    for path in runs.glob('*/predictions.npz'):
        path.unlink()
    assert main(['ensemble', str(runs), '--json']) == 2
    capsys.readouterr()
    assert main(['ensemble', str(runs), '--json', '--from-checkpoints', '--data-dir', tiny_data]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again['ensembles'][0]['top1_err_pct'] == kept['ensembles'][0]['top1_err_pct']
    assert again['ensembles'][0]['disagreement_pct'] == 0
    assert again['ensembles'][0]['macs'] == 2 * kept['networks'][0]['macs']
