"""The rule that decides whether a claim holds, on numbers chosen by hand."""

from fractions import Fraction

import pytest

from cnn_bench.lecture.claims import Claim, check, compare
from cnn_bench.lecture.claims.claim import parse_figure

HOLDS, ROUNDED, DIFFERS = 'holds', 'holds rounded', 'differs'


@pytest.mark.parametrize(
    ('expected', 'computed', 'verdict'),
    [
        (225, 225, HOLDS),
        (225, 226, DIFFERS),
        ('854 M', 854_000_000, HOLDS),
        ('854 M', 854_196_224, ROUNDED),
        ('854 M', 854_500_000, ROUNDED),
        ('854 M', 854_500_001, DIFFERS),
        ('854 M', 853_499_999, DIFFERS),
        ('60 M', 60_965_224, DIFFERS),
        ('1.8 G', 1_849_999_999, ROUNDED),
        ('11.4 Mi', 12_000_000, ROUNDED),
        ('11.4 M', 12_000_000, DIFFERS),
        ('1,000 k', 1_000_400, ROUNDED),
        ('0.5', 0.5, HOLDS),
        ('0.5', 0.54, ROUNDED),
        ('0.5', 0.56, DIFFERS),
        ('1.00', 0.99999994, HOLDS),  # float32 of 1 - 2^-24
        ('0', -0.4, ROUNDED),
        ('-0.11', 0.11, DIFFERS),
        ('2.00', float('nan'), DIFFERS),
        ('2.00', float('inf'), DIFFERS),
        ('< 1', 0.999, HOLDS),
        ('< 1', 1, DIFFERS),
        ('> 40 M', 44_549_160, HOLDS),
        ('> 40 M', 40_000_000, DIFFERS),
    ],
)
def test_numbers(expected, computed, verdict):
    assert compare(expected, computed) == verdict


@pytest.mark.parametrize(
    ('expected', 'computed', 'verdict'),
    [
        ('0.77', 7 / 9, ROUNDED),
        ('-0.77', -7 / 9, ROUNDED),
        ('0.77', 0.78, DIFFERS),
        ('0.77', 0.7699, DIFFERS),
        ('-0.77', 7 / 9, DIFFERS),
        ('1.00', 0.99999994, HOLDS),
        ('0', 0.0, HOLDS),
        ('0', -0.5, ROUNDED),
    ],
)
def test_sources_that_truncate(expected, computed, verdict):
    assert compare(expected, computed, truncated=True) == verdict


def test_a_truncated_figure_is_not_a_rounded_one():
    assert compare('0.77', 7 / 9) == DIFFERS


@pytest.mark.parametrize(
    ('expected', 'computed', 'verdict'),
    [
        ((55, 55, 96), (55, 55, 96), HOLDS),
        ((55, 55, 96), [55, 55, 96], HOLDS),
        ((55, 55, 96), (56, 55, 96), DIFFERS),
        ((55, 55), (55, 55, 96), DIFFERS),
        (((1, 2), (3, 4)), (1, 2, 3, 4), DIFFERS),
        ((1, 2), 1, DIFFERS),
        (1, (1,), DIFFERS),
        (('0.5', '0.5'), (0.5, 0.52), ROUNDED),
        (('0.5', '0.5'), (0.52, 0.5), ROUNDED),
        (('0.5', '0.5'), (0.52, 0.9), DIFFERS),
        (('0.5', '0.5'), (0.9, 0.5), DIFFERS),
        ((), (), HOLDS),
    ],
)
def test_the_worst_number_decides(expected, computed, verdict):
    assert compare(expected, computed) == verdict


def test_parsing_a_figure():
    assert parse_figure('854 M') == ('', 854 * 10**6, 10**6)
    assert parse_figure('-0.77') == ('', Fraction(-77, 100), Fraction(1, 100))
    assert parse_figure('1,388 Ki') == ('', 1388 * 1024, 1024)
    assert parse_figure('< 0.37 M') == ('<', 370_000, 10_000)


@pytest.mark.parametrize('text', ['', 'many', '3 T', '1.2.3', '12 MB', '~ 5'])
def test_not_a_figure(text):
    with pytest.raises(ValueError):
        parse_figure(text)


def _claim(expected, computed=None, **fields):
    return Claim('x', 'x', 'x', expected, recompute=(lambda: computed) if computed is not None else None, **fields)


def test_claims_that_cannot_be_recomputed():
    assert check(_claim('17', tested_by='none yet')).verdict == 'needs training'
    assert check(_claim('17')).verdict == 'published elsewhere'


def test_a_reason_is_required_for_a_difference_and_only_then():
    assert check(_claim(1, 1)).explained
    assert not check(_claim(1, 2)).explained
    assert check(_claim(1, 2, why='because')).explained
    assert not check(_claim(1, 1, why='because')).explained
