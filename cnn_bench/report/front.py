"""How far the networks have come together, in words: who is on the front, and the area that it dominates."""

import math

import pandas as pd

from cnn_bench import stats
from cnn_bench.report.figures import human


def in_words(summary: pd.DataFrame) -> str:
    """The front of error against multiply-adds of a summary by `tables.summarise`, and its hypervolume.

    The reference point is the dearest network's cost and the greatest error here; the interval is over seeds, where
    some network has several. Empty for a single network.
    """
    if len(summary) < 2:
        return ''
    cost, error = summary.macs, summary.top1_err_pct
    reference = float(cost.max()), float(error.max())
    on = ', '.join(summary.label[summary.front])
    errors = summary.top1_se_pct.fillna(0.0)
    value, low, high = stats.hypervolume_interval(cost, error, errors, *reference)
    several = summary.top1_se_pct.notna().any() and math.isfinite(low)
    interval = (
        f' (95 % interval {low:.2f} to {high:.2f} over seeds, which allows for the luck of the best)'
        if several
        else ' (one seed each: no interval)'
    )
    return (
        f'On the front of error against multiply-adds: {on}. It dominates {value:.2f} points × factors of ten'
        f'{interval}, up to {human(reference[0])} multiply-adds and {reference[1]:.2f} % error, the most of each here; '
        'only areas up to the same point can be compared.'
    )
