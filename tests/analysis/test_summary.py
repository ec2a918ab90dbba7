import io

import numpy as np
import pandas as pd
import pytest

from cnn_bench.analysis import summary as summaries
from cnn_bench.report import tables
from cnn_bench.runs.columns import COLUMNS


def test_csv_has_a_row_per_run_and_reads_back(table):
    read = pd.read_csv(io.StringIO(tables.csv(table)))
    assert list(read.columns) == list(COLUMNS)
    expected = summaries.tidy(table)
    pd.testing.assert_frame_equal(read, expected, check_dtype=False)
    assert len(read) == 36
    assert {'arch', 'params', 'macs', 'top1_err_pct', 'top5_err_pct', 'images_per_s', 'seed'} <= set(read.columns)


def test_whole_numbers_stay_whole_beside_unknown_ones(table):
    table = pd.concat([table, pd.DataFrame([{'label': 'lost', 'state': 'unfinished', 'run': 'lost'}])])
    read = pd.read_csv(io.StringIO(tables.csv(table)), dtype=str)
    assert read.params[0].isdigit()
    assert read.seed[0] == '0'


def test_columns_beyond_the_schema_come_behind(table):
    read = pd.read_csv(io.StringIO(tables.csv(table.assign(git='abc'))))
    assert list(read.columns) == [*COLUMNS, 'git']


def test_seeds_become_a_mean_with_an_interval(table):
    summary = summaries.summarise(table).set_index('label')
    assert len(summary) == 12
    assert (summary.seeds == 3).all()
    errors = table[table.label == 'vgg11'].top1_err_pct
    assert summary.top1_err_pct['vgg11'] == pytest.approx(errors.mean())
    assert summary.top1_ci95_pct['vgg11'] == pytest.approx(4.302653 * errors.std() / np.sqrt(3), rel=1e-6)
    assert summary.run['vgg11'] == 'vgg11-0.25-seed0, vgg11-0.25-seed1, vgg11-0.25-seed2'


def test_means_leave_collapsed_seeds_out_and_count_them(table):
    table['collapsed'] = (table.label == 'vgg11') & (table.seed == 2)
    table.loc[table.collapsed, 'top1_err_pct'] = 90.0
    summary = summaries.summarise(table).set_index('label')
    learned = table[(table.label == 'vgg11') & (table.seed < 2)].top1_err_pct
    assert summary.top1_err_pct['vgg11'] == pytest.approx(learned.mean())
    assert (summary.seeds['vgg11'], summary.collapsed_seeds['vgg11']) == (3, 1)
    assert summary.by_seed['vgg11'][2] == (2, 90.0, True)
    assert summary.run['vgg11'].count('seed') == 3
    text = tables.markdown_table(tables.of_summary(summary.reset_index()))
    assert '| Seeds | Collapsed |' in text.splitlines()[0]
    without = tables.of_summary(summaries.summarise(table.drop(columns='collapsed')))
    assert '| Collapsed |' not in tables.markdown_table(without)


def test_a_seed_run_twice_counts_once(table):
    table['seed'] = 7
    summary = summaries.summarise(table)
    assert (summary.seeds == 1).all()
    assert summary.top1_ci95_pct.isna().all()


def test_speed_on_different_devices_has_no_mean(table):
    table.loc[table.seed == 2, 'device'] = '1 x gpu'
    summary = summaries.summarise(table)
    assert summary.images_per_s.isna().all()
    assert summary.device[0] == '1 x cpu, 1 x gpu'


def test_unfinished_runs_are_left_out_and_named(table):
    table = table.astype({'top1_err_pct': object})
    table.loc[0, ['state', 'top1_err_pct']] = ['diverged', None]
    table.loc[table.label == 'xception', 'state'] = 'unfinished'
    table.loc[table.label == 'resnet18', 'macs'] = 0
    summary = summaries.summarise(table)
    assert len(summary) == 10
    assert summary.set_index('label').seeds['lenet5'] == 2
    left_out = dict(summaries.left_out(table))
    assert left_out['lenet5-0.25-seed0'] == 'diverged'
    assert left_out['xception-0.25-seed1'] == 'unfinished'
    assert left_out['resnet18-0.25-seed0'] == 'no error or no multiply-adds'
    assert len(left_out) == 7
    assert len(pd.read_csv(io.StringIO(tables.csv(table)))) == 36


def test_nothing_finished_is_an_empty_summary(table):
    assert summaries.summarise(table.assign(state='unfinished')).empty


def test_configurations_of_one_label_are_told_apart(make_table):
    plain = make_table(3)
    larger = plain.assign(dataset='cifar10', width=1.0, run='other')
    labels = summaries.summarise(pd.concat([plain, larger])).label
    assert len(set(labels)) == 6
    assert 'lenet5 · dataset cifar10 · width 1' in set(labels)
    assert 'lenet5 · dataset fashion_mnist · width 0.25' in set(labels)


def cells(line):
    assert line.startswith('| ')
    assert line.endswith(' |')
    return line.replace('\\|', '').count('|') - 1


def test_markdown_is_well_formed(table):
    table.loc[table.label == 'vgg11', 'label'] = 'a|b <script>'
    lines = tables.markdown_table(tables.of_summary(summaries.summarise(table))).splitlines()
    assert len(lines) == 2 + 12
    assert len({cells(line) for line in lines}) == 1
    assert 'MACs (M)' in lines[0]
    assert set(lines[1]) <= set('| :-')
    assert any('a\\|b &lt;script>' in line for line in lines)


def document(table, title, answer, notes):
    return tables.markdown(summaries.summarise(table), summaries.left_out(table), title, answer, notes)


def test_markdown_document(table):
    table.loc[0, 'state'] = 'diverged'
    text = document(table, 'A question?\n', 'An *answer*.', ['A note.'])
    assert text.startswith('# A question?\n\nAn *answer*.\n\n| Network |')
    assert text.endswith('\nA note.\n\nLeft out:\n\n- lenet5-0.25-seed0: diverged\n')


def test_empty_columns_and_our_own_source_are_not_shown(table):
    shown = [column.name for column in summaries.shown_columns(summaries.summarise(table.assign(images_per_s=np.nan)))]
    assert 'images_per_s' not in shown
    assert 'source' not in shown
    published = summaries.summarise(table.assign(source='a paper'))
    assert 'source' in [column.name for column in summaries.shown_columns(published)]
