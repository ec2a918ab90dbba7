import numpy as np
import pandas as pd
import pytest

from cnn_bench.analysis import by_epoch
from cnn_bench.report.charts import learning, lines, saving


def curve(run, label, seed, errors, kind='val', epochs=None, state='finished'):
    epochs = epochs or [float(e) for e in range(1, len(errors) + 1)]
    fixed = {'run': run, 'label': label, 'seed': seed, 'state': state, 'kind': kind}
    return [{**fixed, 'epoch': e, 'step': int(8 * e), 'top1_err_pct': x} for e, x in zip(epochs, errors, strict=True)]


def means(rows, **fields):
    table = by_epoch.means(pd.DataFrame(rows), **fields)
    return table[['label', 'kind', 'epoch', 'mean', 'low', 'high', 'seeds']].to_numpy().tolist()


def test_means_over_seeds():
    rows = curve('a', 'net', 0, [40, 20]) + curve('b', 'net', 1, [50, 26])
    assert means(rows) == [['net', 'val', 1, 45, 40, 50, 2], ['net', 'val', 2, 23, 20, 26, 2]]


def test_a_shorter_seed_shortens_the_mean():
    rows = curve('a', 'net', 0, [40, 20, 10]) + curve('b', 'net', 1, [50, 26])
    assert [row[2] for row in means(rows)] == [1, 2]


def test_training_windows_count_by_their_steps():
    rows = curve('a', 'net', 0, [80, 40, 20, 10], 'train', [0.25, 1.0, 1.5, 2.0])
    assert means(rows) == [['net', 'train', 1, 50, 50, 50, 1], ['net', 'train', 2, 15, 15, 15, 1]]


def test_only_finished_runs_and_the_names_of_the_summary():
    rows = curve('a', 'net', 0, [40, 20]) + curve('b', 'net', 1, [90, 95], state='diverged')
    assert means(rows, names={'a': 'net · width 1'})[0] == ['net · width 1', 'val', 1, 40, 40, 40, 1]


def test_one_evaluation_makes_no_curve():
    assert learning.learning_curves(pd.DataFrame(curve('a', 'net', 0, [40.0]))) is None
    assert learning.learning_curves(pd.DataFrame(curve('a', 'net', 0, [40.0, 20.0], state='unfinished'))) is None


def test_a_test_curve_needs_tests_before_the_end():
    rows = curve('a', 'net', 0, [40.0, 20.0]) + curve('a', 'net', 0, [21.0], 'test', [2.0])
    rows += curve('b', 'other', 0, [50.0, 30.0]) + curve('b', 'other', 0, [51.0, 31.0], 'test')
    chart = learning.learning_curves(pd.DataFrame(rows))
    assert [sorted(line.curves) for line in chart.lines] == [['val'], ['test', 'val']]
    assert list(chart.panels) == ['val', 'test']
    assert [axes.get_title('left') for axes in saving.draw(chart).axes] == ['validation', 'test']


def test_a_collapsed_seed_is_a_line_of_its_own_and_sets_no_axis():
    """Of `net` one seed of two collapsed, of `lost` the only one."""
    rows = pd.DataFrame(
        curve('a', 'net', 0, [40.0, 20.0]) + curve('b', 'net', 1, [90.0, 90.0]) + curve('c', 'lost', 0, [90.0, 89.5])
    )
    rows['collapsed'] = rows.run.isin(['b', 'c'])
    assert means(rows)[-1] == ['net', 'val', 2, 20, 20, 20, 1]
    chart = learning.learning_curves(rows)
    assert [line.name for line in chart.lines] == ['lost (collapsed)', 'net (1 of 2 collapsed)']
    assert [one['val'].y for one in chart.lines[1].aside] == [(90, 90)]
    figure = saving.draw(chart)
    assert figure.axes[0].get_ylim()[1] == pytest.approx(1.06 * 40)
    (label,) = figure.findobj(lambda artist: artist.get_gid() == 'label-0')
    assert label.get_text() == 'lost (collapsed) ↑ 89.5 %'


def test_lines_differ_without_colour():
    looks = [lines.look(i) for i in range(44)]
    assert len({(str(look['linestyle']), str(look['marker'])) for look in looks}) == 44


@pytest.mark.parametrize('wanted', [[5.0], [1.0, 1.0, 1.0], [0.0, 0.1, 9.9, 10.0], [3.0, 2.0, 2.5, 9.0, 2.2]])
def test_names_are_spread_in_order(wanted):
    placed = lines.spread(np.array(wanted), 1.0, 10.0)
    order = np.argsort(wanted, kind='stable')
    assert (np.diff(placed[order]) >= 1 - 1e-9).all()
    assert placed.min() >= 0
    assert placed.max() <= 10


def test_names_stay_where_they_are_wanted_if_there_is_room():
    assert lines.spread(np.array([2.0, 7.0, 4.0]), 1.0, 10.0).tolist() == [2, 7, 4]
    assert lines.spread(np.array([5.0, 5.0]), 1.0, 10.0).tolist() == [4.5, 5.5]
