"""Reduce-on-plateau by a table, the best so far, early stopping, and all of them across a resume."""

import json

import jax
import numpy as np
import pytest
from kill_harness import interrupted_after

from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.training import evaluate, loop, monitor, session
from cnn_bench.training.schedules import make_plateau
from cnn_bench.training.setup import TrainingSetup

PLATEAU = {'name': 'plateau', 'warmup_epochs': 0.0, 'factor': 0.5}
ERRORS = (10, 9, 9.5, 9, 9.2, 8.995, 9.5, 9.6, 9.7, 8, 8.1, 8.2, 8.3, 8.4, 8.5, 8.6, 8.7, 8.8)


def _factors(errors, **fields):
    """What the rate is multiplied by after each evaluation."""
    plateau = make_plateau({**PLATEAU, **fields})
    eval_state, factors = monitor.first_eval_state(plateau), []
    for step, error in enumerate(errors):
        eval_state = monitor.updated(eval_state, error, step, plateau)
        factors.append(float(eval_state.plateau.scale))
    return factors


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        # Better is below 0.999 x best: 10, 9 and 8 are, 8.995 is not. The third evaluation in a row that is not better
        # halves the rate: 9.5 9 9.2 | 8.995 9.5 9.6 | 9.7, then 8 | 8.1 8.2 8.3 | 8.4 8.5 8.6 | 8.7 8.8.
        (
            {'patience': 2, 'threshold': 1e-3},
            [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625, 0.0625],
        ),
        # The two after a reduction count for nothing: 9.5 9 9.2 | (8.995 9.5) 9.6 9.7, then 8 | 8.1 8.2 8.3 | (8.4
        # 8.5) 8.6 8.7 8.8.
        (
            {'patience': 2, 'threshold': 1e-3, 'cooldown': 2},
            [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.125],
        ),
        # Each that is not better halves the rate, but not below a twentieth.
        (
            {'patience': 0, 'threshold': 1e-4, 'min_factor': 0.05},
            [1, 1, 0.5, 0.25, 0.125, 0.125, 0.0625, *[0.05] * 11],
        ),
        # Better is below 0.8 x best: 8 is not below 0.8 x 10, so that every second one halves the rate from 9 on.
        (
            {'patience': 1, 'threshold': 0.2},
            [1, 1, *(0.5**k for k in range(1, 9) for _ in range(2))],
        ),
    ],
)
def test_a_plateau_is_that_of_pytorch(fields, expected):
    """The table was worked out by hand after the definition of torch.optim.lr_scheduler.ReduceLROnPlateau."""
    assert _factors(ERRORS, **fields) == pytest.approx(expected)


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'factor': 1.0}, 'factor is 1.0'),
        ({'patience': -1}, 'patience is -1'),
        ({'threshold': 0.0}, 'threshold is 0.0'),
        ({'pateince': 3}, r'schedule\.pateince.*patience'),
    ],
)
def test_a_wrong_plateau_is_one_line(fields, said):
    with pytest.raises(UserError, match=said):
        make_plateau({**PLATEAU, **fields})
    assert make_plateau({'name': 'cosine', 'warmup_epochs': 0.0}) is None


def test_the_best_so_far():
    eval_state, seen = monitor.first_eval_state(None), []
    for step, value in enumerate([5, 4, 4, 6, 3], 1):
        eval_state = monitor.updated(eval_state, value, step)
        seen.append((float(eval_state.best), int(eval_state.best_step), int(eval_state.evals_since_best)))
    assert seen == [(5, 1, 0), (4, 2, 0), (4, 2, 1), (4, 2, 2), (3, 5, 0)]


@pytest.fixture
def evaluations(monkeypatch):
    """Call it with errors that evaluations are to find, whatever the network does."""

    def give(errors):
        errors = iter(errors)
        original = loop.evaluate_state

        def evaluate_state(*args):
            result = original(*args)
            return evaluate.Evaluation({**result.metrics, 'top1_err_pct': next(errors)}, *_rest(result))

        monkeypatch.setattr(loop, 'evaluate_state', evaluate_state)

    return give


