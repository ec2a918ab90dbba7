"""`cnn-bench report`, end to end."""

import pandas as pd
import pytest
from sweeps import write_sweep

from cnn_bench.cli import main
from cnn_bench.report import watch
from cnn_bench.runs import study


@pytest.fixture
def sweep(tmp_path):
    """Two networks, one of whose three runs diverged."""
    return write_sweep(tmp_path, {'plain': [11.5], 'resnet': [8.0, None]}, charts=('accuracy_vs_macs',))


def test_a_directory_of_runs(sweep, capsys):
    assert main(['report', str(sweep)]) == 0
    out, err = capsys.readouterr()
    first, *_, last = out.splitlines()
    assert first.startswith('Shortcuts help a deep network -- undecided: one seed says nothing of others.')
    assert last == str(sweep / 'report' / 'index.html')
    assert err == 'cnn-bench: left out of the charts: trials/resnet-s1 (diverged: the loss of step 3 is nan)\n'
    page = (sweep / 'report' / 'index.html').read_text()
    assert '<h1>Do shortcuts &lt;help&gt;?</h1>' in page
    assert len(pd.read_csv(sweep / 'report' / 'results.csv')) == 3


def test_no_sweep_and_another_place(sweep, capsys):
    (sweep / study.RECORD).unlink()
    assert main(['report', str(sweep), '--out', str(sweep / 'elsewhere')]) == 0
    assert capsys.readouterr().out == f'{sweep / "elsewhere" / "index.html"}\n'
    assert not (sweep / 'report').exists()


def test_published(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['report', '--published']) == 0
    assert capsys.readouterr().out == 'runs/published/report/index.html\n'
    results = pd.read_csv('runs/published/report/results.csv').set_index('label')
    assert results.source['resnet50 (torchvision 2021)'] == 'torchvision 0.29.1, weights IMAGENET1K_V2'
    page = (tmp_path / 'runs/published/report/index.html').read_text()
    assert 'compared only where the recipe is of one kind' in page
    assert 'How much is recipe, how much architecture?' in page
    assert (tmp_path / 'runs/published/report/published_accuracy_vs_macs.png').exists()


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        ([], 'give a directory of runs, or --published'),
        (['--watch', '--published'], '--watch goes with a directory of runs'),
        (['somewhere', '--every-s', '5'], '--every-s goes with --watch'),
        (['one', 'two', '--figures', 'canziani'], 'needs the one directory'),
        (['nowhere'], 'there is no directory nowhere'),
        (['nowhere', '--published'], 'there is no directory nowhere'),
        (['nowhere', '--watch'], 'there is no directory nowhere'),
        (['.', '.'], 'would count twice'),
        (['.'], 'holds no run'),
    ],
)
def test_bad_input_is_one_line(argv, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['report', *argv]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.count('\n') == 1
    assert out == ''
    assert list(tmp_path.iterdir()) == []


def test_two_sweeps_and_published_results(tmp_path, capsys):
    one, other = (
        write_sweep(tmp_path / name, errors, charts=('accuracy_vs_macs',))
        for name, errors in (('one', {'plain': [11.5], 'resnet': [8.0, None]}), ('other', {'plain': [11.5]}))
    )
    assert main(['report', str(one), str(other), '--published']) == 0
    out, err = capsys.readouterr()
    *lines, page = out.splitlines()
    assert page == str(tmp_path / 'report' / 'index.html')
    assert [line.partition(': ')[0] for line in lines] == ['one'] * 3 + ['other'] * 3
    assert 'cannot be compared' in err
    assert 'left out of the charts: one/trials/resnet-s1 (diverged' in err
    results = pd.read_csv(tmp_path / 'report' / 'results.csv')
    assert results.source.eq('measured').sum() == 4
    assert results.label[results.source.ne('measured')].str.endswith(' (published)').all()


def test_watching_ends_with_ctrl_c_and_keeps_the_page(sweep, capsys, monkeypatch):
    states = [1, 1, 2]

    def state(directories):
        if not states:
            raise KeyboardInterrupt
        return states.pop(0)

    monkeypatch.setattr(watch, 'state', state)
    monkeypatch.setattr(watch, 'POLL_S', 0.0)
    assert main(['report', '--watch', str(sweep), '--every-s', '0']) == 0
    out, err = capsys.readouterr()
    page = sweep / 'report' / 'index.html'
    assert [line.partition(' ')[2] for line in out.splitlines()] == [f'{page}: 2 of 3 runs finished'] * 2
    assert err == ''
    assert '<h1>Do shortcuts &lt;help&gt;?</h1>' in page.read_text()


@pytest.mark.parametrize('content', ['{"question":', '[1]'])
def test_a_broken_sweep_file_is_one_line(sweep, content, capsys):
    (sweep / 'sweep.json').write_text(content)
    assert main(['report', str(sweep)]) == 2
    assert 'sweep.json' in capsys.readouterr().err
    assert not (sweep / 'report').exists()
