"""What is held equal over the variants."""

import pytest

from cnn_bench.errors import UserError
from cnn_bench.sweep import Experiment, Sweep, budget, calibrate

LENETS = {
    'small': {'model.width': 0.5, 'total_epochs': 10},
    'large': {'total_epochs': 10, 'schedule.name': 'cosine', 'schedule.warmup_epochs': 1.0},
    'long': {'total_epochs': 20, 'batch_size': 12},
}


def _sweep(path, out, data_dir, **options):
    return Sweep(Experiment.load(path), 'demo', 2, out, data_dir, **options)


def test_epochs_are_the_default_and_leave_the_ids_alone(write, tmp_path, tiny_data):
    path = write(variants=LENETS)
    sweep = _sweep(path, tmp_path / 'out', tiny_data)
    assert sweep.held_equal == 'epochs'
    assert [t.id for t in sweep.trials] == [t.id for t in Experiment.load(path).trials('demo', 2)]


def test_equal_macs_cost_in_all_what_equal_epochs_do(write, tmp_path, tiny_data):
    path = write(variants=LENETS)
    epochs = _sweep(path, tmp_path / 'out', tiny_data)
    macs = _sweep(path, tmp_path / 'out', tiny_data, held_equal='macs')
    spent = [sweep.workload(t).images * sweep.workload(t).macs for sweep in (epochs, macs) for t in sweep.trials]
    before, after = sum(spent[:6]), spent[6:]
    assert sum(after) == pytest.approx(before, rel=0.01)
    assert max(after) < 1.02 * min(after)
    large = next(t for t in macs.trials if t.name == 'large')
    assert large.config.schedule.warmup_epochs * 4 / large.config.total_steps == pytest.approx(0.1)
    assert {t.id for t in macs.trials}.isdisjoint(t.id for t in epochs.trials)
    assert not (tmp_path / 'out').exists()


def test_a_variant_that_joins_later_gets_the_same_budget(write, tmp_path, tiny_data):
    sweep = _sweep(write(variants=LENETS), tmp_path / 'out', tiny_data, held_equal='macs')
    (tmp_path / 'out').mkdir()
    sweep._spending.write(sweep.out)
    more = {**LENETS, 'larger': {'model.width': 2.0, 'total_epochs': 10}}
    later = _sweep(write(variants=more), tmp_path / 'out', tiny_data, held_equal='macs')
    assert {t.id for t in sweep.trials} < {t.id for t in later.trials}
    changed = {**LENETS, 'small': {'model.width': 0.5, 'total_epochs': 11}}
    with pytest.raises(UserError, match=r"'small' costs .* the experiment has changed"):
        _sweep(write(variants=changed), tmp_path / 'out', tiny_data, held_equal='macs')


def test_equal_seconds_are_measured_once(write, tmp_path, tiny_data, monkeypatch):
    steps = {'small': 1.0, 'large': 3.0, 'long': 2.0}
    asked = []

    def timed(arguments, data_dir, environment):
        name = next(a for a in arguments if a.startswith('--config.name=')).partition('=')[2]
        asked.append(name)
        return {'seconds_per_step': steps[name], 'device': 'abacus'}

    monkeypatch.setattr(calibrate, '_measure_in_a_process', timed)
    path = write(variants=LENETS)
    sweep = _sweep(path, tmp_path / 'out', tiny_data, held_equal='seconds')
    assert asked == list(LENETS)
    spent = [steps[t.name] * t.config.total_steps for t in sweep.trials]
    assert spent == pytest.approx([(40 + 120 + 320) / 3] * 6, rel=0.02)
    (tmp_path / 'out').mkdir()
    sweep._spending.write(sweep.out)
    steps = dict.fromkeys(steps, 9.0)
    again = _sweep(path, tmp_path / 'out', tiny_data, held_equal='seconds')
    assert [t.id for t in again.trials] == [t.id for t in sweep.trials]
    assert asked == list(LENETS)


def test_timing_a_step_of_a_recipe(tiny_data, tiny_recipe, write):
    trial = Experiment.load(write()).trials('demo', 1)[0]
    measured = calibrate._measure_in_a_process(trial.arguments, tiny_data, {})
    assert 0 < measured['seconds_per_step'] < 10
    assert measured['device'] == '1 x cpu'


def test_smoke_ignores_budgets(write, tmp_path, tiny_data):
    sweep = Sweep(Experiment.load(write(variants=LENETS)), 'smoke', 1, tmp_path, tiny_data, 'macs')
    assert {t.config.total_steps for t in sweep.trials} == {2}


def test_what_the_experiment_does_not_allow(write):
    experiment = Experiment.load(write("('epochs', 'macs', 'seconds')", "('epochs', 'macs')"))
    with pytest.raises(UserError, match=r'unknown --held-equal of runs.py .mcas.; did you mean macs'):
        budget.choose(experiment, 'mcas')
    with pytest.raises(UserError, match='unknown --held-equal'):
        budget.choose(experiment, 'seconds')
    assert budget.choose(experiment, None) == 'epochs'