def _rest(result):
    return result.targets, result.each


VALIDATED = {'batch_size': 18, 'dataset__validation_images': 24}


def test_the_rate_falls_where_errors_do_not(tiny_recipe, tiny_data, tmp_path, evaluations):
    fields = {**VALIDATED, 'schedule__name': 'plateau', 'schedule__factor': 0.5, 'schedule__patience': 1}
    evaluations([50.0, 40.0, 40.0, 40.0, 40.0, 60.0])
    session.train(tiny_recipe(total_epochs=5, log_every_steps=4, **fields), tmp_path / 'run', tiny_data)
    rows = RunDirectory(tmp_path / 'run').metrics()
    rates = [row['learning_rate'] for row in rows if row['kind'] == 'train']
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.05])


def test_training_ends_where_errors_stop_falling(tiny_recipe, tiny_data, tmp_path, evaluations):
    evaluations([50.0, 40.0, 45.0, 40.0, 60.0])
    config = tiny_recipe(total_epochs=5, early_stop_patience=2, checkpoint_every_steps=100, **VALIDATED)
    summary = session.train(config, tmp_path / 'run', tiny_data)
    assert (summary['state'], summary['steps'], summary['epochs']) == ('finished', 16, 4)
    assert (summary['val_top1_err_pct'], summary['best_val_top1_err_pct'], summary['best_step']) == (40, 40, 8)
    assert (summary['top1_err_pct'], summary['tested_step']) == (60, 16)
    with Checkpoints(tmp_path / 'run' / schema.CHECKPOINTS, keep=2) as checkpoints:
        assert checkpoints.latest_step() == 16


EVERYTHING = {
    **VALIDATED,
    'total_epochs': 4,
    'checkpoint_every_steps': 3,
    'ema_decay': 0.9,
    'accumulate_steps': 2,
    'optimizer__clip_norm': 1.0,
    'schedule__name': 'plateau',
    'schedule__factor': 0.5,
    'schedule__patience': 0,
    'schedule__threshold': 0.5,
    'monitor': 'ema_loss',
    'mix__mixup_alpha': 0.4,
    'mix__cutmix_alpha': 1.0,
    'augment__flip': True,
    'augment__lighting_std': 0.1,
    'augment__lighting_components': ((0.1,),),
    'early_stop_patience': 3,
}


def _record(path, config, data_dir):
    with Checkpoints(path / schema.CHECKPOINTS, keep=2) as checkpoints:
        state, _ = checkpoints.restore(TrainingSetup(config, data_dir).first_state())
    summary = json.loads((path / schema.SUMMARY).read_text())
    timeless = {name: value for name, value in summary.items() if name not in ('train_s', 'images_per_s')}
    return state, timeless, (path / schema.METRICS).read_bytes()


def test_a_resumed_run_has_the_average_and_the_plateau_of_an_undisturbed_one(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(optimizer__learning_rate=0.5, **EVERYTHING)
    session.train(config, tmp_path / 'whole', tiny_data)
    for stop_at in (5, 8, 13):
        with interrupted_after(stop_at):
            session.train(config, tmp_path / 'cut', tiny_data)
    session.train(config, tmp_path / 'cut', tiny_data)
    one, other = (_record(tmp_path / name, config, tiny_data) for name in ('whole', 'cut'))
    jax.tree.map(np.testing.assert_array_equal, one[0], other[0])
    assert one[1:] == other[1:]
    assert float(one[0].eval_state.plateau.scale) < 1  # the plateau did something
    rows = RunDirectory(tmp_path / 'whole').metrics()
    averaged = [row for row in rows if row['kind'] == 'val']
    assert all(row['ema_loss'] != row['loss'] for row in averaged)
