"""The loop: what a run directory holds, resuming, refusing, diverging."""

import json
import shutil

import jax
import numpy as np
import pytest
from kill_harness import assert_same_run, damage_checkpoint, interrupted_after

from cnn_bench import runs
from cnn_bench.errors import RunFailed, UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs.predictions import of_run
from cnn_bench.trained.checkpoint import Checkpoints, complete_steps
from cnn_bench.training import loop, session
from cnn_bench.training.evaluate import evaluate_run, predict_run
from cnn_bench.training.setup import TrainingSetup


@pytest.fixture(scope='module')
def undisturbed(tiny_data, tmp_path_factory):
    """Train a recipe once; the same recipe again gives the same directory."""
    done = {}

    def train(config):
        key = json.dumps(config.to_dict(), default=str)
        if key not in done:
            done[key] = tmp_path_factory.mktemp('undisturbed') / 'run'
            session.train(config, done[key], tiny_data)
        return done[key]

    return train


def test_a_run_directory_holds_what_the_schema_says(tiny_recipe, tiny_data, undisturbed):
    config = tiny_recipe(batch_size=18, dataset__validation_images=24)
    run = RunDirectory(undisturbed(config))
    rows = run.metrics()
    assert [(row['kind'], row['step']) for row in rows] == [
        *[('train', 3), ('train', 4), ('val', 4)],
        *[('train', 6), ('train', 8), ('val', 8), ('test', 8)],
    ]
    summary = run.read(schema.SUMMARY)
    assert summary['state'] == 'finished'
    assert summary['top1_err_pct'] == rows[-1]['top1_err_pct']
    assert summary['val_top1_err_pct'] == rows[-2]['top1_err_pct']
    assert [row['images'] for row in rows[-2:]] == [24, 40]
    provenance = run.read(schema.PROVENANCE)
    assert provenance['seed'] == config.seed
    assert provenance['network']['params'] == 61_706
    assert provenance['data']['fingerprint']
    predictions = np.load(run / schema.PREDICTIONS)
    labels, log_probs = predictions['label'], predictions['log_probs']
    assert log_probs.dtype == np.float16
    np.testing.assert_array_equal(labels, np.arange(40) % 10)
    validation = of_run(run, schema.VALIDATION_PREDICTIONS)
    assert 100 * np.mean(~validation.right) == pytest.approx(summary['val_top1_err_pct'])
    assert 100 * np.mean(log_probs.argmax(1) != labels) == pytest.approx(summary['top1_err_pct'])
    row = runs.load(run.path).iloc[0]
    assert (row.arch, row.params, row.macs, row.input_shape) == ('lenet5', 61_706, 416_520, '28x28x1')
    result = evaluate_run(run.path, data_dir=tiny_data)
    assert result['top1_err_pct'] == pytest.approx(summary['top1_err_pct'])
    assert result['step'] == 8
    again = evaluate_run(run.path, 'validation', tiny_data)
    assert again['top1_err_pct'] == pytest.approx(summary['val_top1_err_pct'])
    again, of_validation = predict_run(run.path, tiny_data)
    np.testing.assert_array_equal(of_validation.top1, validation.top1)
    np.testing.assert_array_equal(again.label, labels)
    np.testing.assert_array_equal(again.log_probs.astype(np.float16), log_probs)


def test_it_learns(tiny_recipe, tiny_data, tmp_path):
    summary = session.train(tiny_recipe(total_epochs=8, eval_every_epochs=8), tmp_path / 'run', tiny_data)
    assert summary['top1_err_pct'] < 10  # the bars are plain to see


@pytest.mark.parametrize('stop_at', [1, 5, 6, 8])
def test_resuming_is_as_if_nothing_had_happened(tiny_recipe, tiny_data, tmp_path, undisturbed, stop_at):
    fields = {'batch_size': 18, 'dataset__validation_images': 24, 'test_every_epochs': 1}
    config = tiny_recipe(checkpoint_every_steps=3, augment__pad_crop=2, **fields)
    expected = undisturbed(config)
    with interrupted_after(stop_at):
        session.train(config, tmp_path / 'run', tiny_data)
    assert runs.load(tmp_path / 'run').state.item() == 'unfinished'
    session.train(config, tmp_path / 'run', tiny_data)
    assert_same_run(config, tmp_path / 'run', expected, tiny_data)
    assert len(RunDirectory(tmp_path / 'run').read(schema.PROVENANCE)['earlier_sessions']) == 1


def test_rows_that_the_log_lost_are_told_of_in_every_later_session(tiny_recipe, tiny_data, tmp_path, capsys):
    config, run = tiny_recipe(total_epochs=1, checkpoint_every_steps=2), RunDirectory(tmp_path / 'run')
    session.train(config, run.path, tiny_data)
    assert [(row['kind'], row['step']) for row in run.metrics()] == [
        ('train', 2),
        ('train', 3),
        ('train', 4),
        ('test', 4),
    ]
    shutil.rmtree(run / schema.CHECKPOINTS / '4')
    (run / schema.METRICS).unlink()
    for logged, step in ((1, 2), (3, 4)):
        (run / schema.SUMMARY).unlink()
        summary = session.train(config, run.path, tiny_data)
        assert (
            f'lacks 1 of the {logged} rows that were logged up to step {step}: training goes on'
            in capsys.readouterr().err
        )
        assert summary['log_rows_lost'] == 1
        assert runs.load(run.path).train_err_pct.isna().item()


def test_a_finished_run_is_left_as_it_is(tiny_recipe, undisturbed, monkeypatch):
    path = undisturbed(tiny_recipe())
    monkeypatch.setattr(session, 'TrainingSetup', None)  # nothing is built
    assert session.train(tiny_recipe(), path)['state'] == 'finished'


