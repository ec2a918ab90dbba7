"""Every experiment in the repository: its trials can be built, its hypotheses can be judged, its answer can be read."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cnn_bench.models import registry
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.study import HELD_EQUAL
from cnn_bench.sweep import Experiment
from cnn_bench.sweep.workload import workload
from cnn_bench.training.setup import TrainingSetup

DIRECTORY = Path(__file__).parents[2] / 'experiments'
NAMES = sorted(path.stem for path in DIRECTORY.glob('*.py'))
QUESTIONS = (
    'accuracy_vs_cost activations data_scale depth_degradation ensembles inception_cost initialisation normalisation '
    'optimiser_schedule pooling recipe_or_architecture regularisation separable transfer width_depth_resolution'
).split()
CHARTS = {
    'accuracy_vs_macs',
    'accuracy_vs_params',
    'accuracy_vs_activation_memory',
    'accuracy_vs_training_time',
    'accuracy_vs_throughput',
    'learning_curves',
    'accuracy_density',
    'differences',
    'error_overlap',
    'ensembles',
    'expected_best',
}
NO_BASELINE = ('accuracy_vs_cost', 'ensembles')
every_experiment = pytest.mark.parametrize('name', NAMES)


@cache
def load(name):
    return Experiment.load(DIRECTORY / f'{name}.py')


@cache
def trials(name, preset):
    return {trial.name: trial for trial in load(name).trials(preset, 1)}


def tidy(rows, *columns):
    """A table as sweeps make it, of rows (label, seed, *columns)."""
    more = [column for column in columns if column not in COLUMNS]
    table = pd.DataFrame(rows, columns=['label', 'seed', *columns])
    return table.reindex(columns=[*COLUMNS, *more])


def test_the_questions_are_there():
    assert NAMES == QUESTIONS


@every_experiment
def test_every_trial_of_the_demo_can_be_built(name):
    built = trials(name, 'demo').values()
    assert len(built) >= 3
    for trial in built:
        assert TrainingSetup(trial.config).total_steps > 0


@every_experiment
def test_every_trial_of_every_preset_has_a_recipe_and_a_network(name):
    for preset in load(name).presets:
        for trial in trials(name, preset).values():
            assert trial.config.name == trial.name
            fields = trial.config.model.to_dict()
            registry.build(fields.pop('arch'), num_classes=10, **fields)


@every_experiment
def test_every_trial_is_validated_and_tests_once(name):
    for preset in load(name).presets:
        for trial in trials(name, preset).values():
            fields = trial.config.dataset
            assert fields.validation or fields.validation_images > 0
            assert fields.test
            assert trial.config.test_every_epochs == 0


@every_experiment
def test_it_says_what_is_held_equal_what_is_drawn_and_who_is_compared(name):
    experiment = load(name)
    assert experiment.question.endswith('?')
    assert set(experiment.held_equal) <= set(HELD_EQUAL)
    assert experiment.charts
    assert set(experiment.charts) <= CHARTS
    for preset in experiment.presets:
        assert experiment.baseline in (*trials(name, preset), *([''] if name in NO_BASELINE else []))


@every_experiment
def test_hypotheses_compare_variants_that_are_there(name):
    experiment = load(name)
    measured = {'epochs_to_25_pct_train_err'} if experiment.measure else set()
    assert {hypothesis.column for hypothesis in experiment.hypotheses} <= set(COLUMNS) | measured
    assert all(hypothesis.less != hypothesis.more and hypothesis.source for hypothesis in experiment.hypotheses)
    for preset in experiment.presets:
        assert experiment.hypotheses_of(preset)
    if name != 'accuracy_vs_cost':  # whose presets have networks of other widths, so of other names
        for preset in experiment.presets:
            assert experiment.hypotheses_of(preset) == experiment.hypotheses


def test_a_hypothesis_about_a_network_of_one_preset_is_not_made_of_the_other():
    experiment = load('accuracy_vs_cost')
    demo, full = ({hypothesis.less for hypothesis in experiment.hypotheses_of(preset)} for preset in ('demo', 'full'))
    assert 'resnet20 x0.25' in demo - full
    assert 'resnet20' in full - demo
    assert demo | full == {hypothesis.less for hypothesis in experiment.hypotheses}


@every_experiment
@pytest.mark.parametrize('seeds', [1, 3])
def test_the_answer_names_every_variant(name, seeds):
    labels = list(trials(name, 'demo'))
    rows = [
        (label, seed, 10.0 + place + seed, 5.0 + place, 1e6 * (len(labels) - place), 1000, 4096, 500.0)
        for place, label in enumerate(labels)
        for seed in range(seeds)
    ]
    columns = ('top1_err_pct', 'train_err_pct', 'macs', 'params', 'activation_bytes', 'images_per_s')
    answer = load(name).report(tidy(rows, *columns))
    assert all(label in answer for label in labels)  # the synthetic front of accuracy_vs_cost holds them all
    assert 'nan' not in answer
    if name != 'accuracy_vs_cost':
        assert ('with one seed' if seeds == 1 else 'over 3 seeds') in answer


@every_experiment
def test_an_answer_can_be_given_where_a_variant_failed(name):
    labels = list(trials(name, 'demo'))[1:]
    rows = [(label, 0, 20.0, 1e6) for label in labels]
    answer = load(name).report(tidy(rows, 'top1_err_pct', 'macs'))
    assert '20.0 %' in answer
    assert 'nan' not in answer


@every_experiment
def test_variants_share_the_recipe_but_for_what_is_asked_about(name):
    """Data, batches and length are the same for all, unless they are the question."""
    asked = {
        'data_scale': {'train_images', 'per_epoch'},
        'transfer': {'train_images'},
        'width_depth_resolution': {'size'},
    }.get(name, set())
    for preset in ('demo', 'full'):
        seen = set()
        for trial in trials(name, preset).values():
            c = trial.config
            fields = {
                'train_images': c.dataset.train_images,
                'size': c.dataset.size,
                'per_epoch': c.eval_every_epochs,
            }
            seen.add((c.total_epochs, c.total_steps, c.batch_size, c.dataset.name, c.dataset.placement))
            seen.add(tuple(value for field, value in fields.items() if field not in asked))
        assert len(seen) == 2


def test_accuracy_vs_cost_has_ten_networks_of_six_families():
    architectures = {trial.config.model.arch for trial in trials('accuracy_vs_cost', 'demo').values()}
    assert len(architectures) >= 10
    assert len({registry.get(arch).family for arch in architectures}) >= 6


def test_accuracy_vs_cost_names_the_front():
    rows = [('small', 0, 1e6, 20.0), ('best', 0, 9e6, 10.0), ('beaten', 0, 9e6, 15.0)]
    answer = load('accuracy_vs_cost').report(tidy(rows, 'macs', 'top1_err_pct'))
    assert 'small (20.0 % at 1.00 M)' in answer
    assert 'best' in answer
    assert 'beaten' not in answer


@pytest.mark.parametrize(
    ('errors', 'reached'),
    [
        ([60, 25, 30, 10], {'epochs_to_25_pct_train_err': 0.5}),  # the first time counts, and 25 is enough
        ([60, 25.1, 90], {}),
        ([0.0], {'epochs_to_25_pct_train_err': 0.25}),
        ([], {}),
    ],
)
def test_activations_measures_when_25_per_cent_are_reached(errors, reached):
    curve = [{'kind': 'eval', 'step': 0, 'epoch': 0.0, 'top1_err_pct': 1.0}]  # an evaluation does not count
    curve += [{'kind': 'train', 'epoch': 0.25 * n, 'top1_err_pct': error} for n, error in enumerate(errors, 1)]
    curve.append({'kind': 'train', 'epoch': 9.0, 'top1_err_pct': None})
    assert load('activations').measure(curve) == reached


def test_activations_says_how_many_times_sooner_and_who_never_got_there():
    rows = [('ReLU', 0, 10.0, 0.5), ('tanh', 0, 11.0, 3.0), ('sigmoid', 0, 90.0, np.nan)]
    answer = load('activations').report(tidy(rows, 'top1_err_pct', 'epochs_to_25_pct_train_err'))
    assert 'ReLU 0.50; tanh 3.00' in answer
    assert 'tanh took 6.0 times as long' in answer
    assert 'Never reached by: sigmoid.' in answer


def test_depth_degradation_tells_optimisation_from_overfitting():
    rows = [('plain20', 0, 10.0, 5.0), ('plain56', 0, 20.0, 15.0), ('resnet20', 0, 9.0, 4.0), ('resnet56', 0, 8.0, 3.0)]
    columns = ('top1_err_pct', 'train_err_pct')
    answer = load('depth_degradation').report(tidy(rows, *columns))
    assert 'plain56 has 10.0 points more training error than plain20' in answer
    assert 'not overfitting' in answer
    rows[1] = ('plain56', 0, 20.0, 1.0)
    assert 'no degradation' in load('depth_degradation').report(tidy(rows, *columns))


def test_inception_cost_corrects_the_lecture():
    rows = [('naive', 0, 12.0, 10e6), ('reduced', 0, 13.0, 1e6), ('reduced, widened', 0, 11.0, 10e6)]
    answer = load('inception_cost').report(tidy(rows, 'top1_err_pct', 'macs'))
    point, three, five = (28 * 28 * 256 * 128, 28 * 28 * 9 * 192, 28 * 28 * 25 * 96)
    naive = point + 256 * three + 256 * five
    reduced = point + 3 * 28 * 28 * 256 * 64 + 64 * three + 64 * five
    assert f'{naive / 1e6:.0f} M multiply-adds naive' in answer
    assert f'{reduced / 1e6:.0f} M reduced' in answer
    assert round((reduced + 64 * three) / 1e6) == 358
    assert '10.0 times the multiply-adds' in answer


def test_data_scale_fits_the_power_law_that_is_there():
    rows = [(f'{images} images', 0, 500 * images**-0.5) for images in (625, 1250, 2500, 5000, 10_000)]
    answer = load('data_scale').report(tidy(rows, 'top1_err_pct'))
    assert 'to within 0 % of each' in answer
    assert 'to the power of -0.50' in answer
    assert '71 % of it' in answer


def test_data_scale_gives_equal_steps():
    for trial in trials('data_scale', 'demo').values():
        work = workload(trial.config)
        assert (work.steps, work.batch_size) == (400, 50)


def test_separable_has_a_network_at_the_cost_of_the_dense_one():
    dense, widened, same_width = (workload(trial.config) for trial in trials('separable', 'demo').values())
    assert widened.params == pytest.approx(dense.params, rel=0.05)
    assert widened.macs == pytest.approx(dense.macs, rel=0.05)
    assert same_width.params < dense.params / 4
    assert same_width.macs < dense.macs / 4


def test_inception_cost_has_a_reduced_network_at_the_cost_of_the_naive_one():
    naive, widened, reduced = (workload(trial.config) for trial in trials('inception_cost', 'demo').values())
    assert widened.macs == pytest.approx(naive.macs, rel=0.05)
    assert naive.macs > 8 * reduced.macs


def test_width_depth_resolution_scales_to_about_four_times_the_multiply_adds():
    macs = {name: workload(trial.config).macs for name, trial in trials('width_depth_resolution', 'demo').items()}
    base = macs.pop('base')
    for name, count in macs.items():
        assert 3.5 < count / base < 4.5, name


def test_recipe_or_architecture_shares_the_variance_between_them():
    """Effects by hand: 2 points to each side by network, 1 by recipe, half a point where they meet."""
    signs = {'vgg11_bn': 1, 'resnet20': -1}
    rows = [
        (f'{name}, {year}', seed, 20 + 2 * network + recipe + 0.5 * network * recipe + 0.01 * seed)
        for name, network in signs.items()
        for year, recipe in (('2015', 1), ('2021', -1))
        for seed in range(3)
    ]
    answer = load('recipe_or_architecture').report(tidy(rows, 'top1_err_pct'))
    assert 'The recipe of 2021 lowers the error of vgg11_bn, resnet20 by 2.0 points on average' in answer
    assert '(95 % interval over seeds 2.0 to 2.0)' in answer
    total = 4 + 1 + 0.25
    for name, square in (('architecture', 4), ('recipe', 1), ('which recipe suits which network', 0.25)):
        assert f'{name} {100 * square / total:.0f} % (' in answer
    collapsed = tidy(
        [*rows, *((f'convnext_tiny, {year}', seed, 90.0) for year in ('2015', '2021') for seed in range(3))],
        'top1_err_pct',
    )
    collapsed['collapsed'] = collapsed.label.eq('convnext_tiny, 2015')
    assert (
        answer.partition('The recipe')[2] == load('recipe_or_architecture').report(collapsed).partition('The recipe')[2]
    )
    alone = load('recipe_or_architecture').report(tidy([row for row in rows if row[1] == 0], 'top1_err_pct'))
    assert 'seeds' not in alone
    assert f'architecture {100 * 4 / total:.0f} %; recipe' in alone


def test_recipe_or_architecture_compares_networks_of_like_cost():
    costs = [workload(trial.config).macs for trial in trials('recipe_or_architecture', 'demo').values()]
    assert max(costs) < 2 * min(costs)
