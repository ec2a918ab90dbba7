"""Coverage of intervals and error rates of decisions, over many simulated benchmarks with known truth."""

from collections.abc import Callable

import numpy as np
import pytest

from cnn_bench.stats import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    bootstrap_difference,
    bootstrap_mean,
    decide,
    mean_ci,
    paired_difference,
)

SEEDS = 5


def t_over_seeds(rng) -> bool:
    mean, half_width = mean_ci(rng.normal(7, 0.3, SEEDS))
    return abs(mean - 7) <= half_width


def paired_over_seeds(rng) -> bool:
    shared = rng.normal(7, 2, SEEDS)
    one, other = shared + rng.normal(0, 0.2, SEEDS), shared + rng.normal(0.4, 0.2, SEEDS)
    found = paired_difference(one, other)
    return found.low <= 0.4 <= found.high


def mean_over_images(rng) -> bool:
    _, low, high = bootstrap_mean(rng.random(10_000) < 0.07, resamples=1000)
    return low <= 0.07 <= high


def difference_over_images(rng) -> bool:
    """Both right on 90 %, only the one on 2 %, only the other on 4 %: 2 points less error."""
    kind = rng.random(10_000)
    found = bootstrap_difference(kind < 0.92, (kind < 0.9) | (kind > 0.96), resamples=1000)
    return found.low <= -2 <= found.high


def share(event: Callable[..., bool], repeats: int) -> float:
    rng = np.random.default_rng(2024)
    return float(np.mean([event(rng) for _ in range(repeats)]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ('covers', 'repeats', 'least', 'most'),
    [  # four standard errors about 95 %
        (t_over_seeds, 8000, 0.940, 0.960),
        (paired_over_seeds, 4000, 0.936, 0.964),
        (mean_over_images, 3000, 0.930, 0.966),
        (difference_over_images, 3000, 0.930, 0.966),
    ],
)
def test_intervals_hold_the_truth(covers, repeats, least, most):
    assert least < share(covers, repeats) < most


@pytest.mark.slow
def test_wrong_decisions_in_a_family():
    """Six hypotheses with a true difference of just `by`: about 5 in 100 such families get any decision."""

    def any_decided(rng) -> bool:
        families = rng.normal(0.2, 0.4, (6, SEEDS))
        return any(decide(one, by=0.2, comparisons=6, most_seeds=2).state != UNDECIDED for one in families)

    assert 0.031 < share(any_decided, 1600) < 0.071  # 4.9 %, and four standard errors of 0.5; 26 % if unadjusted


@pytest.mark.slow
@pytest.mark.parametrize(('effect', 'comparisons'), [(1.0, 1), (-1.5, 6)])
def test_seeds_needed_give_the_power(effect, comparisons):
    sample = effect + np.array([-1, 0, 1])  # standard deviation 1
    needed = decide(sample, comparisons=comparisons).seeds_needed
    wanted = SUPPORTED if effect > 0 else CONTRADICTED

    def decided(rng, seeds: int) -> bool:
        return decide(rng.normal(effect, 1, seeds), comparisons=comparisons, most_seeds=2).state == wanted

    # a standard error is 0.7 %; one seed more adds some 5 to 7 %
    assert 0.79 < share(lambda rng: decided(rng, needed), 3000) < 0.87
    assert share(lambda rng: decided(rng, needed - 1), 3000) < 0.79
