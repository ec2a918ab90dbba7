"""A new metric is one entry of the column table, and follows everywhere."""

import pandas as pd
import pytest
from run_files import PROVENANCE, write_run

from cnn_bench import runs
from cnn_bench.analysis import verdicts
from cnn_bench.report import data
from cnn_bench.report.write import write_runs
from cnn_bench.runs import export
from cnn_bench.runs.columns import COLUMNS, MEAN, Column
from cnn_bench.runs.study import Hypothesis

ECE = Column(
    'ece_pct', 'expected calibration error on the test set, per cent', 'number', MEAN,
    header='Calibration error (%)', format='.1f', words='calibration error', unit='%',
)  # fmt: skip
ENERGY = Column(
    'energy_j', 'energy of the training', 'number', MEAN,
    header='Energy (kJ)', format=',.0f', scale=1e3, words='energy', unit='J', cost='energy',
)  # fmt: skip
NETWORK = {'params': 500, 'macs': 1000, 'flops': 2000, 'activation_bytes': 64, 'family': 'f', 'year': 2015}


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    monkeypatch.setitem(COLUMNS, 'ece_pct', ECE)
    monkeypatch.setitem(COLUMNS, 'energy_j', ENERGY)
    for name, seed, ece in (('a', 0, 4.0), ('a', 1, 5.0), ('b', 0, 1.0), ('b', 1, 2.0)):
        summary = {'state': 'finished', 'top1_err_pct': 10.0 + seed, 'ece_pct': ece, 'energy_j': 3.2e6}
        provenance = {**PROVENANCE, 'network': {**NETWORK, 'input_shape': [28, 28, 1]}}
        write_run(tmp_path / 'runs' / f'{name}{seed}', [], summary, provenance, name=name, seed=seed)
    return tmp_path / 'runs'


def test_it_is_in_the_tables_the_summary_and_the_page(sweep, tmp_path):
    made = data.read(sweep)
    assert made.summary.set_index('label').ece_pct.to_dict() == {'a': 4.5, 'b': 1.5}
    out = write_runs(made, tmp_path / 'report').parent
    assert sorted(pd.read_csv(out / 'results.csv').ece_pct) == [1, 2, 4, 5]
    assert sorted(pd.read_parquet(out / 'results.parquet').ece_pct) == [1, 2, 4, 5]
    head, _, row, *_ = (out / 'results.md').read_text().split('| Network')[1].splitlines()
    assert dict(zip(head.split(' | '), row.split(' | '), strict=True))['Calibration error (%)'] == '4.5'
    assert r'Calibration error (\%)' in (out / 'results.tex').read_text()
    page = (out / 'index.html').read_text()
    assert '<span>Calibration</span> <span>error</span> <small>(%)</small>' in page
    assert '<td class="number" data-value="4.5">4.5</td>' in page
    assert export.tidy(sweep).ece_pct.notna().all()


def test_hypotheses_use_its_words_and_its_unit(sweep):
    hypothesis = Hypothesis('b is calibrated better', 'us', less='b', more='a', column='ece_pct')
    (found,) = verdicts.judge(runs.load(sweep), [hypothesis])
    assert found.line.startswith('supported: b minus a is −3.00 points of calibration error')


def test_a_cost_has_a_chart(sweep, tmp_path):
    out = write_runs(data.read(sweep), tmp_path / 'report').parent
    assert (out / 'accuracy_vs_energy.svg').exists()
    assert 'href="accuracy_vs_energy.svg"' in (out / 'index.html').read_text()
