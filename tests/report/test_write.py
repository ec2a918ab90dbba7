import pandas as pd
import pytest

from cnn_bench import report
from cnn_bench.errors import UserError
from cnn_bench.report import charts, page

FILES = {'results.csv', 'results.md', 'accuracy_vs_macs.png', 'accuracy_vs_macs.svg', 'index.html'}


def test_all_files_are_written(table, tmp_path):
    out = tmp_path / 'a' / 'report'
    assert report.write(table, out, title='A question?', answer='An answer.') == out / 'index.html'
    assert {path.name for path in out.iterdir()} == FILES
    assert [path.name for path in out.parent.iterdir()] == ['report']
    assert len(pd.read_csv(out / 'results.csv')) == 36
    assert 'An answer.' in (out / 'results.md').read_text()
    assert (out / 'accuracy_vs_macs.png').read_bytes().startswith(b'\x89PNG')
    assert (out / 'accuracy_vs_macs.svg').read_text().startswith('<?xml')


def test_a_second_report_replaces_the_first_and_nothing_else(make_table, tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    report.write(make_table(3), tmp_path, title='First')
    report.write(make_table(3), tmp_path, title='Second')
    assert 'Second' in (tmp_path / 'index.html').read_text()
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


def test_a_failure_leaves_the_old_report(make_table, tmp_path, monkeypatch):
    out = tmp_path / 'report'
    report.write(make_table(3), out, title='First')
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def fail(*args):
        raise RuntimeError('drawn badly')

    monkeypatch.setattr(page, 'render', fail)
    with pytest.raises(RuntimeError):
        report.write(make_table(12), out, title='Second')
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ['report']


def test_no_finished_run_is_one_line(table, tmp_path, monkeypatch):
    monkeypatch.setattr(charts, 'save', None)
    with pytest.raises(UserError, match='none of 36 runs is finished'):
        report.write(table.assign(state='unfinished'), tmp_path / 'report', title='A question?')
    assert not (tmp_path / 'report').exists()


def test_a_place_that_cannot_be_written_is_one_line(make_table, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot write'):
        report.write(make_table(3), tmp_path / 'file' / 'report', title='A question?')
    with pytest.raises(UserError, match='cannot write'):
        report.write(make_table(3), tmp_path / 'file', title='A question?')
    assert (tmp_path / 'file').read_text() == ''
