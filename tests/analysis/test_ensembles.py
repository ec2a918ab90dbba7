"""Ensembles against averages worked out by hand: four images of two classes, all labelled 0."""

import itertools

import numpy as np
import pandas as pd
import pytest
from run_files import write_run

from cnn_bench.analysis import ensembles, verdicts
from cnn_bench.errors import UserError
from cnn_bench.report import ensemble_words
from cnn_bench.report.charts import ensembles as ensemble_chart
from cnn_bench.report.charts import saving
from cnn_bench.runs import schema
from cnn_bench.runs.columns import COLUMNS
from cnn_bench.runs.predictions import Predictions, of_run, packed
from cnn_bench.runs.study import BEST_SINGLE, TOGETHER, Hypothesis

# The probability of class 0 by image. Alone a and b err on 25 %, c on 50 %.
A, B, C = [0.9, 0.85, 0.6, 0.4], [0.7, 0.3, 0.9, 0.9], [0.2, 0.4, 0.8, 0.9]
MACS = {'a': 30, 'b': 10, 'c': 20}


def predicted(of_zero, label=None):
    probs = np.stack([of_zero, 1 - np.array(of_zero)], axis=1)
    return Predictions(np.zeros(len(of_zero), int) if label is None else label, probs.argmax(axis=1), np.log(probs))


def made(runs):
    """The table and the predictions of runs (label, seed) -> probabilities of class 0."""
    rows = [
        {'run': f'{label}-{seed}', 'label': label, 'family': 'x' if label in 'ab' else 'y', 'seed': seed,
         'state': 'finished', 'macs': MACS[label], 'params': 10 * MACS[label], 'dataset': 'd',
         'top1_err_pct': 100 * np.mean(np.array(of_zero) < 0.5)}
        for (label, seed), of_zero in runs.items()
    ]  # fmt: skip
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    return table, {f'{label}-{seed}': predicted(of_zero) for (label, seed), of_zero in runs.items()}


def three():
    return ensembles.members(*made({('a', 0): A, ('b', 0): B, ('c', 0): C}))


def of(found, *labels):
    return ensembles.evaluate([member for member in found if member.label in labels])


def test_members_are_the_finished_runs_the_cheapest_first():
    assert [(m.label, m.error, m.macs) for m in three()] == [('b', 25, 10), ('c', 50, 20), ('a', 25, 30)]


def test_probabilities_are_averaged_and_costs_summed():
    two = of(three(), 'a', 'b')  # 0.8, 0.575, 0.75, 0.65
    assert (two['top1_err_pct'], two['best_err_pct'], two['difference']) == (0, 25, -25)
    assert (two['macs'], two['params'], two['size'], two['n']) == (40, 400, 2, 4)
    assert two['best_member'] == 'b'  # the cheaper of two that err alike
    assert two['disagreement_pct'] == 50  # on the second and the fourth
    worse = of(three(), 'b', 'c')  # 0.45, 0.35, 0.85, 0.9
    assert (worse['top1_err_pct'], worse['difference'], worse['disagreement_pct']) == (50, 25, 25)
    assert of(three(), 'a', 'b', 'c')['top1_err_pct'] == 0  # 0.6, 0.52, 0.77, 0.73
    assert of(three(), 'a', 'b', 'c')['disagreement_pct'] == pytest.approx((50 + 25 + 75) / 3)


@pytest.mark.parametrize(('of_each', 'error'), [((0.8, 0.8, 0.001), 0), ((0.2, 0.2, 0.999), 50)])
def test_probabilities_are_averaged_not_their_logarithms(of_each, error):
    """The means are 0.53 and 0.47; the geometric means, for which one sure member suffices, say the contrary."""
    found = ensembles.members(*made({(name, 0): [first, 0.9] for name, first in zip('abc', of_each, strict=True)}))
    assert of(found, 'a', 'b', 'c')['top1_err_pct'] == error


