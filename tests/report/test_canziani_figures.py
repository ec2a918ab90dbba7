"""The ten figures: what they draw, what stands in place of one that lacks its data, and what they say is missing."""

import itertools
import json

import numpy as np
import pytest
from measured_rows import NETWORKS, row, write
from run_files import PROVENANCE, write_run

from cnn_bench.analysis.canziani import claims, data
from cnn_bench.cli import main
from cnn_bench.models import registry
from cnn_bench.report.canziani import against, by_batch, by_network
from cnn_bench.report.canziani import write as files
from cnn_bench.report.charts import saving, style
from cnn_bench.report.charts.absent import Absent
from cnn_bench.report.charts.scatter import marks

BATCHES = (1, 4, 16)


def made(power=None, **changes):
    """Rows of all networks, with a time that grows with the operations."""
    return [
        row(arch, b, ms_per_image=2 + registry.get(arch).macs / 1e9 * (5 + 5 / b), power_w=power, **changes)
        for arch in NETWORKS
        for b in BATCHES
    ]


@pytest.fixture
def measured(tmp_path):
    return write(tmp_path / 'measured', made())


def test_top1_is_the_published_one_and_enet_is_named(measured):
    chart = by_network.top1(data.read(measured))
    by_label = {bar.label: bar for bar in chart.bars}
    assert by_label['vgg16'].value == pytest.approx(71.592)  # torchvision's
    assert 'enet' not in by_label
    assert 'Left out: enet (no published accuracy)' in chart.caption
    assert [bar.value for bar in chart.bars] == sorted(bar.value for bar in chart.bars)
    assert by_label['resnet18'].family == by_label['resnet152'].family == 'resnet'


def test_density_is_accuracy_by_million_parameters(measured):
    chart = by_network.density(data.read(measured))
    by_label = {bar.label: bar.value for bar in chart.bars}
    assert by_label['vgg16'] == pytest.approx(71.592 / 138.357544)
    assert [bar.label for bar in chart.bars][:2] == ['googlenet', 'nin_bn']


def test_operations_count_twice_and_axes_say_so(measured):
    chart = against.accuracy_against_operations(data.read(measured))
    by_label = {blob.label: blob for blob in chart.panels[0].blobs}
    assert by_label['vgg19'].x == pytest.approx(39.264, abs=1e-3)  # 2 x 19.632 GMACs, near 39 in the paper
    assert by_label['vgg19'].params == 143_667_240
    assert 'G-Ops' in chart.panels[0].x_label
    assert 'count as two' in chart.caption


def test_time_per_image_and_its_line(measured):
    chart = against.operations_against_time(data.read(measured))
    for panel, batch in zip(chart.panels, (1, 16), strict=True):
        assert panel.title.startswith(f'batch {batch}: R² 1.00')
        by_label = {blob.label: blob for blob in panel.blobs}
        for arch in ('vgg16', 'resnet50'):
            expected = 2 + registry.get(arch).macs / 1e9 * (5 + 5 / batch)
            assert by_label[arch].x == pytest.approx(expected)
            assert (by_label[arch].low, by_label[arch].high) == pytest.approx((0.98 * expected, 1.02 * expected))
        (x0, y0), (x1, y1) = panel.fit
        assert (x1 - x0) / (y1 - y0) == pytest.approx((5 + 5 / batch) / 2)


def test_memory_has_its_floor_and_slope(measured):
    chart = against.memory_against_parameters(data.read(measured))
    assert chart.panels[0].title == 'floor 9.54 MiB (9.54 to 9.54), slope 1.00 (1.00 to 1.00)'


def test_lines_by_batch_end_where_rows_failed(tmp_path):
    rows = [one for one in made() if (one['arch'], one['batch']) != ('vgg19', 16)]
    failed = row('vgg19', 16, status='out_of_memory', reason='refused 9 GB', latency_ms_p50=None, images_per_s=None)
    rows[0] |= {'noisy': True}
    chart = by_batch.time(data.read(write(tmp_path / 'm', [*rows, failed])))
    by_label = {line.label: line for line in chart.lines}
    assert by_label['vgg19'].curves[''].x == (1, 4)
    assert by_label['vgg16'].curves[''].x == (1, 4, 16)
    assert by_label['vgg16'].curves[''].y[2] == pytest.approx(2 + registry.get('vgg16').macs / 1e9 * 5.3125)
    assert 'Missing: vgg19 at batch 16 (out of memory: refused 9 GB).' in chart.caption
    assert 'Noisy, with more spread than the measurement allows: alexnet at batch 1.' in chart.caption


def test_without_a_sensor_the_figures_of_power_say_so(measured):
    found = data.read(measured)
    for chart in (by_batch.power(found), against.operations_against_power(found)):
        assert isinstance(chart, Absent)
        assert chart.why.startswith('no power sensor on this device: ')
        assert chart.why in chart.caption