def test_another_recipe_in_the_same_directory_is_refused(tiny_recipe, undisturbed):
    path = undisturbed(tiny_recipe())
    with pytest.raises(UserError, match=r'seed: 0, 1'):
        session.train(tiny_recipe(seed=1), path)


def test_other_data_under_the_same_name_are_refused(tiny_recipe, tiny_data, tmp_path):
    session.train(tiny_recipe(), tmp_path / 'run', tiny_data)
    run = RunDirectory(tmp_path / 'run')
    (run / schema.SUMMARY).unlink()
    record = run.read(schema.PROVENANCE)
    run.write(schema.PROVENANCE, {**record, 'data': {**record['data'], 'fingerprint': 'another'}})
    with pytest.raises(UserError, match='other data than tiny'):
        session.train(tiny_recipe(), tmp_path / 'run', tiny_data)


def test_a_run_that_diverges_says_so(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(optimizer__learning_rate=1e8, optimizer__weight_decay=1e8)
    with pytest.raises(RunFailed, match=r'the loss of step \d+ is') as error:
        session.train(config, tmp_path / 'run', tiny_data)
    assert error.value.exit_status == 1
    run = RunDirectory(tmp_path / 'run')
    assert run.read(schema.SUMMARY)['state'] == 'diverged'
    assert all(np.isfinite(row['loss']) for row in run.metrics())
    assert runs.load(run.path).state.item() == 'diverged'
    assert str(error.value).endswith(f'; {run.path} has the log')  # and no checkpoint


def test_weights_whose_loss_is_beyond_all_tables_have_diverged(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    """Finite weights after a high learning rate; JSON has no infinity, and a table no column for 1e17."""
    monkeypatch.setattr(loop, 'summary_fields', lambda part, metrics: {'test_loss': 1e17})
    with pytest.raises(RunFailed, match=r'test_loss of the weights of step 8 is 1e\+17'):
        session.train(tiny_recipe(), tmp_path / 'run', tiny_data)
    assert RunDirectory(tmp_path / 'run').read(schema.SUMMARY)['state'] == 'diverged'


def test_the_last_good_checkpoint_outlives_what_is_not_finite(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    """Parameters are spoilt by step 6, whose own loss is good: neither it nor step 7 is saved."""
    original = loop.Trainer._train

    def spoiling(self, batches, count):
        original(self, batches, count)
        if self.step == 6:
            self.state = self.state.replace(params=jax.tree.map(lambda p: p * np.nan, self.state.params))

    monkeypatch.setattr(loop.Trainer, '_train', spoiling)
    for every, step, why in ((5, 5, r'the loss of step 7 is nan \(steps 7 to 8 '), (3, 3, 'after step 6 a parameter')):
        workdir = tmp_path / str(every)
        with pytest.raises(RunFailed, match=f'{why}.* has the log and the checkpoint of step {step}$'):
            session.train(tiny_recipe(checkpoint_every_steps=every), workdir, tiny_data)
        with Checkpoints(workdir / schema.CHECKPOINTS, keep=2, read_only=True) as checkpoints:
            assert checkpoints.latest_step() == step


def test_a_damaged_newest_checkpoint_is_passed_over_where_asked(tiny_recipe, tiny_data, tmp_path, capsys):
    """The run then ends as an undisturbed one does. Where none is whole, all are kept."""
    config, workdir = tiny_recipe(checkpoint_every_steps=2, keep_checkpoints=4), tmp_path / 'run'
    session.train(config, tmp_path / 'undisturbed', tiny_data)
    shutil.copytree(tmp_path / 'undisturbed', workdir)
    (workdir / schema.SUMMARY).unlink()
    checkpoints = workdir / schema.CHECKPOINTS
    for step in (8, 6):
        damage_checkpoint(checkpoints / str(step))
    with pytest.raises(UserError, match=r'/8 cannot be read .*; `train --fall-back` goes on from step 6$'):
        session.train(config, workdir, tiny_data)
    capsys.readouterr()
    session.train(config, workdir, tiny_data, fall_back=True)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith('the checkpoint')]
    assert said == [f'the checkpoint of step {step} cannot be read; deleted, going on from step 4' for step in (8, 6)]
    assert_same_run(config, workdir, tmp_path / 'undisturbed', tiny_data)
    (workdir / schema.SUMMARY).unlink()
    for step in (2, 4, 6, 8):
        damage_checkpoint(checkpoints / str(step))
    with pytest.raises(UserError, match=r'/2 cannot be read .*; there is none before it$'):
        session.train(config, workdir, tiny_data, fall_back=True)
    assert complete_steps(checkpoints) == [2, 4, 6, 8]


@pytest.mark.skipif(jax.local_device_count() < 4, reason='needs four devices')
def test_jit_and_pmap_give_the_same_curve(tiny_recipe, tiny_data, tmp_path):
    curves = {}
    for mode in ('jit', 'pmap'):
        session.train(tiny_recipe(devices=4, parallel=mode), tmp_path / mode, tiny_data)
        curves[mode] = [row['loss'] for row in RunDirectory(tmp_path / mode).metrics()]
    np.testing.assert_allclose(curves['jit'], curves['pmap'], rtol=1e-5)


def test_streaming_trains_too(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(dataset__placement='host', crop__scale=(0.9, 1.0), crop__crop_fraction=1.0, total_epochs=1)
    summary = session.train(config, tmp_path / 'run', tiny_data)
    assert summary['steps'] == 4


def test_bfloat16_trains_with_float32_parameters(tiny_recipe, tiny_data, tmp_path):
    config = tiny_recipe(model__dtype='bfloat16', total_epochs=1)
    session.train(config, tmp_path / 'run', tiny_data)
    state = TrainingSetup(config, tiny_data).first_state()
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state.params)} == {'float32'}
