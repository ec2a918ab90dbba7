import pytest

from cnn_bench.format import compared, human, interval, signed, three_digits


@pytest.mark.parametrize(
    ('value', 'text'),
    [(1.234, '+1.23'), (-0.5, '−0.50'), (0.0123, '+0.012'), (12345.6, '+12,346'), (0.0, '0'), (-120.0, '−120.00')],
)
def test_numbers_in_words(value, text):
    assert signed(value) == text


@pytest.mark.parametrize(
    ('count', 'text'),
    [(15_470_264_320, '15.5 G'), (1e9, '1 G'), (999_999_999, '1 G'), (61_706, '61.7 k'), (500, '500'), (0, '0')],
)
def test_counts_for_humans(count, text):
    assert human(count) == text


def test_p_values_intervals_and_digits():
    assert compared(0.0123) == '= 0.012'
    assert compared(1e-9) == '< 0.001'
    assert interval(-1.5, 0.25) == '−1.50 to +0.25'
    assert interval(float('nan'), float('nan')) == ''
    assert (three_digits(12.345), three_digits(12345.6)) == ('12.3', '12,346')