def test_with_a_sensor_they_are_drawn(tmp_path):
    found = data.read(write(tmp_path / 'm', made(power=10.0)))
    assert {value for line in by_batch.power(found).lines for value in line.curves[''].y} == {10.0}
    assert [len(panel.blobs) for panel in against.operations_against_power(found).panels] == [14, 14]


def test_one_batch_alone_says_what_would_measure_more(tmp_path):
    found = data.read(write(tmp_path / 'm', [one for one in made() if one['batch'] == 1]))
    chart = by_batch.time(found)
    assert isinstance(chart, Absent)
    assert 'rows of batch 1 alone: cnn-bench measure alexnet ' in chart.why
    assert f'--batch 1,2,4,8,16,32,64 --out {tmp_path / "m"}' in chart.why
    first, second = against.operations_against_time(found).panels
    assert len(first.blobs) == 14
    assert second.why.startswith('no row at batch 16: cnn-bench measure ')
    assert '--batch 16 ' in second.why
    assert '--size' not in second.why
    assert second.why in against.operations_against_time(found).caption


def test_the_command_repeats_a_size_that_is_not_the_networks_own(tmp_path):
    found = data.read(write(tmp_path / 'm', [one for one in made(size=224) if one['batch'] == 1]))
    assert '--batch 16 --size 224 --out ' in against.operations_against_time(found).panels[1].why


def test_without_any_accuracy_the_figures_say_so(tmp_path):
    found = data.read(write(tmp_path / 'm', [row('enet', batch) for batch in BATCHES]))
    for figure in (by_network.top1, by_network.density, against.accuracy_against_operations):
        assert figure(found).why == 'no network here has an accuracy'
    assert against.accuracy_against_speed(found).why == 'no network here has an accuracy'
    assert against.operations_against_time(found).panels[0].title == 'batch 1'  # one point has no R2


def test_another_size_than_the_published_is_said(tmp_path):
    found = data.read(write(tmp_path / 'm', made(size=224)))
    note = 'Measured at another size than the accuracy is for: inception_v3 (at 224, published at 299), inception_v4 '
    assert note in against.accuracy_against_speed(found).caption


def test_no_two_labels_overlap(measured):
    found = data.read(measured)
    for chart in (against.operations_against_time(found), against.accuracy_against_speed(found)):
        figure = saving.draw(chart)
        figure.set_dpi(style.PAGE.dpi)
        with style.using(style.PAGE):
            figure.canvas.draw()
            texts = figure.findobj(lambda artist: (artist.get_gid() or '').startswith('label-'))
            assert len(texts) == sum(len(panel.blobs) for panel in chart.panels)
            boxes = [text.get_window_extent() for text in texts]
        assert all(text.get_text() for text in texts)
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_areas_are_proportional_to_parameters(measured):
    chart = against.accuracy_against_operations(data.read(measured))
    figure, drawn, looks = saving.draw(chart), {}, style.looks([blob.family for blob in chart.panels[0].blobs])
    for i, blob in enumerate(chart.panels[0].blobs):
        (mark,) = figure.findobj(lambda artist, i=i: artist.get_gid() == f'point-0-{i}')
        drawn[blob.label] = mark.get_sizes()[0] * marks.shape_scale(looks[blob.family][1])[0]
    assert drawn['vgg19'] / drawn['alexnet'] == pytest.approx(143_667_240 / 60_965_224)


def run_of(tmp_path, arch, error, seed=0, side=224, name='', **config):
    provenance = {
        **PROVENANCE,
        'network': {'params': 5, 'macs': 7, 'flops': 14, 'family': 'f', 'year': 2015, 'input_shape': [side, side, 3]},
    }
    summary = {'state': 'finished', 'top1_err_pct': error}
    where = tmp_path / 'runs' / f'{arch}{name}-{seed}'
    write_run(where, [], summary, provenance, name=name, seed=seed, model={'arch': arch, 'width': 1.0}, **config)


def test_accuracy_of_our_own_runs(tmp_path, measured):
    for seed, error in enumerate((20.0, 22.0)):
        run_of(tmp_path, 'resnet18', error, seed)
    run_of(tmp_path, 'vgg16', 30.0, side=32)
    found = data.read(measured, str(tmp_path / 'runs'))
    assert dict(found.accuracy.top1) == {'resnet18': 79.0}
    assert found.accuracy.origin['resnet18'].startswith('2 seeds on ')
    assert found.accuracy.missing['vgg16'] == 'measured at size 224, runs at 32'
    assert found.accuracy.missing['vgg19'].startswith('no finished run of it')
    assert claims.accuracy_is_hyperbolic(found).verdict == claims.NOT_HERE


