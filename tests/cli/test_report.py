"""`cnn-bench report`, end to end."""

import json

import pandas as pd
import pytest

from cnn_bench import runs
from cnn_bench.cli import main
from cnn_bench.runs.schema import COLUMNS


def run_of(arch, seed, **values):
    row = {
        'arch': arch, 'label': arch, 'family': arch[:4], 'params': 60_000, 'macs': 400_000, 'top1_err_pct': 11.5,
        'top5_err_pct': 0.4, 'images_per_s': 900.0, 'seed': seed, 'dataset': 'fashion_mnist', 'state': 'finished',
        'source': 'measured', 'run': f'{arch}-{seed}',
    }  # fmt: skip
    return row | values


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """A directory of two networks, one of whose three runs diverged."""
    rows = [
        run_of('lenet5', 0),
        run_of('resnet20', 0, macs=31_000_000, top1_err_pct=8.0),
        run_of('resnet20', 1, state='diverged', top1_err_pct=None, top5_err_pct=None),
    ]
    monkeypatch.setattr(runs, 'load', lambda path: pd.DataFrame(rows, columns=list(COLUMNS)))
    return tmp_path


def test_a_directory_of_runs(sweep, capsys):
    (sweep / 'sweep.json').write_text(json.dumps({'question': 'What is <cheap>?', 'answer': 'It **depends**.'}))
    assert main(['report', str(sweep)]) == 0
    out, err = capsys.readouterr()
    assert out == f'{sweep / "report" / "index.html"}\n'
    assert err == 'cnn-bench: left out of the charts: resnet20-1 (diverged)\n'
    page = (sweep / 'report' / 'index.html').read_text()
    assert '<h1>What is &lt;cheap&gt;?</h1>' in page
    assert '<strong>depends</strong>' in page
    assert len(pd.read_csv(sweep / 'report' / 'results.csv')) == 3


def test_no_sweep_and_another_place(sweep, capsys):
    assert main(['report', str(sweep), '--out', str(sweep / 'elsewhere')]) == 0
    assert capsys.readouterr().out == f'{sweep / "elsewhere" / "index.html"}\n'
    assert not (sweep / 'report').exists()


def test_published(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['report', '--published']) == 0
    assert capsys.readouterr().out == 'runs/published/report/index.html\n'
    results = pd.read_csv('runs/published/report/results.csv').set_index('arch')
    assert results.source['resnet50'].startswith('torchvision')
    assert (tmp_path / 'runs/published/report/published_accuracy_vs_macs.png').exists()


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        ([], 'either a directory of runs or --published'),
        (['somewhere', '--published'], 'either a directory of runs or --published'),
        (['nowhere'], 'there is no directory nowhere'),
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


@pytest.mark.parametrize('content', ['{"question":', '[1]'])
def test_a_broken_sweep_file_is_one_line(sweep, content, capsys):
    (sweep / 'sweep.json').write_text(content)
    assert main(['report', str(sweep)]) == 2
    assert 'sweep.json' in capsys.readouterr().err
    assert not (sweep / 'report').exists()
