"""Trials: their ids, running them, one that fails, starting again."""

import json

import pytest

from cnn_bench import runs
from cnn_bench.errors import RunFailed, UserError
from cnn_bench.runs import schema
from cnn_bench.sweep import Experiment, Sweep
from cnn_bench.sweep.local_executor import LocalExecutor


def test_a_trial_that_fails_does_not_stop_the_others(write, tmp_path, tiny_data):
    out = tmp_path / 'out'
    with pytest.raises(RunFailed, match='1 of 2 trials failed') as error:
        Sweep(Experiment.load(write()), 'demo', 1, out, tiny_data).run(LocalExecutor(out, [{}] * 2, tiny_data))
    assert error.value.exit_status == 1
    table = runs.load(out).set_index('label')
    assert dict(table.state) == {'good': 'finished', 'bad': 'diverged'}
    record = json.loads((out / 'sweep.json').read_text())
    assert {t['name']: t['state'] for t in record['trials']} == {'good': 'finished', 'bad': 'diverged'}
    assert 'the loss of step' in record['trials'][1]['reason']
    assert record['answer'] == '1 finished.'

    finished = next((out / 'trials').glob('good-*'))
    before = (finished / schema.SUMMARY).stat().st_mtime_ns
    with pytest.raises(RunFailed):
        Sweep(Experiment.load(write()), 'demo', 1, out, tiny_data).run(LocalExecutor(out, [{}] * 1, tiny_data))
    assert (finished / schema.SUMMARY).stat().st_mtime_ns == before  # not run twice


def test_ids_depend_on_the_config_alone(write):
    trials = Experiment.load(write()).trials('demo', 2)
    assert [(t.name, t.seed) for t in trials] == [('good', 0), ('bad', 0), ('good', 1), ('bad', 1)]
    assert len({t.id for t in trials}) == 4
    assert [t.id for t in Experiment.load(write()).trials('demo', 2)] == [t.id for t in trials]
    changed = Experiment.load(write("'good': {}", "'good': {'batch_size': 12}")).trials('demo', 1)
    assert changed[0].id != trials[0].id
    assert changed[1].id == trials[1].id


@pytest.mark.parametrize(
    ('old', 'new', 'said'),
    [
        ("QUESTION = 'Does it run?'", '', 'lacks QUESTION'),
        ('RECIPE', 'import nothing_of_that_name; RECIPE', 'does not load'),
        ("{'demo': {}, 'full': {}}", "('demo', 'full')", "must be a dictionary .* with a 'demo'"),
        ("'demo'", "'dem'", "with a 'demo'"),
        ("'recipe.py'", "'no.py'", 'unknown recipe'),
        ("'good': {}", "'good': {'batch_sise': 3}", "variant 'good'.*batch_size"),
        ("'good': {}", "'good': {'model.arch': 'lenet6'}", 'lenet5'),
        ("'good': {}", "'good': {'dataset.name': 'no_such_set'}", 'no_such_set'),
    ],
)
def test_what_is_wrong_shows_before_anything_runs(write, tmp_path, tiny_data, old, new, said):
    with pytest.raises(UserError, match=said):
        Sweep(Experiment.load(write(old, new)), 'demo', 1, tmp_path / 'out', tiny_data)
    assert not (tmp_path / 'out').exists()


def test_a_variant_sets_more_than_its_preset_which_sets_more_than_the_recipe(write):
    path = write("'demo': {}", "'demo': {'batch_size': 12, 'seed': 7}", variants={'a': {}, 'b': {'batch_size': 8}})
    experiment = Experiment.load(path, {'eval_batch_size': 10})
    trials = [*experiment.trials('demo', 1), *experiment.trials('full', 1), *experiment.trials('smoke', 1)]
    assert [(t.config.batch_size, t.config.total_epochs) for t in trials[:4]] == [(12, 1), (8, 1), (24, 1), (8, 1)]
    assert [(t.config.batch_size, t.config.total_steps) for t in trials[4:]] == [(8, 2), (8, 2)]
    assert {t.config.eval_batch_size for t in trials} == {10}
    assert {t.config.seed for t in trials} == {0}


def test_unknown_preset_and_missing_file(write, tmp_path):
    with pytest.raises(UserError, match='demo'):
        Experiment.load(write()).trials('demos', 1)
    with pytest.raises(UserError, match='unknown experiment'):
        Experiment.load(tmp_path / 'experiments' / 'run.py')


FROM_ANOTHER = {'tuned': {'init_from': '{first}', 'total_steps': 1}, 'first': {'total_steps': 1}}


def test_first_weights_may_be_those_of_another_variant(write, tmp_path, tiny_data):
    """With the same seed, wherever the sweep lies; that variant's trial is run before, whatever the order."""
    trials = {(t.name, t.seed): t for t in Experiment.load(write(variants=FROM_ANOTHER)).trials('demo', 2)}
    for seed in (0, 1):
        assert trials['tuned', seed].config.init_from == f'../{trials["first", seed].id}'
        assert trials['tuned', seed].depends_on == trials['first', seed].id
    out = tmp_path / 'out'
    sweep = Sweep(Experiment.load(write(variants=FROM_ANOTHER)), 'demo', 1, out, tiny_data)
    sweep.run(LocalExecutor(out, [{}] * 2, tiny_data))
    record = json.loads((out / 'trials' / sweep.trials[0].id / schema.PROVENANCE).read_text())['init']
    assert record['path'] == str(out / 'trials' / sweep.trials[1].id)


@pytest.mark.parametrize(
    ('variants', 'said'),
    [
        ({'a': {'init_from': '{b}'}, 'c': {}}, "unknown variant in init_from of variant 'a' 'b'"),
        ({'a': {'init_from': '{a}'}}, "variant 'a' 'a'"),
        ({'a': {'init_from': '{b}'}, 'b': {'init_from': '{a}'}}, 'unknown variant'),
    ],
)
def test_first_weights_of_no_variant_or_in_a_circle_are_one_line(write, variants, said):
    with pytest.raises(UserError, match=said):
        Experiment.load(write(variants=variants)).trials('demo', 1)
