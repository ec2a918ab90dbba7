"""Measured speed joined to runs and to published results, as an axis of their charts."""

import pandas as pd
import pytest
from measured_rows import row, write
from run_files import PROVENANCE, write_run

from cnn_bench.analysis import measured, published
from cnn_bench.analysis.summary import summarise
from cnn_bench.cli import main
from cnn_bench.errors import UserError
from cnn_bench.report.charts import catalogue
from cnn_bench.report.charts.scatter import spec
from cnn_bench.report.explorer import rows as explored

TIMES = {'resnet18': 8.0, 'vgg16': 40.0}
ROWS = [row(arch, batch, ms_per_image=ms / batch**0.5) for arch, ms in TIMES.items() for batch in (2, 16)]


@pytest.fixture
def chosen(tmp_path):
    directory = write(tmp_path / 'measured', [*ROWS, row('resnet50', 2, status='failed', latency_ms_p50=None)])
    return measured.choose(measured.read(directory), directory)


def test_the_smallest_batch_is_joined_by_arch(chosen):
    every = measured.join(published.table(), chosen)
    joined = every.drop_duplicates('arch').set_index('arch')
    assert joined.measured_latency_ms['vgg16'] == pytest.approx(2 * 40 / 2**0.5)
    assert joined.measured_images_per_s['resnet18'] == pytest.approx(1000 * 2**0.5 / 8)
    assert joined.measured_memory_bytes['resnet18'] == 4 * 11_689_512 + 2 * 10**7
    assert joined.measured_on['vgg16'] == 'batch 2, float32, a cpu, 2 threads'
    assert joined.measured_latency_ms.notna().sum() == 2  # a row that failed is not joined
    assert every.measured_latency_ms[every.arch == 'resnet18'].nunique() == 1  # however it was trained
    assert any(label.startswith('resnet50 (') for label in measured.not_joined(every))


def test_energy_is_an_axis_where_there_is_a_sensor(tmp_path):
    rows = [one | {'energy_per_image_j': 0.5, 'power_w': 60.0} for one in ROWS]
    directory = write(tmp_path / 'gpu', rows)
    joined = measured.join(published.table(), measured.choose(measured.read(directory), directory))
    found = {axis.field: axis for axis in explored.costs(summarise(joined))}
    assert (
        found['measured_energy_j'].title == 'energy of one image at inference (J), batch 2, float32, a cpu, 2 threads'
    )
    assert set(joined.measured_energy_j.dropna()) == {0.5}


def test_another_batch(chosen):
    joined = measured.join(published.table(), chosen, 16).drop_duplicates('arch').set_index('arch')
    assert joined.measured_latency_ms['vgg16'] == pytest.approx(16 * 40 / 4)
    with pytest.raises(UserError, match='at 2, 16'):
        measured.join(published.table(), chosen, 3)


def test_width_and_size_have_to_agree(tmp_path):
    rows = [row('resnet18', width=0.5, size=32, ms_per_image=1.0), row('resnet18', size=32, ms_per_image=2.0)]
    directory = write(tmp_path / 'm', rows)
    found = measured.choose(measured.read(directory), directory)
    table = pd.DataFrame(
        {
            'arch': 'resnet18',
            'label': list('abc'),
            'width': [0.5, 1.0, 0.5],
            'input_shape': ['32x32x3'] * 2 + ['28x28x1'],
        }
    )
    joined = measured.join(table, found)
    assert joined.measured_latency_ms[:2].tolist() == [1.0, 2.0]
    assert measured.not_joined(joined) == ['c']
    with pytest.raises(UserError, match='no network there'):
        measured.join(table[2:], found)


def test_the_axis_says_what_was_measured(chosen):
    summary = summarise(measured.join(published.table(), chosen))
    chart = spec.accuracy_vs_cost(summary, 'accuracy_vs_measured_latency')
    assert chart.x_label == 'median time of a call (ms), batch 2, float32, a cpu, 2 threads'
    points = {point.label: point for point in chart.points}
    assert points['vgg16'].x == pytest.approx(2 * 40 / 2**0.5)
    assert points['vgg16'].y == pytest.approx(28.408)
    faster = spec.accuracy_vs_cost(summary, 'accuracy_vs_measured_images_per_s')
    assert not faster.left_is_better
    made = [chart(summary) for chart in catalogue.against_measured()]
    assert [chart.name for chart in made if chart] == [
        'accuracy_vs_measured_latency',
        'accuracy_vs_measured_images_per_s',
        'accuracy_vs_measured_memory',
    ]


def test_without_measurement_there_is_no_such_chart():
    assert spec.accuracy_vs_cost(summarise(published.table()), 'accuracy_vs_measured_latency') is None


def test_the_commands(tmp_path, capsys):
    directory, out = str(write(tmp_path / 'measured', ROWS)), tmp_path / 'out'
    argv = ['report', '--published', '--measured', directory, '--batch', '16', '--out']
    assert main([*argv, str(out)]) == 0
    assert 'not measured in' in capsys.readouterr().err
    assert {f'accuracy_vs_measured_{what}.png' for what in ('latency', 'images_per_s', 'memory')} <= {
        made.name for made in out.iterdir()
    }
    assert 'batch 16, float32, a cpu, 2 threads' in (out / 'index.html').read_text()
    network = {'params': 5, 'macs': 7, 'flops': 14, 'family': 'f', 'year': 2015, 'input_shape': [224, 224, 3]}
    for seed in (0, 1):
        summary = {'state': 'finished', 'top1_err_pct': 20.0 + seed}
        model = {'arch': 'resnet18', 'width': 1.0}
        where = tmp_path / 'runs' / f'r{seed}'
        write_run(where, [], summary, {**PROVENANCE, 'network': network}, name='', seed=seed, model=model)
    assert main(['report', str(tmp_path / 'runs'), '--measured', directory]) == 0
    results = pd.read_csv(tmp_path / 'runs' / 'report' / 'results.csv')
    assert results.measured_latency_ms.tolist() == pytest.approx([2 * 8 / 2**0.5] * 2)
    assert (tmp_path / 'runs' / 'report' / 'accuracy_vs_measured_memory.svg').exists()
