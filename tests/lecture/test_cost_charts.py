import pytest
from test_block_pictures import assert_readable, texts

from cnn_bench.lecture import cost_charts, cost_tables


def widths(axes):
    return [bar.get_width() for bar in axes.patches]


def tower(count):
    """As many rows with the long names and large numbers of a deep network."""
    return [
        cost_tables.Row(
            f'stage{i // 20}/block{i}/shortcut', (224 >> i // 20, 224 >> i // 20, 1024), 10**8, 10**10, 99 << 20
        )
        for i in range(count)
    ]


@pytest.mark.parametrize('rows', [tower(1), tower(5), tower(31), tower(cost_tables.MOST_ROWS)], ids=len)
def test_every_row_can_be_read(rows):
    figure = cost_charts.layers(rows, 'tower')
    assert_readable(figure)
    width, height = figure.get_size_inches()
    assert width < 11
    assert height < 12


@pytest.mark.parametrize('name', ['lenet5', 'googlenet'])
def test_every_layer_can_be_read(name):
    assert_readable(cost_charts.network(name))


def test_bars_are_the_counts_from_the_top_down():
    rows = [cost_tables.Row('conv', (8, 8, 4), 10, 640, 1024), cost_tables.Row('pool', (4, 4, 4), 0, 0, 256)]
    rows.append(cost_tables.Row('fc', (10,), 650, 640, 40))
    figure = cost_charts.layers(rows, 'small')
    maps, macs, params, activations = figure.axes
    assert widths(maps) == [8, 4, 1]
    assert widths(macs) == [640, 0, 640]
    assert widths(params) == [10, 0, 650]
    assert widths(activations) == [1024, 256, 40]
    assert [label.get_text() for label in maps.get_yticklabels()] == ['conv', 'pool', 'fc']
    assert [text.get_text() for text in maps.texts] == ['8×8×4', '4×4×4', '10']
    assert [text.get_text() for text in macs.texts] == ['640', '640']
    assert maps.yaxis_inverted()
    assert {'1.28 k', '660', '1.29 KiB'} <= {text.get_text() for text in texts(figure)}


def test_size_and_fields_are_those_of_the_network():
    figure = cost_charts.network('resnet18', size=32, stem='small', num_classes=10, depth=1)
    shown = [text.get_text() for text in texts(figure)]
    assert 'resnet18 on 32×32×3' in shown
    assert '4×4×512' in shown


@pytest.mark.parametrize('comparison', [cost_tables.inception, cost_tables.residual, cost_tables.separable])
@pytest.mark.parametrize('column', ['macs', 'params'])
def test_forms_are_bars_of_their_parts(comparison, column):
    table = comparison()
    figure = cost_charts.forms(table, 'forms', column)
    assert_readable(figure)
    assert widths(figure.axes[0]) == list(table[column])
    ends = {bar.get_y(): bar.get_x() + bar.get_width() for bar in figure.axes[0].patches}
    assert sorted(ends.values()) == sorted(table.groupby('form')[column].sum())


@pytest.mark.parametrize(
    ('number', 'text'), [(40, '40 B'), (1536, '1.5 KiB'), (12_000_000, '11.4 MiB'), (2**30, '1 GiB')]
)
def test_bytes_have_binary_units(number, text):
    assert cost_charts.in_bytes(number) == text
