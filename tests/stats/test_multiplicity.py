import numpy as np
import pytest

from cnn_bench.stats import holm


def test_holm_by_hand():
    # smallest first: 3 x 0.01 = 0.03, 2 x 0.02 = 0.04, 1 x 0.03 = 0.03 but no less than the one before
    assert holm([0.02, 0.03, 0.01]) == pytest.approx([0.04, 0.04, 0.03])


def test_holm_against_statsmodels():
    # statsmodels 0.15.0: multipletests(p, method='holm')[1]
    p_values = [0.01, 0.04, 0.03, 0.005, 0.2, 0.005, 0.9]
    assert holm(p_values) == pytest.approx([0.05, 0.12, 0.12, 0.035, 0.4, 0.035, 0.9])


def test_never_above_one():
    assert holm([0.6, 0.9]).tolist() == [1, 1]


def test_a_nan_is_no_comparison():
    p_values = [0.02, np.nan, 0.03, 0.01, np.nan]
    assert np.array_equal(holm(p_values)[[0, 2, 3]], holm([0.02, 0.03, 0.01]))
    assert np.isnan(holm(p_values)[[1, 4]]).all()


def test_what_is_given_stays_as_it_was():
    p_values = np.array([0.3, 0.1])
    holm(p_values)
    assert p_values.tolist() == [0.3, 0.1]


def test_nothing_and_no_probability():
    assert holm([]).tolist() == []
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match='between 0 and 1'):
            holm([0.5, wrong])