def test_the_fifth_class_counts_and_the_sixth_does_not():
    probs = np.tile(np.array([0.3, 0.25, 0.2, 0.15, 0.06, 0.04]), (3, 1))
    label = np.array([0, 4, 5])
    runs = {name: Predictions(label, probs.argmax(axis=1), np.log(probs)) for name in ('a-0', 'b-0')}
    table, _ = made({('a', 0): A, ('b', 0): B})
    both = ensembles.evaluate(ensembles.members(table, runs))
    assert both['top1_err_pct'] == pytest.approx(200 / 3)
    assert both['top5_err_pct'] == pytest.approx(100 / 3)


def test_every_pair_by_how_near_its_members_are():
    found = ensembles.members(*made({('a', 0): A, ('a', 1): A, ('b', 0): B, ('c', 0): C}))
    assert [member.label for member in found] == ['b', 'c', 'a, seed 0', 'a, seed 1']
    pairs = ensembles.pairs(found)
    assert len(pairs) == 6
    assert list(pairs.top1_err_pct) == sorted(pairs.top1_err_pct)
    kin = {frozenset(row.members): row.kin for row in pairs.itertuples()}
    assert kin[frozenset({'a, seed 0', 'a, seed 1'})] == ensembles.SAME_NETWORK
    assert kin[frozenset({'a, seed 0', 'b'})] == ensembles.SAME_FAMILY
    assert kin[frozenset({'c', 'b'})] == ensembles.ACROSS
    means = ensembles.by_kin(pairs)
    assert list(means.index) == [ensembles.SAME_NETWORK, ensembles.SAME_FAMILY, ensembles.ACROSS]
    assert list(means.pairs) == [1, 2, 3]
    assert list(means.disagreement_pct) == pytest.approx([0, 50, (25 + 75 + 75) / 3])


def at_random(count, images=60, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, images)
    probs = rng.dirichlet(np.ones(classes), (count, images))
    probs[:, np.arange(images), label] += 0.25
    probs /= probs.sum(axis=2, keepdims=True)
    return [
        ensembles.Member(f'r{i}', f'n{i}', f'n{i}', 'x', 10 + i, 100, label, of_one, label, of_one)
        for i, of_one in enumerate(probs.astype(np.float32))
    ]


def test_the_best_of_each_size():
    found = at_random(6)
    by_error = sorted(found, key=lambda member: member.error)
    best = ensembles.best(found, most=4)
    in_order = best[best.chosen.str.contains(ensembles.IN_ORDER)]
    assert [set(row.runs) for row in in_order.itertuples()] == [{m.run for m in by_error[:k]} for k in (2, 3, 4)]
    assert best[best.chosen.str.contains(ensembles.ALL)]['size'].tolist() == [6]
    greedy = best[best.chosen.str.contains(ensembles.GREEDILY)]
    assert greedy['size'].tolist() == [2, 3, 4]
    assert not best.runs.map(frozenset).duplicated().any()
    chosen = [by_error[0]]
    for row in greedy.itertuples():  # tried one by one, by `evaluate` instead of by running sums
        left = [member for member in found if member not in chosen]
        tried = {member.run: ensembles.evaluate([*chosen, member])['top1_err_pct'] for member in left}
        (added,) = set(row.runs) - {member.run for member in chosen}
        assert tried[added] == min(tried.values()) == pytest.approx(row.top1_err_pct)
        chosen.append(next(member for member in found if member.run == added))


