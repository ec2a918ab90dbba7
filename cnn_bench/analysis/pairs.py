"""Every two networks of a report compared: differences of their errors over paired seeds, and McNemar's test."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.analysis.verdicts import OVER_IMAGES, OVER_SEEDS
from cnn_bench.runs import collapse
from cnn_bench.runs.predictions import Predictions

MOST = 40  # networks: 780 pairs, computed in seconds


def compare(
    table: pd.DataFrame,
    names: Mapping[str, str],
    predictions: Mapping[str, Predictions],
    errors: Sequence[str],
) -> dict[str, dict]:
    """'one\\nother' (labels, in alphabetical order) -> how they differ; empty where there are more than MOST networks.

    `errors` has by column [mean, low, high, n, over]: other minus one, in points, with a 95 % interval for this pair
    alone over n paired seeds, or of two single runs over the n test images; None where unknown. `mcnemar` has [seed,
    images that only one got right, only the other, p] of each seed with the predictions of both. Collapsed seeds are
    left out as in means. `names`: run -> label.
    """
    runs = table[table.run.isin(names) & ~collapse.left_out_of_means(table)]
    runs = runs.assign(label=runs.run.map(names))
    labels = sorted(set(runs.label))
    if not 1 < len(labels) <= MOST:
        return {}
    values = {name: runs.pivot_table(name, 'seed', 'label', 'mean') for name in errors if runs[name].notna().any()}
    kept = {
        (row.label, row.seed): predictions[row.run]
        for row in runs[~runs.duplicated(['label', 'seed'], keep=False)].itertuples()
        if row.run in predictions
    }
    return {'\n'.join(pair): _compared(*pair, values, kept) for pair in itertools.combinations(labels, 2)}


def _compared(one: str, other: str, values: Mapping[str, pd.DataFrame], kept: Mapping[tuple, Predictions]) -> dict:
    right = {
        seed: (kept[label, seed].right, kept[other, seed].right)
        for label, seed in kept
        if label == one and (other, seed) in kept and np.array_equal(kept[one, seed].label, kept[other, seed].label)
    }
    found = {}
    for name, table in values.items():
        if one not in table or other not in table:
            continue
        both = table[[one, other]].dropna()
        difference, over = stats.paired_difference(both[one], both[other]), OVER_SEEDS
        if name == 'top1_err_pct' and len(both) == 1 and both.index[0] in right:
            difference, over = stats.bootstrap_difference(*right[both.index[0]]), OVER_IMAGES
        if len(both):
            ends = [None if np.isnan(end) else round(end, 6) for end in (difference.low, difference.high)]
            found[name] = [round(difference.mean, 6), *ends, difference.n, over]
    tests = [(seed, stats.mcnemar(*runs)) for seed, runs in right.items()]
    mcnemar = [[int(seed), test.only_one_right, test.only_other_right, test.p] for seed, test in tests]
    return {'errors': found, 'mcnemar': mcnemar}
