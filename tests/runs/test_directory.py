"""Run directories: what they hold is whole or not there."""

import json

import numpy as np
import pytest

from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, provenance, schema
from cnn_bench.runs.predictions import packed


@pytest.fixture
def run(tmp_path):
    directory = RunDirectory(tmp_path / 'run')
    directory.create()
    return directory


def test_files_are_replaced_whole(run):
    run.write('a.json', {'a': 1})
    with pytest.raises(ValueError):  # NaN is not JSON
        run.write('a.json', {'a': float('nan')})
    assert run.read('a.json') == {'a': 1}
    assert [path.name for path in run.path.iterdir()] == ['a.json']


def test_damaged_and_missing_files(run):
    assert run.read(schema.SUMMARY) is None
    (run / schema.SUMMARY).write_text('{"state": "fin')
    with pytest.raises(UserError, match=r'summary\.json cannot be read'):
        run.read(schema.SUMMARY)


def test_rewind_drops_later_and_half_written_rows(run):
    rows = [{'kind': 'train', 'step': step, 'epoch': 1.0, 'loss': 0.1 * step} for step in (1, 2, 3)]
    run.append(rows)
    with open(run / schema.METRICS, 'a') as file:
        file.write('{"kind": "tra')
    assert run.metrics() == rows
    run.rewind(2)
    assert (run / schema.METRICS).read_text() == ''.join(json.dumps(row) + '\n' for row in rows[:2])


def test_rewind_drops_the_evaluation_of_the_step_itself(run):
    rows = [{'kind': kind, 'step': step, 'epoch': 1.0, 'loss': 0.1} for step in (1, 2) for kind in ('train', 'val')]
    run.append(rows)
    run.rewind(2)
    assert run.metrics() == rows[:3]


def test_rows_of_earlier_versions_were_of_test_images(run):
    run.append([{'kind': 'eval', 'step': 1, 'epoch': 1.0, 'top1_err_pct': 5.0}])
    assert run.metrics() == [{'kind': 'test', 'step': 1, 'epoch': 1.0, 'top1_err_pct': 5.0}]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot write to the run directory'):
        RunDirectory(tmp_path / 'file' / 'run').create()


def test_predictions_of_many_classes_keep_the_top_five_and_the_label(run):
    log_probs = np.log(np.random.default_rng(0).dirichlet(np.ones(150), 20)).astype(np.float32)
    labels = np.arange(20)
    run.write_arrays(schema.PREDICTIONS, packed(labels, log_probs))
    kept = np.load(run / schema.PREDICTIONS)
    np.testing.assert_array_equal(kept['top5'], np.argsort(log_probs, axis=1)[:, ::-1][:, :5])
    np.testing.assert_array_equal(kept['label_log_prob'], log_probs[labels, labels].astype(np.float16))
    assert kept['top5_log_probs'].dtype == np.float16


@pytest.mark.parametrize('line', ['{"kind": "tra', '7', '{"kind": "train"}', '\xff', ''])
def test_a_damaged_row_is_named(run, line):
    run.append([{'kind': 'train', 'step': 1, 'epoch': 0.5}])
    with open(run / schema.METRICS, 'a', encoding='latin-1') as file:
        file.write(f'{line}\n')
    run.append([{'kind': 'train', 'step': 3, 'epoch': 1.5}])
    with pytest.raises(UserError, match=r'line 2 of .*metrics\.jsonl is not a row of metrics'):
        run.metrics()


def test_provenance_names_versions_and_survives_json():
    collected = provenance.collect()
    assert set(collected['versions']) == set(provenance.PACKAGES)
    assert json.loads(json.dumps(collected)) == collected


def test_git_state_outside_a_repository(tmp_path):
    assert provenance.git_state(tmp_path) is None
