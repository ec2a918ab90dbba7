"""Ratios against other frameworks, beside figures that were computed by hand."""

import pandas as pd
import pytest

from cnn_bench.measure import torch_ratios


def row(arch='resnet18', framework='cnn_bench', ms=10.0, low=None, high=None, **other):
    """A row of `measure` without the columns that do not matter here."""
    facts = {'size': 224, 'width': 1.0, 'batch': 1, 'dtype': 'float32', 'mode': 'inference', 'params': 5}
    where = {'platform': 'cpu', 'device': 'A processor', 'threads': 2, 'status': 'ok', 'noisy': False}
    figures = {'latency_ms_p50': ms, 'latency_ms_low': low, 'latency_ms_high': high}
    return {'arch': arch, 'framework': framework, **facts, **where, **figures, 'versions': {'jax': '9.9'}, **other}


def only(rows, framework='torch'):
    """The one ratio of rows."""
    ((_, found),) = torch_ratios.ratios(rows).items()
    return found[framework]


def test_a_ratio_is_their_time_over_ours():
    rows = [row(ms=10.0), row(framework='torch', ms=15.0), row(framework='torch-compile', ms=5.0)]
    assert only(rows) == (1.5, 1.5, 1.5, False, 1)
    assert only(rows, 'torch-compile').value == 0.5


def test_its_interval_combines_both_on_the_scale_of_logarithms():
    rows = [row(ms=10.0, low=8.0, high=12.5), row(framework='torch', ms=20.0, low=16.0, high=25.0)]
    one = only(rows)  # all four half-widths are a factor of 1.25, so both sides are 1.25^sqrt(2)
    assert one.value == 2
    assert one.low == pytest.approx(2 / 1.25**2**0.5)
    assert one.high == pytest.approx(2 * 1.25**2**0.5)


def test_each_side_of_it_comes_from_the_ends_that_lead_there():
    ours, theirs = row(ms=10.0, low=10.0, high=12.0), row(framework='torch', ms=20.0, low=20.0, high=30.0)
    one = only([ours, theirs])
    assert (one.low, one.high) == (pytest.approx(2 / 1.2), pytest.approx(3))


def test_geometric_means_by_batch_and_over_all():
    ours = [row(arch, batch=batch) for arch in 'ab' for batch in (1, 16)]
    theirs = [
        row(arch, 'torch', ms, batch=batch)
        for arch, batch, ms in (('a', 1, 20), ('b', 1, 5), ('a', 16, 5), ('b', 16, 40))
    ]
    means = torch_ratios.means([*ours, *theirs])
    found = {group: (by['torch'].value, by['torch'].count) for group, by in means.items()}
    assert found == {
        ('inference', 'float32', 1): (pytest.approx(1.0), 2),  # 2 and 1/2
        ('inference', 'float32', 16): (pytest.approx(2**0.5), 2),  # 1/2 and 4
        ('inference', 'float32', None): (pytest.approx(2**0.25), 4),
    }
    assert list(found)[-1][-1] is None


def test_the_interval_of_a_mean_shrinks_with_the_number_of_ratios():
    ones = [torch_ratios.Ratio(1.0, 1 / 1.1, 1.1)] * 4
    mean = torch_ratios.geometric_mean(ones)
    assert (mean.low, mean.high) == (pytest.approx(1.1**-0.5), pytest.approx(1.1**0.5))  # sqrt(4) / 4 of a factor
    with pytest.raises(ValueError, match='no ratio'):
        torch_ratios.geometric_mean([])


@pytest.mark.parametrize('column', ['batch', 'dtype', 'mode', 'size', 'width', 'device', 'threads'])
def test_only_rows_of_one_case_are_compared(column):
    assert torch_ratios.ratios([row(), row(framework='torch', **{column: 'other'})]) == {}


@pytest.mark.parametrize(
    ('other', 'said'),
    [
        ({'status': 'unsupported', 'ms': None}, 'unsupported'),
        ({'status': 'out_of_memory', 'ms': None}, 'out of memory'),
        ({'params': 6}, '6 parameters'),
    ],
)
def test_what_cannot_be_compared_says_why_and_counts_in_no_mean(other, said):
    rows = [row(), row(framework='torch', **other), row(framework='torch-compile', ms=30.0)]
    assert set(next(iter(torch_ratios.ratios(rows).values()))) == {'torch-compile'}
    line = next(line for line in torch_ratios.table(rows).splitlines() if line.startswith('| resnet18'))
    cells = [cell.strip() for cell in line.split('|')[1:-1]]
    assert cells[6] == said
    assert cells[7:] == ['30', '3.00 (3.00 to 3.00)']


def test_a_data_frame_gives_the_same_as_its_rows():
    rows = [
        row(),
        row(framework='torch', ms=20.0, low=19.0, high=21.0),
        row('b'),
        row('b', 'torch', None, status='failed'),
    ]
    frame = pd.DataFrame(rows)
    assert torch_ratios.ratios(frame) == torch_ratios.ratios(rows)
    assert torch_ratios.table(frame) == torch_ratios.table(rows)


def test_the_table():
    rows = [
        row(ms=10.0, low=8.0, high=12.5),
        row(framework='torch', ms=20.0, low=16.0, high=25.0, versions={'torch': '8.8'}, noisy=True),
        row('vgg11', ms=100.0, width=0.5, versions={'jax': '9.9', 'torch': '8.8'}),
        row('vgg11', 'torch', ms=50.0, width=0.5),
    ]
    text = torch_ratios.table(rows)
    # 1.25^sqrt(2) = 1.371; the mean's half-width is half of that on the scale of logarithms: a factor of 1.171.
    assert '| resnet18 | inference | 1 | float32 | 10 | 20 | 2.00 (1.46 to 2.74) * |' in text
    assert '| vgg11 x0.5 | inference | 1 | float32 | 100 | 50 | 0.50 (0.50 to 0.50) |' in text
    assert '| inference | all | float32 | 1.00 (0.85 to 1.17) * | 2 |' in text
    assert text.endswith('\n\nA processor, 2 threads; jax 9.9, torch 8.8')
    blocks = [block.splitlines() for block in text.split('\n\n') if block.startswith('|')]
    assert [len(block) for block in blocks] == [4, 4]
    assert all(len({line.count('|') for line in block}) == 1 for block in blocks)


def test_without_a_ratio_there_is_no_table():
    assert torch_ratios.table([row()]) == ''
    assert torch_ratios.table([]) == ''
