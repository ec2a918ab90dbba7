import dataclasses

import pandas as pd
import pytest

from cnn_bench.analysis import published
from cnn_bench.analysis.summary import shown_columns, summarise
from cnn_bench.models import registry
from cnn_bench.report.charts.scatter import spec


@pytest.fixture(scope='module')
def rows():
    return published.rows()


@pytest.fixture(scope='module')
def table():
    return published.table()


def test_one_choice_a_network(rows):
    assert not rows.arch.duplicated().any()
    assert rows.source.str.len().gt(5).all()
    assert rows.protocol.str.contains('single').all()
    assert not rows.source.str.contains('ensemble', case=False).any()
    assert rows.top1_err_pct.between(10, 50).all()
    assert (rows.top5_err_pct.dropna() < rows.top1_err_pct[rows.top5_err_pct.notna()]).all()


def test_the_imagenet_networks_of_the_registry_are_there(table):
    ours = {name for name, arch in registry.ARCHS.items() if arch.num_classes == 1000}
    assert len(table) >= 19
    assert set(table.arch) <= ours
    assert {'alexnet', 'alexnet_owt', 'vgg16', 'googlenet', 'googlenet_bn', 'resnet50', 'resnet50_v1'} <= set(
        table.arch
    )


def test_parameters_agree_with_the_source(rows):
    known = rows[rows.source_params.notna() & rows.arch.isin(list(registry.ARCHS))]
    assert len(known) >= 15
    for row in known.itertuples():
        assert registry.get(row.arch).params == row.source_params, row.arch


def test_a_variant_never_takes_the_figures_of_another(rows):
    sources = rows.set_index('arch').source
    assert 'Caffe' in sources['alexnet']
    assert 'torchvision' in sources['alexnet_owt']
    assert 'Caffe' in sources['googlenet']
    assert 'torchvision' in sources['googlenet_bn']
    assert 'KaimingHe' in sources['resnet50_v1']
    assert 'torchvision' in sources['resnet50']


def test_some_figures_by_hand(table):
    by_arch = table.set_index('arch')
    # torchvision: vgg16 71.592 / 90.382; the ResNet authors: ResNet-50 24.7 / 7.8
    assert by_arch.top1_err_pct['vgg16'] == pytest.approx(28.408)
    assert by_arch.top5_err_pct['vgg16'] == pytest.approx(9.618)
    assert by_arch.top1_err_pct['resnet50_v1'] == 24.7
    assert by_arch.macs['vgg16'] == 15_470_264_320


def test_nothing_published_passes_for_measured(table):
    assert not (table.source == 'measured').any()
    assert 'source' in [column.name for column in shown_columns(summarise(table))]


def test_the_protocol_has_a_column_of_its_own(table):
    shown = {column.name: column.header for column in shown_columns(summarise(table))}
    assert shown['protocol'] == 'Protocol'
    by_arch = table.set_index('arch')
    assert by_arch.protocol['resnet50'] == 'single centre crop 224 from resize 256 (bilinear)'
    assert by_arch.notes['resnet50'] == 'stride in the 3x3 (v1.5)'


def test_a_protocol_of_several_crops_is_told_apart(rows, monkeypatch):
    other = rows[rows.arch == 'resnet50_v1'].assign(protocol='10 crops of 224', top1_err_pct=22.85)
    monkeypatch.setattr(published, 'rows', lambda: pd.concat([rows, other]))
    summary = summarise(published.table())
    chart = spec.published_accuracy_vs_macs(summary)
    points = {point.label: point.y for point in chart.points}
    assert points['resnet50_v1'] == pytest.approx(75.3)
    assert points['resnet50_v1, 10 crops of 224'] == pytest.approx(77.15)
    assert 'protocols as named' in chart.subtitle
    assert 'single crop' in spec.published_accuracy_vs_macs(summary[summary.protocol.str.contains('single')]).subtitle


def test_the_chart_shows_accuracy(table):
    chart = spec.published_accuracy_vs_macs(summarise(table))
    points = {point.label: point for point in chart.points}
    assert points['vgg16'].y == pytest.approx(71.592)
    assert not points['vgg19'].on_front
    assert not points['alexnet_owt'].on_front  # squeezenet1_1 costs less and is as good
    assert points['mobilenet_v3_small'].on_front


def test_a_wide_range_of_costs_gets_a_log_axis(table):
    of_2016 = table[table.arch.isin(['alexnet', 'googlenet', 'vgg16', 'resnet50', 'resnet101', 'inception_v3'])]
    assert not spec.published_accuracy_vs_macs(summarise(of_2016)).log_x
    assert spec.published_accuracy_vs_macs(summarise(table)).log_x


def test_another_size_is_counted_at_that_size(monkeypatch):
    # torchvision tests it at 224, whatever size is native here
    arch = registry.get('resnet18')
    monkeypatch.setitem(registry.ARCHS, 'resnet18', dataclasses.replace(arch, size=448))
    (macs,) = published.table().query('arch == "resnet18"').macs
    assert macs == 1_814_073_344


def test_rows_of_networks_to_come_are_skipped(monkeypatch):
    monkeypatch.delitem(registry.ARCHS, 'xception')
    assert 'xception' not in set(published.table().arch)
