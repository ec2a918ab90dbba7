"""Hypotheses tested with the runs at hand, and variants compared with the baseline, paired by seed.

Every difference is the variant minus what it is compared with, of a hypothesis the one that should have less minus the
other: where it is negative there is less error. A difference between two single runs stays just that: with one seed the
interval is over the test images, is labelled so, and leaves the hypothesis undecided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.analysis.summary import tidy
from cnn_bench.format import compared, interval, signed
from cnn_bench.runs import collapse, columns
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runs.study import Hypothesis

ERROR = 'top1_err_pct'
LEVEL = 0.95
OVER_SEEDS, OVER_IMAGES = 'seeds', 'test images'
_DIFFERENCES = {'%': 'points', 's': 'seconds', '/s': 'per second', 'images/s': 'images per second'}  # by unit


class Pair(NamedTuple):
    """Variant minus baseline of one seed, and whether either collapsed."""

    seed: float
    difference: float
    collapsed: bool


@dataclass(frozen=True)
class Judgement:
    """A hypothesis and its verdict: `state` of `stats.decide`, and a sentence that says why.

    difference: '−4.00 points (−6.48 to −1.52)'; '' where there is none.
    """

    hypothesis: Hypothesis
    state: str
    says: str
    difference: str = ''

    @property
    def line(self) -> str:
        """A sentence that begins with the state."""
        return f'{self.state}: {self.says}'


def judge(
    table: pd.DataFrame, hypotheses: Sequence[Hypothesis], predictions: Mapping[str, Predictions] | None = None
) -> list[Judgement]:
    """What the finished runs of a tidy table show for each hypothesis, in their order.

    Decided by the differences over the seeds that both variants finished, simultaneously for all hypotheses at the
    95 % level (Bonferroni); by the counts themselves where the column is counted. `predictions` by run, as from
    `runs.predictions`: with one seed they show how the two runs differ, which decides nothing. Seeds that collapsed
    count like others, since a failure is a result; the line names them.
    """
    return [_judge(table, hypothesis, len(hypotheses), predictions or {}) for hypothesis in hypotheses]


def lines(judgements: Sequence[Judgement]) -> list[str]:
    """A line per hypothesis: its text and its verdict."""
    return [f'{found.hypothesis.text} -- {found.line}' for found in judgements]


def compare_with_baseline(
    table: pd.DataFrame,
    baseline: str,
    predictions: Mapping[str, Predictions] | None = None,
    column: str = ERROR,
) -> pd.DataFrame:
    """`column` of each other variant minus that of the baseline, a row per variant in the order of the table.

    Columns: label, mean, low and high (simultaneous 95 % intervals), p (adjusted after Holm), n and over: `seeds`
    and their number n, `test images` where there is one seed and `column` is the top-1 error, or empty; and `pairs`, a
    Pair of each seed. Seeds that collapsed are in the pairs alone, unless all of a variant did. Variants that share no
    finished seed with the baseline are left out.
    """
    others = [label for label in dict.fromkeys(tidy(table).label.dropna()) if label != baseline]
    rows, whole = [], table
    table = table[~collapse.left_out_of_means(table)]
    for label in others:
        base, own = _paired(table, baseline, label, column)
        if len(base) > 1:
            found, over = stats.paired_difference(base, own, LEVEL, len(others)), OVER_SEEDS
        elif len(base) == 1:
            found = _image_difference(table, baseline, label, column, predictions or {}, len(others))
            over = OVER_IMAGES if found else ''
            found = found or stats.paired_difference(base, own)
        else:
            continue
        rows.append({'label': label, **vars(found), 'over': over, 'pairs': _pairs(whole, baseline, label, column)})
    made = pd.DataFrame(rows, columns=['label', 'mean', 'low', 'high', 'p', 'n', 'over', 'pairs'])
    for over in (OVER_SEEDS, OVER_IMAGES):
        made.loc[made.over == over, 'p'] = stats.holm(made.p[made.over == over])
    return made


def by_seed(table: pd.DataFrame, label: str, column: str) -> pd.Series:
    """Seed -> `column` of the finished runs of a variant that have it, runs that repeat a seed averaged.

    Raises ValueError where the runs have several recipes: they are not seeds of one configuration.
    """
    runs = table[(table.label == label) & (table.state == 'finished')]
    if 'recipe' in runs and runs.recipe.nunique() > 1:
        raise ValueError(f'the runs of {label} have {runs.recipe.nunique()} different recipes')
    values = pd.to_numeric(runs[column] if column in runs else pd.Series(index=runs.index, dtype=float))
    return values.groupby(runs.seed).mean().dropna()


def _paired(table: pd.DataFrame, one: str, other: str, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of two variants for the seeds that both have; empty where one of them mixes recipes."""
    try:
        both = pd.concat([by_seed(table, one, column), by_seed(table, other, column)], axis=1, join='inner')
    except ValueError:
        return np.array([]), np.array([])
    return both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()


