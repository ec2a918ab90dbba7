"""Bars, differences and overlaps: values by hand, and no two texts on each other."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from cnn_bench.analysis import overlap as common_errors
from cnn_bench.analysis import verdicts
from cnn_bench.analysis.summary import summarise
from cnn_bench.report.charts import density, forest, learning, overlap, saving, style
from cnn_bench.report.charts.scatter import spec
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runs.study import Hypothesis


def wrong_on(*images):
    return Predictions(np.zeros(8, int), np.isin(np.arange(8), images).astype(int))


def test_shares_of_common_errors():
    table = pd.DataFrame(
        [{'run': f'{label}{seed}', 'label': label, 'seed': seed, 'macs': 1} for label in 'ab' for seed in (0, 1)]
    )
    kept = {'a0': wrong_on(0, 1, 2, 3), 'b0': wrong_on(3, 4), 'a1': wrong_on(0, 1), 'b1': wrong_on(0, 1, 2, 5)}
    share = common_errors.shares(table, kept)
    # seed 0: one of a's four errors is b's too, one of b's two a's; seed 1: both of a's two, two of b's four
    assert share.loc['a', 'b'] == (25 + 100) / 2
    assert share.loc['b', 'a'] == 50
    assert share.loc['a', 'a'] == 100


def test_networks_without_errors_or_images_in_common_have_no_share():
    table = pd.DataFrame([{'run': r, 'label': r, 'seed': 0, 'macs': 1} for r in 'abc'])
    other = Predictions(np.ones(8, int), np.ones(8, int) * 2)
    share = common_errors.shares(table, {'a': wrong_on(), 'b': wrong_on(1), 'c': other})
    assert np.isnan(share.loc['a', 'b'])
    assert share.loc['b', 'a'] == 0
    assert np.isnan(share.loc['b', 'c'])
    assert overlap.error_overlap(share.loc[['b'], ['b']]) is None


def test_accuracy_per_million_parameters(make_table):
    table = make_table(3)
    table['params'], table['top1_err_pct'] = [500_000, 2_000_000, 1_000_000], [50.0, 10.0, 20.0]
    bars = density.accuracy_density(summarise(table)).bars
    assert [bar.value for bar in bars] == [100, 80, 45]


def test_marks_tell_what_the_interval_leaves_out():
    found = pd.DataFrame(
        [
            {'label': 'sure', 'mean': -2.0, 'low': -3.0, 'high': -1.0, 'p': 0.01, 'n': 3, 'over': 'seeds'},
            {'label': 'unsure', 'mean': 0.5, 'low': -1.0, 'high': 2.0, 'p': 0.4, 'n': 900, 'over': 'test images'},
            {'label': 'alone', 'mean': 1.0, 'low': np.nan, 'high': np.nan, 'p': np.nan, 'n': 1, 'over': ''},
        ]
    )
    chart = forest.forest(found, 'base')
    assert [row.label for row in chart.rows] == ['sure', 'unsure', 'alone']
    axes = saving.draw(chart).axes[0]
    marked = [axes.findobj(lambda a, i=i: a.get_gid() == f'point-{i}')[0] for i in range(2)]
    assert [tuple(mark.get_facecolor()[0][:3]) == (1, 1, 1) for mark in marked] == [False, True]
    assert 'says nothing of other seeds' in chart.caption


def test_a_difference_of_a_collapsed_seed_is_an_arrow():
    errors = {'base': [10, 10, 10], 'one': [11, 12, 90], 'all': [90, 90, 90]}
    table = pd.DataFrame(
        [
            {'label': label, 'seed': seed, 'state': 'finished', 'macs': 1, 'top1_err_pct': e, 'collapsed': e == 90}
            for label, of_label in errors.items()
            for seed, e in enumerate(of_label)
        ]
    )
    chart = forest.forest(verdicts.compare_with_baseline(table, 'base'), 'base')
    one, every = chart.rows
    assert (one.label, one.mean, one.n, one.collapsed) == ('one', 1.5, 2, 1)
    assert (every.mean, every.n, every.learned) == (80, 3, False)
    axes = saving.draw(chart).axes[0]
    assert axes.get_xlim()[1] < 10
    said = [axes.findobj(lambda a, i=i: a.get_gid() == f'number-{i}')[0].get_text() for i in range(2)]
    assert said[0].endswith('· 1 of 3 collapsed: +80.00')
    assert said[1].endswith('· 3 of 3 collapsed')
    assert verdicts.judge(table, [Hypothesis('x', 'y', less='base', more='one')])[0].line.endswith(
        '; 1 of 3 collapsed (one)'
    )


def fake_curves(table, epochs=5):
    rows = []
    for row, epoch, kind in itertools.product(table.itertuples(), range(1, epochs + 1), ('train', 'val')):
        error = row.top1_err_pct + 30 / epoch - 2 * (kind == 'train')
        fixed = {'run': row.run, 'label': row.label, 'seed': row.seed, 'state': 'finished', 'kind': kind}
        rows.append({**fixed, 'step': epoch, 'epoch': float(epoch), 'top1_err_pct': error})
    return pd.DataFrame(rows)


def others(table):
    """The charts beside those of `test_charts`, of a synthetic table."""
    rng, label = np.random.default_rng(0), np.zeros(200, int)
    kept = {run: Predictions(label, (rng.random(200) < 0.3).astype(int)) for run in sorted(table.run)}
    baseline = min(table.label)
    return [
        learning.learning_curves(fake_curves(table), subtitle='made up'),
        density.accuracy_density(summarise(table)),
        forest.forest(verdicts.compare_with_baseline(table, baseline, kept), baseline),
        overlap.error_overlap(common_errors.shares(table, kept), 'made up'),
    ]


@pytest.mark.parametrize(('points', 'seeds'), [(3, 3), (30, 1), (60, 2)])
def test_no_text_lies_on_another_or_leaves_the_figure(make_table, points, seeds):
    for chart in others(make_table(points, seeds)):
        figure = saving.draw(chart)
        with style.using(style.PAGE):
            figure.canvas.draw()
            boxes = [t.get_window_extent() for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
        edges = np.array([box.extents for box in boxes])
        width, height = figure.get_size_inches() * figure.dpi
        assert (edges[:, :2] >= 0).all(), chart.name
        assert (edges[:, 2] <= width).all(), chart.name
        assert (edges[:, 3] <= height).all(), chart.name
        low, high = edges[:, None, :2], edges[None, :, 2:]
        over = (low < high).all(-1) & (low < high).all(-1).T & ~np.eye(len(boxes), dtype=bool)
        assert not over.any(), chart.name


def test_costs_that_cannot_be_compared_have_no_chart(make_table):
    table = make_table(4)
    assert spec.accuracy_vs_cost(summarise(table), 'accuracy_vs_throughput').x_label.endswith('on 1 x cpu')
    table.loc[0, 'device'] = '1 x gpu'
    summary = summarise(table)
    assert spec.accuracy_vs_cost(summary, 'accuracy_vs_throughput') is None
    assert spec.accuracy_vs_cost(summary, 'accuracy_vs_params') is not None
    assert spec.accuracy_vs_cost(summary.assign(train_s=np.nan), 'accuracy_vs_training_time') is None


def test_of_throughput_more_is_better(make_table):
    table = make_table(3)
    table['images_per_s'], table['top1_err_pct'] = [100.0, 200.0, 300.0], [10.0, 8.0, 9.0]
    chart = spec.accuracy_vs_cost(summarise(table), 'accuracy_vs_throughput')
    assert {point.x: point.on_front for point in chart.points} == {100: False, 200: True, 300: True}
    (front,) = (line for line in saving.draw(chart).axes[0].lines if line.get_gid() == 'front')
    x, y = front.get_data()
    assert list(x[:2]) == [300, 200]
    assert list(y) == [9, 8, 8]
    assert x[2] < 200


def test_every_kind_of_chart_repeats_its_bytes(make_table, tmp_path):
    table = make_table(3, 2)
    for run in ('a', 'b'):
        (tmp_path / run).mkdir()
        for chart in others(table.sample(frac=1, random_state=1) if run == 'b' else table):
            saving.save(chart, tmp_path / run)
    made = sorted(path.name for path in (tmp_path / 'a').iterdir())
    assert len(made) == 12
    for name in made:
        first = (tmp_path / 'a' / name).read_bytes()
        assert first.startswith(b'%PDF') == name.endswith('.pdf')
        assert first == (tmp_path / 'b' / name).read_bytes(), name
