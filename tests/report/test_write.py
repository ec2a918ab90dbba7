import unicodedata
from xml.etree import ElementTree

import pandas as pd
import pytest
from sweeps import write_sweep

from cnn_bench.analysis import verdicts
from cnn_bench.errors import UserError
from cnn_bench.report import data
from cnn_bench.report.charts import catalogue, saving
from cnn_bench.report.page import render as page
from cnn_bench.report.write import write_runs, write_table

TABLES = {'results.csv', 'results.md', 'results.parquet', 'results.tex'}
FILES = {*TABLES, 'index.html', *(f'accuracy_vs_macs.{to}' for to in saving.FORMATS)}
# What a sweep without tuning has, in a report without --measured.
UNTUNED = [
    name for name in catalogue.charts() if name != 'expected_best' and not name.startswith('accuracy_vs_measured')
]
ERRORS = {'shallow': [14.0, 14.4, 13.8], 'plain': [16.0, 16.9, 15.5], 'resnet': [12.0, 12.3, 11.9, None]}


def test_all_files_are_written(table, tmp_path):
    out = tmp_path / 'a' / 'report'
    assert write_table(table, out, title='A question?', answer='An answer.') == out / 'index.html'
    assert {path.name for path in out.iterdir()} == FILES
    assert [path.name for path in out.parent.iterdir()] == ['report']
    assert len(pd.read_csv(out / 'results.csv')) == 36 == len(pd.read_parquet(out / 'results.parquet'))
    assert 'An answer.' in (out / 'results.md').read_text()
    assert (out / 'accuracy_vs_macs.png').read_bytes().startswith(b'\x89PNG')
    assert (out / 'accuracy_vs_macs.svg').read_text().startswith('<?xml')


def test_no_document_holds_a_control_character(make_table, tmp_path):
    table, odd = make_table(3), 'a\x00b\x07c\x1bd\x9be\ufffef'
    table['label'] = [f'{odd} {i}' for i in range(3)]
    table[['family', 'dataset', 'commit']] = odd
    write_table(table, tmp_path, title=odd, answer=odd)
    for name in ('index.html', 'results.csv', 'results.md', 'results.tex', 'accuracy_vs_macs.svg'):
        text = (tmp_path / name).read_text(encoding='utf-8')
        assert not [sign for sign in text if unicodedata.category(sign) in ('Cc', 'Cn') and sign not in '\n\t'], name
    ElementTree.parse(tmp_path / 'accuracy_vs_macs.svg')


def test_a_second_report_replaces_the_first_and_nothing_else(make_table, tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    write_table(make_table(3), tmp_path, title='First')
    (tmp_path / 'error_overlap.svg').write_text('of runs with predictions, which these are not')
    write_table(make_table(3), tmp_path, title='Second')
    assert not (tmp_path / 'error_overlap.svg').exists()
    assert 'Second' in (tmp_path / 'index.html').read_text()
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


def test_a_failure_leaves_the_old_report(make_table, tmp_path, monkeypatch):
    out = tmp_path / 'report'
    write_table(make_table(3), out, title='First')
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def fail(*args):
        raise RuntimeError('drawn badly')

    monkeypatch.setattr(page, 'render', fail)
    with pytest.raises(RuntimeError):
        write_table(make_table(12), out, title='Second')
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ['report']


def test_no_finished_run_is_one_line(table, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, 'save', None)
    with pytest.raises(UserError, match='none of 36 runs is finished'):
        write_table(table.assign(state='unfinished'), tmp_path / 'report', title='A question?')
    assert not (tmp_path / 'report').exists()


def test_a_place_that_cannot_be_written_is_one_line(make_table, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot write'):
        write_table(make_table(3), tmp_path / 'file' / 'report', title='A question?')
    with pytest.raises(UserError, match='cannot write'):
        write_table(make_table(3), tmp_path / 'file', title='A question?')
    assert (tmp_path / 'file').read_text() == ''


@pytest.fixture(scope='module')
def sweep(tmp_path_factory):
    return write_sweep(tmp_path_factory.mktemp('sweeps') / 'three', ERRORS)


def test_a_sweep_gets_every_chart_its_own_first(sweep, tmp_path):
    first, more = catalogue.choose(data.read(sweep))
    assert [chart.name for chart in first] == ['learning_curves', 'differences']
    assert {chart.name for chart in (*first, *more)} == set(UNTUNED)
    text = write_runs(data.read(sweep), tmp_path / 'report').read_text()
    assert {path.name for path in (tmp_path / 'report').iterdir()} == {
        *TABLES, 'index.html', *(f'{name}.{to}' for name in UNTUNED for to in saving.FORMATS)
    }  # fmt: skip
    fold = text.index('<summary>More charts')
    assert text.index('id="differences-') < fold < text.index('id="error_overlap-')
    assert 'id="accuracy_vs_macs-' not in text  # the explorer has it
    assert 'href="accuracy_vs_macs.pdf"' in text
    assert 'Do shortcuts &lt;help&gt;?' in text
    assert 'They <strong>do</strong>' in text
    assert 'diverged: the loss of step 3 is nan' in text
    for name in UNTUNED:
        assert (tmp_path / 'report' / f'{name}.pdf').read_bytes().startswith(b'%PDF')
    again = write_runs(data.read(sweep), tmp_path / 'again').parent
    for path in (tmp_path / 'report').iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_what_was_measured_is_in_the_tables(sweep):
    made = data.read(sweep)
    assert made.summary.set_index('label').epochs_to_50_pct['plain'] == 2
    assert made.summary.set_index('label').train_err_pct['shallow'] == pytest.approx(14.0667 - 2, abs=1e-3)


def test_verdict_lines(sweep):
    lines = verdicts.lines(data.read(sweep).judgements)
    assert [line.split(' -- ')[1].split(':')[0] for line in lines] == ['supported', 'contradicted', 'undecided']
    assert lines[0].startswith('Shortcuts help a deep network -- supported: resnet minus plain is −4.07 points')


def test_a_chart_that_nobody_knows(tmp_path):
    write_sweep(tmp_path, {'a': [10.0]}, charts=('learning_curve',), hypotheses=())
    with pytest.raises(UserError, match='did you mean learning_curves'):
        catalogue.choose(data.read(tmp_path))


def test_one_network_without_a_study(tmp_path):
    write_sweep(tmp_path, {'a': [10.0]}, epochs=1, hypotheses=())
    (tmp_path / 'sweep.json').unlink()
    first, more = catalogue.choose(data.read(tmp_path))
    assert [chart.name for chart in first] == ['accuracy_vs_macs']
    assert not {'learning_curves', 'differences', 'error_overlap'} & {chart.name for chart in more}
