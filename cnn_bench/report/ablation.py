"""What the runs at hand say of hypotheses, and of each variant beside the baseline: by seed where there are several.

A difference of two runs is never called more than that: with one seed the interval is over the test images, it is
labelled so, and the hypothesis stays undecided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.report import tables
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runs.study import Hypothesis

ERROR = 'top1_err_pct'
LEVEL = 0.95
OVER_SEEDS, OVER_IMAGES = 'seeds', 'test images'
COUNTED = ('params', 'macs', 'flops', 'train_macs', 'activation_bytes')  # the same for every seed
NAMES = {
    'top1_err_pct': 'top-1 error',
    'top5_err_pct': 'top-5 error',
    'train_err_pct': 'training error',
    'test_loss': 'test loss',
    'macs': 'multiply-adds',
    'train_macs': 'multiply-adds of training',
    'params': 'parameters',
    'train_s': 'training time',
}
UNITS = (('_err_pct', 'points'), ('_pct', 'points'), ('_per_s', 'per second'), ('_ms', 'ms'), ('_s', 'seconds'))


@dataclass(frozen=True)
class Finding:
    """A hypothesis with its verdict: `state` of `stats`, `line` in words, that begins with the state."""

    hypothesis: Hypothesis
    state: str
    line: str


def judge(
    table: pd.DataFrame, hypotheses: Sequence[Hypothesis], predictions: Mapping[str, Predictions] | None = None
) -> list[Finding]:
    """What the finished runs of a tidy table say of each hypothesis, in their order.

    Decided by the differences of the seeds that both variants finished, all hypotheses together at the level of 95 %
    (Bonferroni); by the counts themselves where the column is one. `predictions` by run, as `runs.predictions` gives
    them: with one seed they tell how the two runs differ, which decides nothing.
    """
    return [_judged(table, hypothesis, len(hypotheses), predictions or {}) for hypothesis in hypotheses]


def differences(
    table: pd.DataFrame,
    baseline: str,
    predictions: Mapping[str, Predictions] | None = None,
    column: str = ERROR,
) -> pd.DataFrame:
    """`column` of each other variant minus that of the baseline, in the order of the table, a row per variant.

    Columns: label, mean, low and high (intervals that hold all together with probability 0.95), p (adjusted after
    Holm), n and over: `seeds` of which there are n, `test images` where there is one seed and `column` is the top-1
    error, or empty. Variants that share no finished seed with the baseline are left out.
    """
    others = [label for label in dict.fromkeys(tables.tidy(table).label.dropna()) if label != baseline]
    rows = []
    for label in others:
        base, own = _by_both(table, baseline, label, column)
        if len(base) > 1:
            found, over = stats.paired_difference(base, own, LEVEL, len(others)), OVER_SEEDS
        elif len(base) == 1:
            found = _over_images(table, baseline, label, column, predictions or {}, len(others))
            over = OVER_IMAGES if found else ''
            found = found or stats.paired_difference(base, own)
        else:
            continue
        rows.append({'label': label, **vars(found), 'over': over})
    made = pd.DataFrame(rows, columns=['label', 'mean', 'low', 'high', 'p', 'n', 'over'])
    for over in (OVER_SEEDS, OVER_IMAGES):
        made.loc[made.over == over, 'p'] = stats.holm(made.p[made.over == over])
    return made


def by_seed(table: pd.DataFrame, label: str, column: str) -> pd.Series:
    """Seed -> `column` of the finished runs of a variant, runs that repeat a seed averaged; without those that lack it.

    Raises ValueError where its runs are of several recipes: they are not seeds of one thing.
    """
    runs = table[(table.label == label) & (table.state == 'finished')]
    if 'recipe' in runs and runs.recipe.nunique() > 1:
        raise ValueError(f'the runs of {label} are of {runs.recipe.nunique()} different recipes')
    values = pd.to_numeric(runs[column] if column in runs else pd.Series(index=runs.index, dtype=float))
    return values.groupby(runs.seed).mean().dropna()


def _by_both(table: pd.DataFrame, one: str, other: str, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Of two variants, the values of the seeds that both have; none where one of them is a mixture."""
    try:
        both = pd.concat([by_seed(table, one, column), by_seed(table, other, column)], axis=1, join='inner')
    except ValueError:
        return np.array([]), np.array([])
    return both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()


