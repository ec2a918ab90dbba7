"""Successive halving, against rungs and survivors worked out by hand."""

import pytest

from cnn_bench.sweep import halving


@pytest.mark.parametrize(
    ('total', 'every', 'count', 'rungs'),
    [
        (80, 10, 8, [10, 20, 40, 80]),
        (80, 10, 16, [10, 20, 40, 80]),  # 5 is put off to the first evaluation
        (60, 20, 8, [20, 40, 60]),  # 7.5 and 15 to 20, 30 to 40
        (100, 30, 4, [30, 60, 100]),
        (50, 50, 8, [50]),
        (50, 10, 1, [50]),
    ],
)
def test_rungs_double_and_are_evaluations(total, every, count, rungs):
    assert halving.rungs(total, every, count) == rungs


def test_the_better_half_goes_on():
    assert halving.survivors({0: 30.0, 1: 20.0, 2: None, 3: 20.0, 4: 10.0}) == [1, 3, 4]
    assert halving.survivors({0: 20.0, 1: 20.0}) == [0]
    assert halving.survivors({0: None, 1: None, 2: 5.0}) == [2]
    assert halving.survivors({0: None}) == []


def test_what_each_trial_trains():
    assert halving.fractions(80, 10, 8) == [1, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
