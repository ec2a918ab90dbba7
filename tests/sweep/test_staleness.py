"""A sweep that is run again after its recipe or its code has changed: no mean mixes, and what is stale is said."""

import json

import pytest

from cnn_bench import runs
from cnn_bench.errors import RunFailed, UserError
from cnn_bench.runs import schema
from cnn_bench.sweep import Experiment, Sweep
from cnn_bench.sweep.inline_executor import InlineExecutor

SMALL = {'dataset.validation_images': 16, 'total_steps': 1, 'model.width': 0.5}
VARIANTS = {'a': {**SMALL, 'optimizer.learning_rate': 0.01}, 'b': SMALL}
STEP = 'cnn_bench/training/step.py'


@pytest.fixture
def again(write, tmp_path, tiny_data):
    """Run a sweep of `variants` in one directory, again with each call; return it and its sweep.json."""

    def run(variants=VARIANTS, seeds=2, **kwargs):
        path = write(
            "return f'{len(table)} finished.'", "return ' '.join(sorted(table.run))", variants=variants, name='q'
        )
        sweep = Sweep(Experiment.load(path), 'demo', seeds, tmp_path / 'out', tiny_data)
        sweep.run(InlineExecutor(tiny_data), **kwargs)
        return sweep, json.loads((tmp_path / 'out' / 'sweep.json').read_text())

    return run


def _change(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _as_if_by_other_code(run, file=STEP):
    _change(run / schema.PROVENANCE, lambda made: made['code']['modules'].update({file: '0' * 12}))


def _written(sweep):
    return {trial.id: (sweep.directory(trial) / schema.SUMMARY).stat().st_mtime_ns for trial in sweep.trials}


def test_a_changed_learning_rate_mixes_no_mean(again, capsys, tmp_path):
    first, record = again()
    assert record['answer'].split() == sorted(f'trials/{trial.id}' for trial in first.trials)
    capsys.readouterr()
    changed = {**VARIANTS, 'a': {**VARIANTS['a'], 'optimizer.learning_rate': 0.02}}
    second, record = again(changed, seeds=1)
    said = capsys.readouterr().err
    assert (
        "2 trials of 'a' are not in the answer, by another recipe (there, here): optimizer.learning_rate: 0.01, 0.02"
        in said
    )
    assert "trials of 'b'" not in said
    old = {trial.id for trial in first.trials if trial.name == 'a'}
    present = {trial.id for trial in second.trials} | {t.id for t in first.trials if t.name == 'b'}  # the other seed
    assert {trial['id'] for trial in record['trials']} == present
    assert record['answer'].split() == sorted(f'trials/{id}' for id in present)
    assert {row.run for row in runs.load(tmp_path / 'out').itertuples()} == {f'trials/{id}' for id in present | old}
    again({'b': SMALL}, seeds=1)
    assert "trials of 'a' are not in the answer, which is no variant of this sweep" in capsys.readouterr().err


def test_trials_that_other_code_made_are_told_of_and_made_again_on_request(again, capsys):
    sweep, record = again(seeds=1)
    assert set(record['trials'][0]['code']) == {'modules', 'recipe', 'experiment'}
    made = json.loads((sweep.directory(sweep.trials[0]) / schema.PROVENANCE).read_text())['code']
    assert list(made['experiment'].values()) == [record['trials'][0]['code']['experiment']]
    before = _written(sweep)
    _as_if_by_other_code(sweep.directory(sweep.trials[0]))
    capsys.readouterr()

    again(seeds=1)
    said = capsys.readouterr().err
    assert f'by other code than there is now: 1 trial (1 finished); {STEP} (1 trial); --rerun changed makes' in said
    assert _written(sweep) == before

    again(seeds=1, rerun_changed=True)
    assert 'they are made again' in capsys.readouterr().err
    after = _written(sweep)
    assert {id for id in after if after[id] != before[id]} == {sweep.trials[0].id}
    made = json.loads((sweep.directory(sweep.trials[0]) / schema.PROVENANCE).read_text())
    assert made['earlier_sessions'] == []  # from the beginning, not from the checkpoint
    again(seeds=1, rerun_changed=True)
    assert 'other code' not in capsys.readouterr().err
    assert _written(sweep) == after


def test_what_starts_from_a_changed_trial_is_made_again_too(again):
    sweep, _ = again({'first': SMALL, 'second': {**SMALL, 'init_from': '{first}'}}, seeds=1)
    first, second = sweep.trials
    _as_if_by_other_code(sweep.directory(first))
    sweep.make_changed_again()
    assert [sweep.state(trial) for trial in (first, second)] == ['unfinished', 'unfinished']


def test_bad_input_loses_nothing(again, write, tmp_path, tiny_data):
    sweep, _ = again(seeds=1)
    before = _written(sweep)
    for trial in sweep.trials:
        _as_if_by_other_code(sweep.directory(trial))
    with pytest.raises(UserError):
        again({**VARIANTS, 'c': {**SMALL, 'model.widht': 1.0}}, seeds=1, rerun_changed=True)
    assert _written(sweep) == before


def test_a_changed_experiment_file_alone_is_no_other_code(again, capsys):
    sweep, _ = again(seeds=1)
    before = _written(sweep)
    text = sweep.experiment.path.read_text()
    capsys.readouterr()
    again({'b': SMALL, 'a': VARIANTS['a']}, seeds=1, rerun_changed=True)  # in another order
    assert sweep.experiment.path.read_text() != text
    said = capsys.readouterr().err
    assert f'{sweep.experiment.path} has changed since 2 trials were made; their recipes are as before' in said
    assert _written(sweep) == before


def test_a_failed_trial_names_the_option_that_runs_it_again(again):
    diverges = {**SMALL, 'total_steps': 4, 'optimizer.learning_rate': 1e8, 'optimizer.weight_decay': 1e8}
    with pytest.raises(RunFailed, match=r'1 of 2 trials failed: .*; `cnn-bench sweep --retry-failed` runs them again'):
        again({'b': SMALL, 'bad': diverges}, seeds=1)