@pytest.mark.parametrize('count', [30, 31])
def test_of_many_networks_those_on_the_front_are_named(count):
    found = at_random(count)
    best = ensembles.best(found, most=3)
    chart = ensemble_chart.error_against_cost(found, best)
    named = {point.label for point in chart.points if point.named}
    rows = [(member.macs, member.error) for member in found] + list(zip(best.macs, best.top1_err_pct, strict=True))
    on_front = {
        member.label
        for member in found
        if not any(m <= member.macs and e <= member.error and (m, e) != (member.macs, member.error) for m, e in rows)
    }
    of_ensembles = {ensemble_words.name(row) for row in best.to_dict('records')}
    assert 0 < len(on_front) < 30
    assert named == of_ensembles | (on_front if count > 30 else {member.label for member in found})
    gids = {artist.get_gid() for artist in saving.draw(chart).findobj()}
    for i, point in enumerate(chart.points):
        assert (f'label-{i}' in gids) == point.named
        assert f'point-{i}' in gids
    assert ('are labelled' in chart.caption) == (count > 30)


def test_a_greedy_pair_is_no_worse_than_the_best_two():
    for seed in range(5):
        best = ensembles.best(at_random(5, seed=seed), most=2)
        error = {how: best[best.chosen.str.contains(how)].top1_err_pct.item() for how in ('in order', 'greedily')}
        assert error['greedily'] <= error['in order']


def test_all_of_two_is_one_row():
    best = ensembles.best(three()[:2])
    assert best.chosen.tolist() == ['in order, greedily, all there are']
    assert ensembles.best(three()[:1]).empty


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda table, runs: runs.pop('b-0'), '1 of 2 runs are finished and have predictions'),
        (lambda table, runs: table.__setitem__('state', ['finished', 'diverged']), '1 of 2 runs'),
        (lambda table, runs: runs.update({'b-0': predicted(B, np.ones(4, int))}), 'not tested on the same images'),
        (lambda table, runs: runs.update({'b-0': predicted(B[:3])}), 'not tested on the same images'),
        (lambda table, runs: table.__setitem__('dataset', ['d', 'e']), 'not tested on the same images'),
        (lambda table, runs: runs.update({'b-0': Predictions(np.zeros(4), np.zeros(4))}), 'b-0 kept only the top five'),
        (lambda table, runs: runs['a-0'].log_probs.__setitem__((0, 0), np.nan), 'a-0 has predictions that are no numb'),
    ],
)
def test_what_makes_no_ensemble_is_named(change, said):
    table, runs = made({('a', 0): A, ('b', 0): B})
    change(table, runs)
    with pytest.raises(UserError, match=said):
        ensembles.members(table, runs)


def test_all_together_beside_the_best_single_by_seed():
    table, runs = made({('a', 0): A, ('b', 0): B, ('a', 1): C, ('b', 1): C, ('a', 2): A})
    more, said = ensembles.together(table, runs)
    rows = more.iloc[len(table) :].set_index(['label', 'seed'])
    assert len(rows) == 4  # seed 2 lacks b
    assert rows.top1_err_pct.to_dict() == {
        (TOGETHER, 0): 0, (BEST_SINGLE, 0): 25, (TOGETHER, 1): 50, (BEST_SINGLE, 1): 50,
    }  # fmt: skip
    assert rows.macs[TOGETHER, 0] == 40
    assert rows.macs[BEST_SINGLE, 0] == 10
    np.testing.assert_array_equal(said[rows.run[BEST_SINGLE, 0]].top1, runs['b-0'].top1)
    assert said[rows.run[TOGETHER, 0]].right.all()
    (finding,) = verdicts.judge(more, [Hypothesis('more is better', 'us', less=TOGETHER, more=BEST_SINGLE)])
    assert f'{TOGETHER} minus {BEST_SINGLE} is −12.50 points' in finding.line


def test_runs_that_make_no_ensemble_add_nothing():
    table, runs = made({('a', 0): A})
    same, said = ensembles.together(table, runs)
    assert same is table
    assert said == {}


