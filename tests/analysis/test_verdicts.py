"""Verdicts against values worked out by hand: differences 3, 4, 5 have mean 4 and standard error 1/sqrt(3)."""

import math

import numpy as np
import pandas as pd
import pytest

from cnn_bench import stats
from cnn_bench.analysis import verdicts
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runs.study import Hypothesis

T2 = {0.95: 4.30265, 0.975: 6.20535}  # Student t of two degrees of freedom: 95 % two-sided, and 97.5 %


def table_of(recipe=None, **errors):
    rows = [
        {'run': f'{label}-{seed}', 'label': label, 'seed': seed, 'state': 'finished', 'top1_err_pct': error, 'macs': 10}
        for label, of_seeds in errors.items()
        for seed, error in enumerate(of_seeds)
    ]
    return pd.DataFrame(rows).assign(recipe=recipe)


def hypothesis(less='good', more='bad', **fields):
    return Hypothesis('it helps', 'somebody', less=less, more=more, **fields)


def judge_one(table, predictions=None, **fields):
    (found,) = verdicts.judge(table, [hypothesis(**fields)], predictions)
    return found


def numbers(line, start):
    text = line[line.index(start) + len(start) :].split(' over')[0]
    return [float(part.replace('−', '-').rstrip(')').split(',')[0]) for part in text.split(' to ')]


THREE = {'good': [10.0, 11.0, 12.0], 'bad': [13.0, 15.0, 17.0]}


def test_a_hypothesis_that_holds():
    found = judge_one(table_of(**THREE))
    half = T2[0.95] / math.sqrt(3)
    assert found.state == stats.SUPPORTED
    assert found.line.startswith('supported: good minus bad is −4.00 points of top-1 error (95 % interval ')
    assert found.line.endswith('over 3 seeds)')
    assert numbers(found.line, 'interval ') == pytest.approx([-4 - half, -4 + half], abs=0.01)
    assert found.difference == f'−4.00 points (−{4 + half:.2f} to −{4 - half:.2f})'


def test_a_hypothesis_of_more_than_there_is():
    found = judge_one(table_of(**THREE), by=8.0)
    assert found.state == stats.CONTRADICTED
    assert ', −8.00 or less expected (95 % interval' in found.line


def test_a_hypothesis_the_other_way_round():
    found = judge_one(table_of(**THREE), less='bad', more='good')
    assert found.line.startswith('contradicted: bad minus good is +4.00 points')


def test_too_few_seeds_say_how_many_it_takes():
    found = judge_one(table_of(good=[10.0, 11.0, 12.0], bad=[10.0, 13.0, 13.0]))  # 0, 2, 1
    assert found.state == stats.UNDECIDED
    assert found.line.startswith('undecided: good minus bad is −1.00 points')
    needed = stats.decide([0.0, 2.0, 1.0]).seeds_needed
    assert found.line.endswith(f'; about {needed} seeds would decide')
    assert 3 < needed < 20


def test_hypotheses_share_their_level():
    table = table_of(**THREE)
    both = verdicts.judge(table, [hypothesis(), hypothesis(by=1.0)])
    half = T2[0.975] / math.sqrt(3)
    assert numbers(both[0].line, 'interval ') == pytest.approx([-4 - half, -4 + half], abs=0.01)
    assert 'all 2 hypotheses together' in both[0].line


def test_only_seeds_that_both_finished_count():
    table = table_of(good=[10.0, 11.0, 12.0, 99.0], bad=[13.0, 15.0, 17.0])
    assert 'over 3 seeds' in judge_one(table).line
    table.loc[table.run == 'bad-1', 'state'] = 'diverged'
    assert 'over 2 seeds' in judge_one(table).line


def predictions_of(good, bad):
    label = np.zeros(100, int)
    return {
        'good-0': Predictions(label, (np.arange(100) < good).astype(int)),
        'bad-0': Predictions(label, (np.arange(100) < bad).astype(int)),
    }


def test_one_seed_decides_nothing_and_says_what_the_two_runs_show():
    table = table_of(good=[10.0], bad=[30.0])
    found = judge_one(table, predictions_of(10, 30))
    assert found.state == stats.UNDECIDED
    assert found.line.startswith('undecided: one seed says nothing of others. Of these two runs, good minus bad is')
    assert '−20.00 points of top-1 error (95 % interval ' in found.line
    assert found.line.endswith('over 100 test images; McNemar p < 0.001)')
    low, high = numbers(found.line, 'interval ')
    assert -30 < low < -20 < high < -10
    assert judge_one(table).line.endswith('−20.00 points of top-1 error')


def test_predictions_of_other_images_are_not_compared():
    kept = predictions_of(10, 30)
    kept['bad-0'] = Predictions(np.ones(100, int), kept['bad-0'].top1)
    assert 'test images' not in judge_one(table_of(good=[10.0], bad=[30.0]), kept).line


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'less': 'absent'}, 'undecided: no run of absent has finished'),
        ({'column': 'epochs_to_50_pct'}, 'undecided: no run of good has a value of epochs_to_50_pct'),
    ],
)
def test_nothing_to_judge_by(fields, said):
    assert judge_one(table_of(**THREE), **fields).line == said


def test_seeds_that_no_two_variants_share():
    table = table_of(good=[10.0], bad=[12.0])
    table.loc[1, 'seed'] = 5
    assert judge_one(table).line == 'undecided: good and bad have no finished seed in common'


def test_runs_of_several_recipes_are_not_mixed():
    table = table_of(**THREE)
    table['recipe'] = ['a', 'a', 'b', 'c', 'c', 'c']
    found = judge_one(table)
    assert found.state == stats.UNDECIDED
    assert 'different recipes' in found.line
    assert verdicts.compare_with_baseline(table, 'good').empty


def test_counts_need_no_seeds():
    table = table_of(good=[10.0], bad=[12.0])
    table['macs'] = [1000, 4000]
    assert judge_one(table, column='macs').line == (
        'supported: good minus bad is −3,000 multiply-adds (counted; it depends on no seed)'
    )
    assert judge_one(table, column='macs', by=3000.0).state == stats.SUPPORTED
    assert judge_one(table, column='macs', by=3001.0).state == stats.CONTRADICTED
    assert judge_one(table.assign(macs=7), column='macs').state == stats.CONTRADICTED


def test_differences_to_the_baseline():
    found = verdicts.compare_with_baseline(table_of(**THREE, third=[10.0, 11.5, 12.0]), 'good').set_index('label')
    half = T2[0.975] / math.sqrt(3)  # two comparisons
    assert list(found.index) == ['bad', 'third']
    assert found['mean']['bad'] == 4
    assert (found.low['bad'], found.high['bad']) == pytest.approx((4 - half, 4 + half), abs=1e-4)
    # t = 4 sqrt(3) gives p = 0.0202, twice that after Holm; the other's is 0.42
    assert found.p['bad'] == pytest.approx(2 * 0.0202, abs=1e-4)
    assert found.p['third'] == pytest.approx(0.4226, abs=1e-4)
    assert set(found.over) == {'seeds'}


def test_differences_of_single_runs_are_over_images():
    table = table_of(good=[10.0], bad=[30.0], lost=[20.0])
    found = verdicts.compare_with_baseline(table, 'good', predictions_of(10, 30)).set_index('label')
    assert (found.over['bad'], found.n['bad'], found['mean']['bad']) == ('test images', 100, 20)
    assert (found.over['lost'], found['mean']['lost']) == ('', 10)
    assert np.isnan([found.low['lost'], found.p['lost']]).all()
