import pytest

from cnn_bench.complexity import model_cost
from cnn_bench.lecture import cost_tables
from cnn_bench.models import registry

# Szegedy et al. 2014, table 1: output sizes.
GOOGLENET = {
    'conv1': (112, 112, 64),
    'conv2': (56, 56, 192),
    'inception_3a': (28, 28, 256),
    'inception_3b': (28, 28, 480),
    'inception_4e': (14, 14, 832),
    'inception_5b': (7, 7, 1024),
    'head': (1000,),
}
COLUMNS = ('params', 'macs', 'activation_bytes')


def rows_of(name, **fields):
    arch = registry.get(name)
    return cost_tables.layer_rows(registry.build(name), arch.input_shape, **fields)


def test_the_overview_has_the_facts_of_the_registry():
    table = cost_tables.overview(['lenet5', 'vgg11'])
    assert list(table['parameters (M)'] * 1e6) == pytest.approx([61_706, 132_863_336])
    assert list(table['MACs (M)'] * 1e6) == pytest.approx([416_520, 7_609_090_048])
    assert list(table['convolutions and dense layers']) == [5, 11]
    in_dense = 25_088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    assert table.loc['vgg11', 'parameters in dense layers (%)'] == pytest.approx(100 * in_dense / 132_863_336)
    assert table.loc['lenet5', 'weights (MiB)'] == pytest.approx(4 * 61_706 / 2**20)


@pytest.mark.parametrize(
    ('name', 'fields'), [('lenet5', {}), ('googlenet', {}), ('resnet18', {}), ('resnet18', {'depth': 1})]
)
def test_rows_add_up_to_the_network(name, fields):
    cost = model_cost(registry.build(name), registry.get(name).input_shape)
    rows = rows_of(name, **fields)
    for column in COLUMNS:
        assert sum(getattr(row, column) for row in rows) == getattr(cost, column)


def test_a_row_of_several_layers_has_the_shape_of_its_last_map():
    shapes = {row.name: row.shape for row in rows_of('googlenet')}
    assert {name: shapes[name] for name in GOOGLENET} == GOOGLENET


def test_rows_are_taken_together_until_they_are_few_enough():
    names = [row.name for row in rows_of('resnet18')]
    assert len(names) == 22
    assert names[:3] == ['stem', 'pool', 'stage2/block1/conv1']
    blocks = [row.name for row in rows_of('resnet18', most=12)]
    assert blocks == ['stem', 'pool', *(f'stage{s}/block{b}' for s in range(2, 6) for b in (1, 2)), 'head/fc']
    stages = ['stem', 'pool', 'stage2', 'stage3', 'stage4', 'stage5', 'head']
    assert [row.name for row in rows_of('resnet18', most=3)] == stages
    assert [row.name for row in rows_of('resnet18', depth=1)] == stages


def test_receptive_fields_of_last_maps():
    table = cost_tables.receptive_fields(['lenet5', 'vgg16'])
    assert list(table['field (pixels)']) == [32, 212]  # by hand: 5, 6, 14, 16, 32; VGG-16 up to its last pool
    assert list(table['distance (pixels)']) == [4, 32]
    assert list(table['last map (pixels)']) == [1, 7]


def test_a_pool_inside_a_block_is_a_row_of_its_own():
    rows = cost_tables.layer_rows(registry.build('xception', middle=1, stem='small'), (32, 32, 3))
    pools = [(row.name, row.shape, row.params, row.macs) for row in rows if 'pool' in row.name]
    assert pools == [
        ('block3/pool', (16, 16, 256), 0, 0),
        ('block4/pool', (8, 8, 728), 0, 0),
        ('block6/pool', (4, 4, 1024), 0, 0),
    ]


def test_one_convolution_is_counted_as_by_hand():
    table = cost_tables.one_convolution()
    assert table.counted['multiply-adds'] == 225_000_000
    assert table.counted['bits of the output'] == 96_000_000
    assert table.counted['bytes for 100 images'] == 1_200_000_000
    assert (table.counted == table['by hand']).all()
    assert table.MiB['bytes of the output'] == pytest.approx(11.444, abs=1e-3)
    assert (
        cost_tables.one_convolution((9, 7, 4), 3, 5, 2).counted
        == cost_tables.one_convolution((9, 7, 4), 3, 5, 2)['by hand']
    ).all()


def test_the_inception_modules_row_by_row():
    wide = cost_tables.side_by_side(cost_tables.inception())
    assert list(wide.loc['sum']) == [854_196_224, 271_351_808]
    assert list(wide.loc['3×3']) == [28 * 28 * 192 * 9 * 256, 28 * 28 * 192 * 9 * 64]
    assert list(wide.loc['5×5']) == [28 * 28 * 96 * 25 * 256, 28 * 28 * 96 * 25 * 64]
    assert wide.naive.isna().sum() == 3
    assert (wide.reduced.drop('sum').filter(like='1×1 ') == 28 * 28 * 64 * 256).all()


def test_the_bottleneck_costs_about_a_basic_block_on_a_quarter_of_the_channels():
    sums = cost_tables.residual().groupby('form').params.sum()
    assert sums['basic, 256 channels'] == 2 * 9 * 256**2
    assert sums['bottleneck, 256 channels'] == 2 * 256 * 64 + 9 * 64**2
    assert sums['basic, 64 channels'] == 2 * 9 * 64**2
    macs = cost_tables.residual(side=7).groupby('form').macs.sum()
    assert (macs == 49 * sums).all()


@pytest.mark.parametrize('kernel', [3, 5])
def test_separating_saves_what_the_formula_says(kernel):
    sums = cost_tables.separable(kernel, (14, 14, 32)).groupby('form').macs.sum()
    assert sums['plain'] == 14 * 14 * 32 * 32 * kernel**2
    assert sums['separable'] / sums['plain'] == pytest.approx(1 / 32 + 1 / kernel**2)
