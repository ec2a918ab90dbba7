"""The median of a latency, and the interval in which the median of another run of the whole command is expected.

Calls of one round resemble each other more than those of another, and rounds of one process more than those of another
process: memory lies elsewhere, the machine is warmer. So the interval is not made from calls. With y the logarithm of
the median of a round,

    y = log(latency) + (effect of the process) + (effect of the round),

the mean over rounds has the variance V = b / P + w / R for P processes with R rounds together. w is the variance of
rounds within the processes of this very row. b is the variance of processes: two give no estimate of it that is of
use, so it is estimated from all rows of one contestant that were measured together, by the analysis of variance. The
median of another run has the variance V as well, so that both differ by less than t sqrt(2 V) with probability 95 %.
t is Student's with the degrees of freedom of V by Satterthwaite's formula. The interval is the median divided by, and
multiplied with, exp(t sqrt(2 V)).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95

Rounds = Sequence[Sequence[float]]  # by process: logarithms of the medians of its rounds


class Variance(NamedTuple):
    """An estimated variance and its degrees of freedom."""

    value: float
    freedom: float


def within(rounds: Rounds) -> Variance:
    """The variance of rounds within processes; 0 with 0 degrees of freedom where each process has one round."""
    freedom = sum(len(each) - 1 for each in rounds)
    squares = sum(float(np.square(np.asarray(each) - np.mean(each)).sum()) for each in rounds)
    return Variance(squares / freedom if freedom else 0.0, freedom)


def between(rows: Iterable[Rounds]) -> Variance:
    """The variance of processes, from all `rows` with at least two of them; no less than 0."""
    estimates, freedom = [], 0
    for rounds in rows:
        if len(rounds) > 1:
            means = [float(np.mean(each)) for each in rounds]
            expected = within(rounds).value * float(np.mean([1 / len(each) for each in rounds]))
            estimates += [float(np.var(means, ddof=1)) - expected] * (len(rounds) - 1)
            freedom += len(rounds) - 1
    return Variance(max(float(np.mean(estimates)), 0.0) if estimates else 0.0, freedom)


def factor(rounds: Rounds, processes: Variance, level: float = LEVEL) -> float | None:
    """By what a median is divided and multiplied to give its interval; None where there is one round, or none."""
    count = sum(map(len, rounds))
    if count < 2:
        return None
    own = within(rounds)
    parts = [
        Variance(processes.value / len(rounds), processes.freedom),
        Variance(own.value / count, own.freedom),
    ]
    variance = sum(part.value for part in parts)
    if variance == 0:
        return 1.0
    known = sum(part.value**2 / part.freedom for part in parts if part.value)
    t = stats.t.ppf((1 + level) / 2, variance**2 / known)
    return float(np.exp(t * np.sqrt(2 * variance)))


def spread(durations: Sequence[float]) -> float:
    """Of the calls of a round, as a share of their median: the 90th less the 10th percentile."""
    low, middle, high = np.percentile(durations, [10, 50, 90])
    return float((high - low) / middle)
