"""Tuning of variants: which trials, what is chosen, and that neither kills nor the order of ends change it."""

import math

import numpy as np
import pytest
from fake_executor import FakeExecutor, Killed
from scipy.stats import qmc

from cnn_bench import runs
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, tuning
from cnn_bench.runs.tuning import SEED
from cnn_bench.sweep import Experiment, Sweep, choice, linear, log
from cnn_bench.sweep.tuning import TuningPlan

RATE = 'optimizer.learning_rate'
VALIDATED = {'dataset.validation_images': 24, 'total_epochs': 4}
VARIANTS = {'a': VALIDATED, 'b': {**VALIDATED, 'batch_size': 12}}
SPACE = {RATE: log(1e-3, 1)}


def bowl(trial):
    """An error that is least at a rate of 0.2 for `a` and 0.01 for `b`, and grows by the seed."""
    best = {'a': 0.2, 'b': 0.01}[trial.name]
    return round(20 + 5 * abs(math.log10(trial.config.optimizer.learning_rate / best)) + trial.seed % 1000, 6)


@pytest.fixture
def sweep(write, tmp_path, tiny_data):
    """Make a sweep of VARIANTS, or of others, that is tuned by a plan."""

    def make(plan, out='out', variants=VARIANTS, seeds=2, **options):
        experiment = Experiment.load(write(variants=variants))
        return Sweep(experiment, 'demo', seeds, tmp_path / out, tiny_data, tune=plan, **options)

    return make


def test_quasi_random_trials_are_sobol_points_and_the_best_is_chosen(sweep, tmp_path):
    sweep(TuningPlan(SPACE, trials=8)).run(FakeExecutor(bowl))
    found = tuning.read(tmp_path / 'out')
    rates = {v.name: [trial.values[RATE] for trial in v.trials] for v in found.variants}
    points = qmc.Sobol(1, scramble=True, seed=SEED).random(8)[:7, 0]
    np.testing.assert_allclose(rates['a'], [0.05, *10 ** (3 * points - 3)])
    assert rates['a'] == rates['b']
    for variant, best in zip(found.variants, (0.2, 0.01), strict=True):
        errors = [trial.val_top1_err_pct for trial in variant.trials]
        assert variant.chosen == int(np.argmin(errors))
        nearest = min(rates[variant.name], key=lambda rate: abs(math.log10(rate / best)))
        assert variant.trials[variant.chosen].values == {RATE: nearest}
        configs = [RunDirectory(tmp_path / 'out' / trial.run).config() for trial in variant.trials]
        assert {(c['seed'], c['dataset']['test']) for c in configs} == {(SEED, '')}

    table = runs.load(tmp_path / 'out')
    assert sorted(zip(table.label, table.seed, strict=True)) == [('a', 0), ('a', 1), ('b', 0), ('b', 1)]
    for row in table.itertuples():
        chosen = next(v for v in found.variants if v.name == row.label)
        rate = RunDirectory(tmp_path / 'out' / row.run).config()['optimizer']['learning_rate']
        assert rate == chosen.trials[chosen.chosen].values[RATE]
    untuned = runs.find(tmp_path / 'out' / 'untuned')
    assert {run.config()['optimizer']['learning_rate'] for run in untuned} == {0.05}
    assert len(untuned) == 4
    assert len(runs.load(tmp_path / 'out' / 'tuning')) == 16


def test_where_the_recipe_is_best_nothing_runs_twice(sweep, tmp_path):
    def error(trial):
        return 10.0 + abs(trial.config.optimizer.learning_rate - 0.05)

    executor = FakeExecutor(error)
    sweep(TuningPlan(SPACE, trials=3)).run(executor)
    assert [v.chosen for v in tuning.read(tmp_path / 'out').variants] == [0, 0]
    assert sorted(folder for folder, *_ in executor.started) == ['trials'] * 4 + ['tuning'] * 6


