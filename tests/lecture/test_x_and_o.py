import numpy as np
import pytest

from cnn_bench.lecture import x_and_o

# Typed from the slides; the computed numbers worked out by hand.
MISPRINTS = {
    ('response', 'X filter', 0, 0, 0.39): 3 / 9,
    ('response', 'X filter', 6, 0, 0.39): 3 / 9,
    ('response', 'X filter', 6, 4, 0.33): 1 / 9,
    ('votes', '/ filter', 0, 1, 0.55): 1.0,
    ('votes', '/ filter', 1, 0, 0.55): 1.0,
}


def test_the_x_is_two_diagonals_of_seven():
    expected = -np.ones((9, 9))
    for i in range(1, 8):
        expected[i, i] = expected[i, 8 - i] = 1
    np.testing.assert_array_equal(x_and_o.X, expected)
    assert x_and_o.O.shape == (9, 9)


def test_responses_are_means_of_nine_products():
    responses = x_and_o.responses()
    for channel, kernel in enumerate(x_and_o.FILTERS.values()):
        for row, column in np.ndindex(7, 7):
            mean = (x_and_o.X[row : row + 3, column : column + 3] * kernel).mean()
            assert responses[row, column, channel] == pytest.approx(mean, abs=1e-12)


def test_pooled_maps_are_maxima_of_what_the_windows_hold():
    stages = x_and_o.stages()
    for before, after in (('relu', 'pooled'), ('pooled', 'pooled twice')):
        for row, column, channel in np.ndindex(*stages[after].shape):
            window = stages[before][2 * row : 2 * row + 2, 2 * column : 2 * column + 2, channel]
            assert stages[after][row, column, channel] == pytest.approx(window.max(), abs=1e-12)
    assert [stages[name].shape for name in ('relu', 'pooled', 'pooled twice')] == [(7, 7, 3), (4, 4, 3), (2, 2, 3)]
    assert stages['relu'].min() == 0


def test_all_but_the_known_misprints_are_as_printed():
    found = {(m.stage, m.filter, m.row, m.column, m.printed): m.computed for m in x_and_o.misprints()}
    assert found == pytest.approx(MISPRINTS)
    table = x_and_o.comparison()
    assert table.numbers.sum() == 4 * 49 + 3 * (16 + 4)
    assert table['neither'].sum() == 3
    assert (table['truncated'] + table['neither'] == table.numbers).all()


def test_digits_are_cut_off_towards_zero():
    np.testing.assert_allclose(
        x_and_o.truncate(np.array([7, 5, 1, -5, -7, 9, 0]) / 9), [0.77, 0.55, 0.11, -0.55, -0.77, 1, 0]
    )


def test_the_printed_votes_are_read_from_the_printed_maps():
    for name, votes in x_and_o.PRINTED_VOTES.items():
        agrees = votes == tuple(x_and_o.PRINTED['pooled twice', name].ravel())
        assert agrees == (name != '/ filter')


@pytest.mark.parametrize('weights', [x_and_o.smallest_weights, x_and_o.equal_weights])
def test_either_set_of_weights_gives_the_printed_scores(weights):
    weights = weights()
    logits = x_and_o.votes() @ weights
    shares = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(shares, [0.9, 0.1], atol=1e-6)
    assert x_and_o.scores(weights) == pytest.approx({'X': 0.9, 'O': 0.1}, abs=1e-6)


def test_no_weights_that_fit_are_smaller_than_the_smallest():
    assert (x_and_o.smallest_weights() ** 2).sum() < (x_and_o.equal_weights() ** 2).sum()


def test_the_two_sets_of_weights_disagree_about_an_o():
    table = x_and_o.score_table()
    assert table.shape == (4, 2)
    first, second = table.loc['an O', 'score of X']
    assert abs(first - second) > 0.02
    assert min(first, second) > 0.5