def _pairs(table: pd.DataFrame, one: str, other: str, column: str) -> tuple[Pair, ...]:
    """other - one of each seed that both have."""
    differences = (by_seed(table, other, column) - by_seed(table, one, column)).dropna()
    runs = table[table.label.isin([one, other])]
    failed = set(runs.seed[runs.collapsed.eq(True).fillna(False)]) if 'collapsed' in runs else set()
    return tuple(Pair(float(seed), float(found), seed in failed) for seed, found in differences.items())


def _collapsed(table: pd.DataFrame, labels: Sequence[str]) -> str:
    """'; 1 of 3 collapsed (googlenet)'; '' where none did."""
    said = []
    for label in labels:
        runs = table[(table.label == label) & (table.state == 'finished')]
        if 'collapsed' in runs and (count := runs.seed[runs.collapsed.eq(True).fillna(False)].nunique()):
            said.append(f'{collapse.in_words(count, runs.seed.nunique())} ({label})')
    return ''.join(f'; {text}' for text in said)


def _judge(
    table: pd.DataFrame, hypothesis: Hypothesis, comparisons: int, predictions: Mapping[str, Predictions]
) -> Judgement:
    missing = _missing(table, hypothesis)
    if missing:
        return Judgement(hypothesis, stats.UNDECIDED, missing)
    less, more = _paired(table, hypothesis.less, hypothesis.more, hypothesis.column)
    if columns.column(hypothesis.column).counted:
        return _judge_count(hypothesis, float((less - more).mean()))
    found = stats.decide(more - less, hypothesis.by, LEVEL, comparisons)
    difference = _other_way(found.difference)
    collapsed = _collapsed(table, (hypothesis.less, hypothesis.more))
    together = f', all {comparisons} hypotheses together' if comparisons > 1 else ''
    if difference.n == 1:
        images = _image_difference(table, hypothesis.less, hypothesis.more, hypothesis.column, predictions, comparisons)
        said = f'one seed says nothing of others. Of these two runs, {_difference(hypothesis, difference.mean)}'
        if images:
            images = _other_way(images)
            ends = f'95 % interval {interval(images.low, images.high)} over {images.n:,} test images{together}'
            said += f' ({ends}; McNemar p {compared(images.p)})'
        return Judgement(hypothesis, stats.UNDECIDED, said + collapsed, _short(hypothesis, images or difference))
    ends = f'95 % interval {interval(difference.low, difference.high)} over {difference.n} seeds{together}'
    said = f'{_difference(hypothesis, difference.mean)} ({ends})'
    if found.state == stats.UNDECIDED:
        said += f'; {_needed(found.seeds_needed, difference.n)}'
    return Judgement(hypothesis, found.state, said + collapsed, _short(hypothesis, difference))


def _missing(table: pd.DataFrame, hypothesis: Hypothesis) -> str:
    """Why there is nothing to judge by; '' where there is."""
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


def _judge_count(hypothesis: Hypothesis, mean: float) -> Judgement:
    holds = mean <= -hypothesis.by if hypothesis.by else mean < 0
    said = f'{_difference(hypothesis, mean)} (counted; it depends on no seed)'
    counted = stats.Difference(mean, np.nan, np.nan, np.nan, 1)
    return Judgement(hypothesis, stats.SUPPORTED if holds else stats.CONTRADICTED, said, _short(hypothesis, counted))


def _image_difference(
    table: pd.DataFrame, one: str, other: str, column: str, predictions: Mapping[str, Predictions], comparisons: int
) -> stats.Difference | None:
    """other - one over the test images, from the single run of each with a common seed; None where it is unknown."""
    finished = table[table.state == 'finished']
    pair = finished[finished.label == one].merge(finished[finished.label == other], on='seed', suffixes=('', '_other'))
    if column != ERROR or len(pair) != 1:
        return None
    kept = [predictions.get(pair[name].item()) for name in ('run', 'run_other')]
    if None in kept or not np.array_equal(kept[0].label, kept[1].label):
        return None
    return stats.bootstrap_difference(kept[0].right, kept[1].right, 1 - (1 - LEVEL) / comparisons)


def _difference(hypothesis: Hypothesis, mean: float) -> str:
    column = columns.column(hypothesis.column)
    unit = f'{_DIFFERENCES.get(column.unit, column.unit)} of ' if column.unit else ''
    said = f'{hypothesis.less} minus {hypothesis.more} is {signed(mean)} {unit}{column.words or column.name}'
    return f'{said}, {signed(-hypothesis.by)} or less expected' if hypothesis.by else said


def _short(hypothesis: Hypothesis, found: stats.Difference) -> str:
    column = columns.column(hypothesis.column)
    said = f'{signed(found.mean)} {_DIFFERENCES.get(column.unit, column.unit) or column.words or column.name}'
    ends = interval(found.low, found.high)
    return f'{said} ({ends})' if ends else said


def _other_way(found: stats.Difference) -> stats.Difference:
    return stats.Difference(-found.mean, -found.high, -found.low, found.p, found.n)


def _needed(seeds: int | None, there: int) -> str:
    if seeds is None:
        return 'no 100 seeds would be likely to decide'
    return f'about {seeds} seeds would decide' if seeds > there else 'a few more seeds should decide'