PLANS = {
    'qmc': TuningPlan({**SPACE, 'batch_size': linear(8, 24)}, trials=5),
    'tpe': TuningPlan(SPACE, trials=13, sampler='tpe'),
    'random': TuningPlan(SPACE, trials=4, sampler='random', budget='macs'),
    'grid': TuningPlan({RATE: choice(0.01, 0.05, 0.2), 'batch_size': choice(24, 12)}, trials=6, sampler='grid'),
    'halving': TuningPlan(SPACE, trials=8, halving=True),
}


@pytest.mark.parametrize('plan', PLANS.values(), ids=PLANS)
def test_neither_kills_nor_the_order_of_ends_change_anything(sweep, tmp_path, plan):
    def error(trial):
        return None if trial.config.optimizer.learning_rate > 0.5 else bowl(trial)

    sweep(plan, 'whole').run(FakeExecutor(error, jobs=1))
    executor, kills = FakeExecutor(error, seed=1, lives=4), 0
    while True:
        try:
            sweep(plan, 'killed').run(executor)
            break
        except Killed:
            kills += 1
            executor = FakeExecutor(error, seed=kills, jobs=1 + kills % 4, lives=4)
    assert kills > 3
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    assert (whole / tuning.RECORD).read_bytes() == (killed / tuning.RECORD).read_bytes()
    assert _results(whole) == _results(killed)
    again = FakeExecutor(error)
    sweep(plan, 'killed').run(again)
    assert again.started == []


def test_halving_lets_the_better_half_go_on(sweep, tmp_path):
    executor = FakeExecutor(bowl)
    sweep(TuningPlan(SPACE, trials=8, halving=True), variants={'a': VALIDATED}).run(executor)
    [variant] = tuning.read(tmp_path / 'out').variants
    by_error = sorted(variant.trials, key=lambda trial: trial.val_top1_err_pct)
    assert variant.chosen == by_error[0].number
    # 4 epochs of 3 steps, evaluated each: 8 trials reach step 3, the better 4 step 6, the better 2 the end.
    assert [trial.steps for trial in by_error] == [4, 4, 6, 6, 3, 3, 3, 3]  # 4: what the fake says of a finished run
    assert [trial.state for trial in by_error] == ['finished'] * 2 + ['pruned'] * 6
    counts = {
        step: sum(until == step for folder, _, until in executor.started if folder == 'tuning') for step in (3, 6, 0)
    }
    assert counts == {3: 8, 6: 4, 0: 2}


def test_equal_multiply_adds_are_more_trials_for_what_is_cheap(sweep):
    half = {'a': VALIDATED, 'b': {**VALIDATED, 'total_epochs': 1}}
    assert sweep(TuningPlan(SPACE, trials=5, budget='macs'), variants=half).agenda.tuner.counts == {'a': 2, 'b': 8}


def test_a_variant_of_which_no_tuning_trial_finishes_keeps_its_values(sweep, tmp_path):
    def error(trial):
        return None if trial.name == 'b' and trial.folder == 'tuning' else bowl(trial)

    made = sweep(TuningPlan(SPACE, trials=2), seeds=1)
    made.run(FakeExecutor(error))
    b = tuning.read(tmp_path / 'out').variants[1]
    assert (b.chosen, [trial.state for trial in b.trials]) == (None, ['diverged'] * 2)
    [rate] = [
        run.config()['optimizer']['learning_rate']
        for run in runs.find(tmp_path / 'out/trials')
        if 'b-s0' in str(run.path)
    ]
    assert rate == 0.05
    assert any(
        "b: no tuning trial finished; its seeds run with the recipe's own values" in line for line in made.remarks()
    )