def test_the_command_writes_all_and_prints_a_line_per_claim(tmp_path, measured, capsys):
    out = tmp_path / 'out'
    assert main(['report', '--figures', 'canziani', str(measured), '--out', str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[-1] == str(out / 'index.html')
    kept = json.loads((out / 'claims.json').read_text())
    assert [f'{one["text"]} -- {one["verdict"]}: {one["says"]}' for one in kept['claims']] == lines[:-1]
    charts = files.figures(data.read(measured))
    names = [f'figure{number:02}' for number in range(1, 11)]
    assert [chart.name[:8] for chart in charts] == names
    expected = {f'{chart.name}.{to}' for chart in charts for to in ('png', 'svg', 'pdf')}
    assert {made.name for made in out.iterdir()} == expected | {'index.html', 'claims.json'}
    page = (out / 'index.html').read_text()
    places = [page.index(f'href="{chart.name}.png"') for chart in charts]
    assert places == sorted(places)
    assert page.count('no power sensor on this device: ') >= 2  # in the captions of both figures
    assert 'src="' not in page
    assert page.count('<th scope="row"') == len(NETWORKS) * len(BATCHES)
    assert 'a cpu' in page
    assert 'jax 0.8' in page


def test_bad_input_is_refused_in_one_line(tmp_path, measured, capsys):
    (tmp_path / 'empty').mkdir()
    two = write(tmp_path / 'two', [row(), row(device='another')])
    torch = write(tmp_path / 'torch', [row(framework='torch')])
    broken = write(tmp_path / 'broken', [row()])
    (broken / 'rows.jsonl').write_text('{"arch": ')
    good = str(measured)
    for argv, words in (
        (['--figures', 'canziani', str(tmp_path / 'empty')], 'holds no rows.jsonl'),
        (['--figures', 'canziani', str(tmp_path / 'nowhere')], 'holds no rows.jsonl'),
        (['--figures', 'canziani', str(torch)], 'no row of framework cnn_bench'),
        (['--figures', 'canziani', str(broken)], 'is damaged in line 1'),
        (['--figures', 'canziani', str(two)], '--device: a cpu, another'),
        (['--figures', 'canziani', str(two), '--device', 'anothr'], 'did you mean another?'),
        (['--figures', 'canziani', good, '--accuracy', 'publshed'], "neither 'published' nor a directory"),
        (['--figures', 'canzian', good], 'did you mean canziani?'),
        (['--figures', 'canziani'], 'needs the one directory'),
        (['--figures', 'canziani', good, '--published'], 'neither --published nor --measured'),
        (['--published', '--accuracy', 'published'], '--accuracy goes with --figures'),
        (['--published', '--batch', '1'], '--batch goes with --measured'),
        (['--published', '--device', 'a cpu'], '--device goes with'),
        (['--published', '--measured', good, '--batch', '3'], 'at 1, 4, 16'),
        (['--published', '--measured', str(tmp_path / 'empty')], 'holds no rows.jsonl'),
    ):
        assert main(['report', *argv, '--out', str(tmp_path / 'out')]) == 2, argv
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line, argv
    assert not (tmp_path / 'out').exists()


def test_a_device_is_chosen(tmp_path):
    rows = [row(), row(device='another', ms_per_image=7.0)]
    found = data.read(write(tmp_path / 'two', rows), device='another')
    assert found.drawn.image_ms.tolist() == [7.0]


def test_what_is_taken_of_the_rows(tmp_path):
    rows = [
        row(ms_per_image=1.0, dtype='bfloat16'),
        row(ms_per_image=2.0, threads=1),
        row(ms_per_image=3.0),
        row(ms_per_image=4.0, mode='training'),
        row(ms_per_image=5.0, framework='torch'),
        row(ms_per_image=6.0, width=0.5),
        row(ms_per_image=7.0, size=96),
    ]
    found = data.read(write(tmp_path / 'm', rows))
    assert dict(zip(found.drawn.label, found.drawn.image_ms, strict=True)) == {
        'resnet18 @224': 3.0,
        'resnet18 x0.5': 6.0,
        'resnet18 @96': 7.0,
    }
    assert found.chosen.how == 'float32, a cpu, 2 threads'
    assert found.accuracy.missing == {'resnet18 x0.5': 'no published accuracy at width 0.5'}
    assert np.isfinite(found.drawn.accuracy).sum() == 2


def test_an_interval_that_ends_beyond_the_axis_is_told(tmp_path):
    rows = [
        one | ({'latency_ms_high': 100 * one['latency_ms_p50']} if one['arch'] == 'vgg19' else {}) for one in made()
    ]
    chart = against.operations_against_time(data.read(write(tmp_path / 'm', rows)))
    at = [blob.label for blob in chart.panels[0].blobs].index('vgg19')
    figure = saving.draw(chart)
    signs = figure.findobj(lambda artist: (artist.get_gid() or '').startswith('beyond-0-'))
    assert [sign.get_gid() for sign in signs] == [f'beyond-0-{at}']
    assert 'a triangle at the edge' in chart.caption