def _judged(
    table: pd.DataFrame, hypothesis: Hypothesis, comparisons: int, predictions: Mapping[str, Predictions]
) -> Finding:
    missing = _missing(table, hypothesis)
    if missing:
        return Finding(hypothesis, stats.UNDECIDED, f'{stats.UNDECIDED}: {missing}')
    less, more = _by_both(table, hypothesis.less, hypothesis.more, hypothesis.column)
    if hypothesis.column in COUNTED:
        return _counted(hypothesis, float((more - less).mean()))
    found = stats.verdict(more - less, hypothesis.by, LEVEL, comparisons)
    if len(less) == 1:
        over = _over_images(table, hypothesis.less, hypothesis.more, hypothesis.column, predictions, comparisons)
        said = f'one seed says nothing of others. Of these two runs, {_difference(hypothesis, found.difference.mean)}'
        return Finding(hypothesis, stats.UNDECIDED, f'{stats.UNDECIDED}: {said}{_of_images(over, comparisons)}')
    n, together = found.difference.n, f', all {comparisons} claims together' if comparisons > 1 else ''
    interval = f'95 % interval {_interval(found.difference)}'
    said = _difference(hypothesis, found.difference.mean)
    if found.state == stats.UNDECIDED:
        needed = _needed(found.seeds_needed, n)
        return Finding(
            hypothesis, found.state, f'undecided with these {n} seeds: {said} ({interval}{together}); {needed}'
        )
    return Finding(hypothesis, found.state, f'{found.state}: {said} ({interval} over {n} seeds{together})')


def _missing(table: pd.DataFrame, hypothesis: Hypothesis) -> str:
    """Why there is nothing to judge by; empty where there is."""
    seeds = []
    for label in (hypothesis.less, hypothesis.more):
        if not ((table.label == label) & (table.state == 'finished')).any():
            return f'no run of {label} has finished'
        try:
            seeds.append(set(by_seed(table, label, hypothesis.column).index))
        except ValueError as error:
            return f'{error}, which no verdict may mix'
        if not seeds[-1]:
            return f'no run of {label} has a value of {hypothesis.column}'
    return '' if seeds[0] & seeds[1] else f'{hypothesis.less} and {hypothesis.more} have no finished seed in common'


def _counted(hypothesis: Hypothesis, difference: float) -> Finding:
    holds = difference >= hypothesis.by if hypothesis.by else difference > 0
    state = stats.SUPPORTED if holds else stats.CONTRADICTED
    return Finding(
        hypothesis, state, f'{state}: {_difference(hypothesis, difference)} (counted; it depends on no seed)'
    )


def _over_images(
    table: pd.DataFrame, one: str, other: str, column: str, predictions: Mapping[str, Predictions], comparisons: int
) -> stats.Difference | None:
    """other - one over the test images, of their single runs of a seed; None where that can't be told."""
    finished = table[table.state == 'finished']
    pair = finished[finished.label == one].merge(finished[finished.label == other], on='seed', suffixes=('', '_other'))
    if column != ERROR or len(pair) != 1:
        return None
    kept = [predictions.get(pair[name].item()) for name in ('run', 'run_other')]
    if None in kept or not np.array_equal(kept[0].label, kept[1].label):
        return None
    return stats.bootstrap_difference(kept[0].right, kept[1].right, 1 - (1 - LEVEL) / comparisons)


def _difference(hypothesis: Hypothesis, mean: float) -> str:
    unit = next((f'{unit} of ' for end, unit in UNITS if hypothesis.column.endswith(end)), '')
    name = NAMES.get(hypothesis.column, hypothesis.column.replace('_', ' '))
    said = f'{hypothesis.more} minus {hypothesis.less} is {signed(mean)} {unit}{name}'
    return f'{said}, {hypothesis.by:g} or more claimed' if hypothesis.by else said


def _interval(difference: stats.Difference) -> str:
    return f'{signed(difference.low)} to {signed(difference.high)}'


def _of_images(over: stats.Difference | None, comparisons: int) -> str:
    if over is None:
        return ''
    together = f', {comparisons} claims together' if comparisons > 1 else ''
    return f' (95 % interval {_interval(over)} over {over.n:,} test images{together}; McNemar p {compared(over.p)})'


def _needed(seeds: int | None, there: int) -> str:
    if seeds is None:
        return 'no 100 seeds would be likely to decide'
    return f'about {seeds} seeds would decide' if seeds > there else 'a few more seeds should decide'


def number(value: float) -> str:
    """Two digits behind the point, none that say nothing of large numbers, three that count of small ones."""
    size = abs(value)
    text = f'{value:.2f}' if 0.095 <= size < 1000 else f'{value:,.0f}' if size >= 1000 else f'{value:.2g}'
    return text.replace('-', '−')


def signed(value: float) -> str:
    """`number` with its sign, also where it is positive."""
    return f'+{number(value)}' if value > 0 else number(value)


def compared(p: float) -> str:
    """A p-value as it follows a 'p': '= 0.012', or '< 0.001'."""
    return '< 0.001' if p < 0.001 else f'= {p:.3f}'
