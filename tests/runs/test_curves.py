"""What runs logged, as long tables, and the training error that follows from it."""

import numpy as np
import pytest
from run_files import eval_row, write_run

from cnn_bench import runs
from cnn_bench.runs import schema, study
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.predictions import packed
from cnn_bench.runs.training_error import last_epoch_error


def train(epoch, error):
    return {'kind': 'train', 'step': int(epoch * 4), 'epoch': epoch, 'loss': 0.5, 'top1_err_pct': error}


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        ([train(1, 50), train(1.75, 20), train(2, 12)], 0.75 * 20 + 0.25 * 12),
        ([train(0.75, 50), train(1.5, 20), train(2, 10)], 0.5 * 20 + 0.5 * 10),  # half of a window is of the last epoch
        ([train(0.25, 40), train(0.5, 20)], 30),
        ([train(1, 50), eval_row(8, 9.0)], 50),
        ([eval_row(8, 9.0)], None),
        ([{'kind': 'train', 'step': 2, 'epoch': 0.5, 'loss': 1.0}], None),
        ([], None),
    ],
)
def test_the_last_epoch_counts_each_window_by_its_steps(rows, expected):
    assert last_epoch_error(rows) == (None if expected is None else pytest.approx(expected))


def test_curves_of_the_readable_runs(tmp_path):
    done = {'state': 'finished', 'top1_err_pct': 12.0}
    write_run(tmp_path / 'a', [train(1, 30.0), eval_row(4, 12.0)], done, name='net', seed=3)
    write_run(tmp_path / 'b', [train(1, 40.0)], name='other')
    (write_run(tmp_path / 'worn', [train(1, 20.0)]) / schema.METRICS).write_text('{}\n')
    table = runs.curves(tmp_path)
    assert list(table.columns[:8]) == ['run', 'label', 'seed', 'state', 'kind', 'step', 'epoch', 'loss']
    assert table[['run', 'label', 'seed', 'kind', 'top1_err_pct']].to_numpy().tolist() == [
        ['a', 'net', 3, 'train', 30.0],
        ['a', 'net', 3, 'val', 12.0],
        ['b', 'other', 0, 'train', 40.0],
    ]
    assert runs.load(tmp_path).train_err_pct.tolist()[:2] == [30.0, 40.0]


def test_what_a_sweep_measured_is_in_its_table(tmp_path):
    write_run(tmp_path / 'trials' / 'one', summary={'state': 'finished', 'top1_err_pct': 12.0})
    write_run(tmp_path / 'trials' / 'two', summary={'state': 'finished', 'top1_err_pct': 13.0})
    trial = {'id': 'one', 'name': 'a', 'seed': 0, 'state': 'finished', 'measured': {'epochs_to_50_pct': 2.5}}
    study.write(tmp_path, study.Study('x.py', 'Why?', 's', 'demo', 1, 'epochs', '', (), (), (trial,)))
    table = runs.load(tmp_path).set_index('run')
    assert list(table.columns) == [*(name for name in COLUMNS if name != 'run'), 'epochs_to_50_pct']
    assert table.epochs_to_50_pct['trials/one'] == 2.5
    assert np.isnan(table.epochs_to_50_pct['trials/two'])
    (tmp_path / study.RECORD).write_text('[]')
    assert 'epochs_to_50_pct' not in runs.load(tmp_path)


@pytest.mark.parametrize('classes', [10, 200])
def test_predictions_say_which_images_were_right(tmp_path, classes):
    scores = np.full((4, classes), -9.0)
    scores[range(4), [1, 2, 3, 9]] = -0.5
    done = {'state': 'finished', 'top1_err_pct': 25.0}
    kept = packed(np.array([1, 2, 0, 9]), scores)
    write_run(tmp_path / 'a', summary=done).write_arrays(schema.PREDICTIONS, kept)
    write_run(tmp_path / 'none', summary=done)
    write_run(tmp_path / 'stopped').write_arrays(schema.PREDICTIONS, kept)
    (write_run(tmp_path / 'worn', summary=done) / schema.PREDICTIONS).write_bytes(b'PK')
    found = runs.predictions(tmp_path)
    assert list(found) == ['a']
    assert found['a'].right.tolist() == [True, True, False, True]
