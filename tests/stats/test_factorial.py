import numpy as np
import pytest

from cnn_bench import stats


def share(found):
    return [found.first.value, found.second.value, found.interaction.value, found.seeds.value]


def test_shares_by_hand():
    # rows 0 and 10, columns +0 and +4: effects of 5 and of 2 to each side, 2 x 2 cells
    found = stats.variance_shares([[[0], [4]], [[10], [14]]])
    assert share(found) == pytest.approx([100 / 116, 16 / 116, 0, 0])
    # and 1 more to each side in the cells on the diagonal
    found = stats.variance_shares([[[1], [3]], [[9], [15]]])
    assert share(found) == pytest.approx([100 / 120, 16 / 120, 4 / 120, 0])
    assert np.isnan(found.first.low)


def test_seeds_have_the_rest():
    found = stats.variance_shares([[[-1, 1], [-1, 1]], [[9, 11], [9, 11]]])
    assert share(found) == pytest.approx([200 / 208, 0, 0, 8 / 208])


def test_the_interval_covers_the_share_that_is_there():
    # variances 9, 4 and 1 of the effects, and 0.25 of seeds
    effects = 3 * np.array([[-1, -1], [1, 1]]) + 2 * np.array([[-1, 1], [-1, 1]]) + np.array([[1, -1], [-1, 1]])
    truth, covered = 9 / 14.25, 0
    for repeat in range(100):
        noise = np.random.default_rng(repeat).normal(0, 0.5, (2, 2, 8))
        found = stats.variance_shares(effects[:, :, None] + noise, resamples=200).first
        assert found.low < found.value < found.high
        covered += found.low <= truth <= found.high
    assert covered >= 80


def test_nothing_to_share():
    assert np.isnan(share(stats.variance_shares(np.ones((2, 3, 4))))).all()


@pytest.mark.parametrize(
    'values', [np.ones((2, 2)), np.ones((1, 2, 3)), np.ones((2, 2, 0)), np.full((2, 2, 1), np.nan)]
)
def test_what_is_no_table_of_two_factors(values):
    with pytest.raises(ValueError, match='two levels'):
        stats.variance_shares(values)
