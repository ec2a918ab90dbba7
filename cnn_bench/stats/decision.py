"""Whether a hypothesis about two recipes holds, and how many seeds it would take to decide."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from cnn_bench.stats.over_seeds import ROUNDING, Difference, mean_difference

SUPPORTED, CONTRADICTED, UNDECIDED = 'supported', 'contradicted', 'undecided'
POWER = 0.8
# In standard deviations. Two seeds are enough for it in any family of comparisons; scipy's nctdtr fails far beyond it.
LARGEST_EFFECT = 1e6


@dataclass(frozen=True)
class Decision:
    """Whether the seeds support a hypothesis: SUPPORTED, CONTRADICTED or UNDECIDED, and the difference that decided.

    `difference.p` is for a true difference of exactly `by`. `seeds_needed` is a total, not a number to add.
    """

    state: str
    difference: Difference
    seeds_needed: int | None


def decide(
    differences: ArrayLike, by: float = 0.0, level: float = 0.95, comparisons: int = 1, most_seeds: int = 100
) -> Decision:
    """Decide the hypothesis "less has at least `by` less than more" from `more - less` of each seed `(n,)`.

    It is supported where the Student t interval of the mean lies wholly above `by`, contradicted where it lies wholly
    below, undecided otherwise. The interval is simultaneous over `comparisons`, as in `paired_difference`: if the true
    difference were `by` for all of them, one or more would be decided with probability 1 - level at most. Where all
    seeds have the same difference, the interval is that one point.

    `seeds_needed` is the least number of seeds, up to `most_seeds`, at which such an interval would exclude `by` on
    the observed side with probability 0.8, if the true mean and standard deviation were those observed (power of the
    t test by the noncentral t distribution). From few seeds it is a rough guide, as their standard deviation is. It is
    None with fewer than two seeds, a mean of exactly `by`, or where more than `most_seeds` are needed. Raises
    ValueError for a level outside 0 to 1 or fewer than one comparison.
    """
    differences = np.asarray(differences, dtype=float).ravel()
    difference = mean_difference(differences, level, comparisons, null=by)
    if difference.low > by + ROUNDING:
        state = SUPPORTED
    elif difference.high < by - ROUNDING:
        state = CONTRADICTED
    else:
        state = UNDECIDED
    return Decision(state, difference, _seeds_needed(differences, by, 1 - (1 - level) / comparisons, most_seeds))


def _seeds_needed(differences: np.ndarray, by: float, level: float, most_seeds: int) -> int | None:
    if differences.size < 2:
        return None
    # Of no effect, or a nan, no number of seeds has the power.
    effect = min(abs(differences.mean() - by) / max(differences.std(ddof=1), ROUNDING), LARGEST_EFFECT)
    seeds = np.arange(2, most_seeds + 1)
    critical = special.stdtrit(seeds - 1, (1 + level) / 2)
    enough = 1 - special.nctdtr(seeds - 1, effect * np.sqrt(seeds), critical) >= POWER
    return int(seeds[enough][0]) if enough.any() else None
