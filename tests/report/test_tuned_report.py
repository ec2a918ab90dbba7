"""The report of a tuned sweep, from a record and runs made by hand."""

import numpy as np
import pandas as pd
import pytest
from run_files import write_run
from sweeps import write_sweep

from cnn_bench.analysis import tuning
from cnn_bench.report import data, tuning_words
from cnn_bench.report.charts import catalogue, saving
from cnn_bench.report.write import write_runs
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs import tuning as record
from cnn_bench.runs.tuning import Range, TunedVariant, Tuning, TuningTrial

RATE = 'optimizer.learning_rate'


def variant(name, chosen, *tried):
    """A variant whose trials tried (learning rate, validation error or None where it diverged)."""
    trials = [
        TuningTrial(i, f'tuning/{name}-{i}', {RATE: rate}, 'diverged' if error is None else 'finished', 8, error)
        for i, (rate, error) in enumerate(tried)
    ]
    return TunedVariant(name, tuple(trials), chosen)


VARIANTS = (
    variant('plain', 1, (0.1, 20.0), (0.3, 16.0), (0.03, 25.0), (1.0, None)),  # the best is the highest that finished
    variant('resnet', 2, (0.1, 14.0), (0.3, 15.0), (0.2, 13.0), (0.03, 18.0)),
    variant('shallow', 0, (0.1, 15.0), (0.3, 17.0), (0.2, 16.0), (0.03, 19.0)),
)
MADE = Tuning({RATE: Range(0.01, 1.0, log=True)}, 'qmc', 'trials', 4, 7, VARIANTS)
TUNED = {'plain': [12.0, 12.1, 11.9], 'resnet': [13.0, 13.1, 12.9], 'shallow': [15.0, 15.1, 14.9]}
UNTUNED = {'plain': [20.0, 20.2, 19.8], 'resnet': [14.0, 14.1, 13.9]}


def test_chosen_values_their_neighbours_and_edges():
    plain, resnet, shallow = tuning.chosen(MADE)
    assert (plain.value, plain.error, plain.below, plain.above, plain.edge) == (0.3, 16, (0.1, 20), None, 'highest')
    assert (resnet.below, resnet.above, resnet.edge) == ((0.1, 14), (0.3, 15), '')
    assert (shallow.value, shallow.below, shallow.above) == (0.1, (0.03, 19), (0.2, 16))


def test_values_that_are_no_numbers_have_no_neighbours():
    trials = (
        TuningTrial(0, 'r', {'optimizer.name': 'sgd'}, 'finished', 8, 20.0),
        TuningTrial(1, 's', {'optimizer.name': 'adamw'}, 'finished', 8, 10.0),
    )
    space = {'optimizer.name': Range(choices=('sgd', 'adamw'))}
    (found,) = tuning.chosen(Tuning(space, 'grid', 'trials', 2, 0, (TunedVariant('a', trials, 1),)))
    assert (found.value, found.below, found.above, found.edge) == ('adamw', None, None, '')


def test_a_trial_that_failed_counts_as_the_worst():
    assert tuning.expected_best(MADE)['plain'][0] == pytest.approx((20 + 16 + 25 + 25) / 4)


def table(errors):
    rows = [(name, seed, error) for name, of_seeds in errors.items() for seed, error in enumerate(of_seeds)]
    made = pd.DataFrame(rows, columns=['label', 'seed', 'top1_err_pct']).assign(state='finished', collapsed=False)
    return made


def test_the_ranking_with_a_variant_that_kept_its_values():
    """Untuned resnet, shallow (whose tuned runs those are), plain; tuned plain, resnet, shallow: one pair of three
    keeps its order."""
    found = tuning.ranking(MADE, table(UNTUNED), table(TUNED))
    assert found.untuned['shallow'] == found.tuned['shallow'] == 15
    assert found.tau == pytest.approx((1 - 2) / 3)
    assert set(found.turned) == set(found.sure) == {('resnet', 'plain'), ('shallow', 'plain')}
    assert tuning.ranking(MADE, table({}), table({'plain': [1.0]})) is None


def test_collapsed_seeds_are_left_out_of_the_ranking():
    untuned = table({**UNTUNED, 'plain': [20.0, 20.2, 90.0]})
    untuned.loc[untuned.top1_err_pct == 90, 'collapsed'] = True
    assert tuning.ranking(MADE, untuned, table(TUNED)).untuned['plain'] == pytest.approx(20.1)


@pytest.fixture(scope='module')
def sweep(tmp_path_factory):
    path = write_sweep(tmp_path_factory.mktemp('tuned') / 'sweep', TUNED, hypotheses=())
    record.write(path, MADE)
    for name, errors in UNTUNED.items():
        for seed, error in enumerate(errors):
            tuned = RunDirectory(path / 'trials' / f'{name}-s{seed}')
            summary = {**tuned.read(schema.SUMMARY), 'top1_err_pct': error}
            provenance = tuned.read(schema.PROVENANCE)
            write_run(path / 'untuned' / tuned.path.name, tuned.metrics(), summary, provenance, **tuned.config())
    return path


def test_everything_is_in_the_report(sweep, tmp_path):
    made = data.read(sweep)
    assert len(made.table) == 9  # none of the untuned
    said = ' '.join(tuning_words.sentences(made))
    assert 'tuned equally: 4 trials each, of optimizer.learning_rate from 0.01 to 1 by its logarithm' in said
    assert said.count('Warning:') == 1
    assert 'plain chose the highest optimizer.learning_rate that was tried, 0.3 (from 0.01 to 1' in said
    assert 'is −0.33 (95 % bootstrap interval −0.33 to −0.33 over 3 seeds' in said
    assert '2 pairs changed places, 2 by more than chance' in said
    assert 'resnet was ahead of plain untuned and is behind it tuned' in said
    out = write_runs(made, tmp_path / 'report').parent
    text = (out / 'results.md').read_text()
    assert '| resnet | optimizer.learning_rate | 0.2 | 13.00 | 0.1 (14.00 %) | 0.3 (15.00 %) |  |' in text
    assert '| plain | 20.00 | 12.00 | −8.00 | 3 | 1 |' in text
    assert '<section id="tuning">' in (out / 'index.html').read_text()
    assert (out / 'expected_best.png').read_bytes().startswith(b'\x89PNG')


def test_without_untuned_runs_there_is_no_ranking(sweep, tmp_path):
    made = data.read(sweep)
    alone = data.ReportData(made.table, tuning=MADE)
    assert alone.ranking is None
    assert len(tuning_words.sentences(alone)) == 2
    assert tuning_words.sentences(data.ReportData(made.table)) == []


def test_a_network_that_never_learns_sets_no_axis():
    lost = variant('lost', 0, *((rate, 90.0) for rate in (0.1, 0.2, 0.3, 0.4)))
    made = Tuning(MADE.space, 'qmc', 'trials', 4, 7, (*VARIANTS, lost))
    chart = catalogue.make('expected_best', data.ReportData(table(TUNED).assign(run='r', macs=1), tuning=made))
    figure = saving.draw(chart)
    assert figure.axes[0].get_ylim()[1] < 30
    (label,) = figure.findobj(lambda artist: artist.get_gid() == 'label-0')
    assert label.get_text() == 'lost ↑ 90.0 %'
    assert np.diff(chart.lines[1].curves[''].y).max() <= 0