def test_weights_of_another_variant_are_those_of_its_chosen_run(sweep, tmp_path):
    variants = {'b': {**VALIDATED, 'init_from': '{a}'}, 'a': VALIDATED}
    sweep(TuningPlan(SPACE, trials=3), variants=variants, seeds=1).run(FakeExecutor(bowl))
    b, a = tuning.read(tmp_path / 'out').variants
    chosen = a.trials[a.chosen].run.rpartition('/')[2]
    assert {RunDirectory(tmp_path / 'out' / t.run).config()['init_from'] for t in b.trials} == {f'../{chosen}'}
    for folder in ('trials', 'untuned'):
        found = {run.config()['name']: run for run in runs.find(tmp_path / 'out' / folder)}
        assert found['b'].config()['init_from'] == f'../{found["a"].path.name}'


@pytest.mark.parametrize(
    ('plan', 'variants', 'said'),
    [
        (TuningPlan(SPACE, 4), {'a': {}}, 'has no validation images, by which values are chosen; set'),
        (TuningPlan({'optimizer.lr': log(1e-3, 1)}, 4), VARIANTS, 'has no optimizer.lr'),
        (TuningPlan({RATE: log(0.1, 1)}, 4), VARIANTS, r'learning_rate=0.05, which log\(0.1, 1\) does not hold'),
        (TuningPlan({'batch_size': linear(8.5, 32)}, 4), VARIANTS, 'bounds must be whole numbers'),
        (TuningPlan({'label_smoothing': linear(0, 1)}, 4), VARIANTS, "variant 'a': config.label_smoothing is 1"),
        (
            TuningPlan(SPACE, 4, halving=True),
            {'a': {**VALIDATED, 'eval_every_epochs': 4}},
            'evaluations before the end',
        ),
    ],
)
def test_what_does_not_fit_shows_before_anything_runs(sweep, tmp_path, plan, variants, said):
    with pytest.raises(UserError, match=said):
        sweep(plan, variants=variants)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'sampler': 'sobol'}, 'unknown --tune-sampler'),
        ({'budget': 'mac'}, 'did you mean macs'),
        ({'sampler': 'tpe', 'halving': True}, 'take another sampler'),
        ({'sampler': 'grid'}, 'grid needs choices'),
        ({'sampler': 'grid', 'space': {RATE: choice(1, 2)}}, '--tune-trials is 4; the grid has 2 combinations'),
        ({'space': {'total_epochs': linear(1, 4)}}, 'all variants train equally long'),
        ({'space': {'seed': linear(1, 4)}}, 'sweeps set it'),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(fields, said):
    with pytest.raises(UserError, match=said):
        TuningPlan(**{'space': SPACE, 'trials': 4, **fields})


def test_one_directory_is_tuned_in_one_way(sweep):
    sweep(TuningPlan(SPACE, 2)).run(FakeExecutor(bowl))
    for plan, said in (
        (None, 'holds a tuned sweep'),
        (TuningPlan(SPACE, 3), '--tune-trials 2, not 3'),
        (TuningPlan({RATE: log(1e-3, 2)}, 2), r'--tune optimizer.learning_rate=log\(0.001, 1\), not'),
    ):
        with pytest.raises(UserError, match=said):
            sweep(plan)
    sweep(None, 'other').run(FakeExecutor(bowl))
    with pytest.raises(UserError, match='holds a sweep that is not tuned'):
        sweep(TuningPlan(SPACE, 2), 'other')


def test_the_space_of_an_experiment_file(write):
    lines = "from cnn_bench.sweep import log\nTUNE = {'optimizer.learning_rate': log(1e-3, 1)}\nSOURCE"
    assert Experiment.load(write('SOURCE', lines)).tune == SPACE
    with pytest.raises(UserError, match=r'TUNE of .* must be \{field: range\}'):
        Experiment.load(write('SOURCE', "TUNE = {'optimizer.learning_rate': (1e-3, 1)}\nSOURCE"))


def _results(out):
    """Directory -> its config, its state and errors, of all runs."""
    found = [*runs.find(out), *runs.find(out / 'untuned')]
    return {str(run.path.relative_to(out)): (run.config(), run.read('summary.json')) for run in found}