def test_the_chart_has_every_member_and_ensemble_and_its_front():
    found = three()
    chart = ensemble_chart.error_against_cost(found, ensembles.best(found))
    points = {point.label: point for point in chart.points}
    assert set(points) == {'a', 'b', 'c', 'the 2 best', 'all 3'}
    assert (points['all 3'].x, points['all 3'].y, points['all 3'].family) == (60, 0, ensemble_chart.SEVERAL)
    assert {label for label, point in points.items() if point.on_front} == {'b', 'the 2 best'}
    assert ensemble_chart.error_against_cost([], ensembles.best([])) is None


def test_the_words_give_the_best_the_difference_and_the_cost():
    found = three()
    words = ensemble_words.in_words(found, ensembles.best(found), ensembles.pairs(found))
    assert words.startswith('The best of 3 networks alone is b: 25.00 % top-1 error at 10 multiply-adds.')
    assert 'All 3 together have 0.00 % error, −25.00 (' in words
    assert 'at 6.0 times its multiply-adds (60)' in words
    assert 'The best chosen ensemble is b; a: 0.00 % error' in words
    assert 'chosen on the test images, which count the error too' in words
    assert 'two networks of one family disagree on 50.0 % of the images, and their error together minus that' in words
    assert 'of the better one is −25.00 points' in words
    assert ensemble_words.in_words(found[:1], ensembles.best(found[:1]), ensembles.pairs(found[:1])) == ''


def test_validation_chooses_where_all_have_it():
    """On the validation images the order of four networks is the reverse of that on the test images."""
    label, rng = np.arange(40) % 4, np.random.default_rng(0)
    table, test, validation = [], {}, {}
    for number in range(4):
        run = f'{number}-0'
        table.append({'run': run, 'label': str(number), 'seed': 0, 'state': 'finished', 'macs': 1, 'params': 1})
        for kept, wrong in ((test, 5 * number), (validation, 5 * (3 - number))):
            said = np.where(np.arange(40) < wrong, (label + 1) % 4, label)
            probs = 0.7 * np.eye(4)[said] + 0.3 * rng.dirichlet(np.ones(4), 40)
            kept[run] = Predictions(label, said, np.log(probs))
    table = pd.DataFrame(table).reindex(columns=list(COLUMNS))
    found = ensembles.members(table, test, validation=validation)
    assert [(member.error, member.choice_error) for member in found] == [(0, 37.5), (12.5, 25), (25, 12.5), (37.5, 0)]
    best = ensembles.best(found, most=2)
    assert best[best.chosen.str.contains(ensembles.IN_ORDER)].runs.tolist() == [('3-0', '2-0')]
    more, _ = ensembles.together(table, test, validation)
    assert more[more.label == BEST_SINGLE].top1_err_pct.item() == 37.5
    assert 'chosen by their error on the validation images' in ensemble_words.in_words(
        found, best, ensembles.pairs(found)
    )
    del validation['1-0']
    assert all(member.choice_error == member.error for member in ensembles.members(table, test, validation=validation))


def test_every_ensemble_errs_as_a_vote_by_hand_says():
    found = at_random(4, seed=3)
    for size in (2, 3, 4):
        for chosen in itertools.combinations(found, size):
            wrong = 0
            for image, label in enumerate(chosen[0].target):
                sums = [sum(float(member.probs[image, k]) for member in chosen) for k in range(4)]
                wrong += sums.index(max(sums)) != label
            assert ensembles.evaluate(chosen)['top1_err_pct'] == pytest.approx(100 * wrong / 60)


def test_predictions_keep_their_probabilities(tmp_path):
    run = write_run(tmp_path / 'few', summary={'state': 'finished'})
    run.write_arrays(schema.PREDICTIONS, packed(np.zeros(4, int), predicted(A).log_probs))
    assert of_run(run).log_probs == pytest.approx(predicted(A).log_probs, abs=2e-3)
    many = write_run(tmp_path / 'many', summary={'state': 'finished'})
    many.write_arrays(schema.PREDICTIONS, packed(np.zeros(2, int), np.full((2, 1000), -np.log(1000))))
    assert of_run(many).log_probs is None
