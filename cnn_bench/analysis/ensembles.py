"""Ensembles of finished runs: their probabilities averaged, at the sum of their costs.

Members are runs, so seeds of one network are members too. Nothing is trained and no weight is fitted: an ensemble's
probability of a class is the plain mean over its members, as Krizhevsky et al. 2012 and He et al. 2015 averaged theirs.

Which members, and which single network, are best is decided on the validation images, where all members kept their
predictions for the same ones. Otherwise it is decided on the test images, which then count the error too: that error is
optimistic, and so is the difference of a chosen ensemble, the more so the more there are to choose from. Intervals and
p-values do not allow for the choice. `together` chooses no member: hypotheses are judged by it.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.analysis.summary import tidy
from cnn_bench.errors import UserError
from cnn_bench.runs.predictions import Predictions
from cnn_bench.runs.study import BEST_SINGLE, TOGETHER

MOST = 5  # members of the largest ensemble, unless asked otherwise
IN_ORDER, GREEDILY, ALL = 'in order', 'greedily', 'all there are'
SAME_NETWORK, SAME_FAMILY, ACROSS = 'seeds of one network', 'networks of one family', 'networks of two families'
COLUMNS = (
    *('size', 'members', 'runs', 'macs', 'params', 'top1_err_pct', 'top5_err_pct', 'choice_err_pct'),
    *('best_member', 'best_err_pct', 'difference', 'difference_low', 'difference_high', 'p', 'n', 'disagreement_pct'),
)


@dataclass(frozen=True)
class Member:
    """A run that can be in an ensemble: `network` is its label without the seed, `target` (n,) the labels of the test
    images, `probs` (n, classes) its probabilities for them; `collapsed` as in the table. `choice_target` and
    `choice_probs` are those of the images by which members are chosen."""

    run: str
    label: str
    network: str
    family: str
    macs: int
    params: int
    target: np.ndarray
    probs: np.ndarray
    choice_target: np.ndarray
    choice_probs: np.ndarray
    collapsed: bool = False

    @cached_property
    def first(self) -> np.ndarray:
        """The first prediction (n,)."""
        return self.probs.argmax(axis=1)

    @cached_property
    def right(self) -> np.ndarray:
        """Bool (n,): whether the first prediction is the label."""
        return self.first == self.target

    @cached_property
    def error(self) -> float:
        """Top-1 error in per cent, from the predictions that were kept."""
        return 100 * float((~self.right).mean())

    @cached_property
    def choice_error(self) -> float:
        """Top-1 error in per cent on the images by which members are chosen."""
        return 100 * float((self.choice_probs.argmax(axis=1) != self.choice_target).mean())

    @property
    def chosen_on_test(self) -> bool:
        """Whether the test images decide which members are best."""
        return self.choice_probs is self.probs


def members(
    table: pd.DataFrame,
    predictions: Mapping[str, Predictions],
    names: Mapping[str, str] | None = None,
    validation: Mapping[str, Predictions] | None = None,
) -> list[Member]:
    """The finished runs of a tidy table that kept their predictions, the cheapest first.

    predictions and validation: run -> those for the test and the validation images. names: run -> label, where it
    differs from the table's. Where a label has several runs, the seed is appended.
    Raises UserError for fewer than two runs, for runs that kept only the top five classes, and for two runs with
    different test images or data sets.
    """
    rows = tidy(table[(table.state == 'finished') & table.run.isin(list(predictions))])
    found = [_member(row, predictions[row.run], names or {}) for row in rows.itertuples()]
    if len(found) < 2:
        raise UserError(
            f'ensembles: {len(found)} of {len(table)} runs are finished and have predictions; an ensemble takes two'
        )
    first = found[0]
    for place, other in enumerate(found):
        here, there = rows.dataset[0], rows.dataset[place]
        if (isinstance(here, str) and isinstance(there, str) and here != there) or (
            first.probs.shape != other.probs.shape or not np.array_equal(first.target, other.target)
        ):
            raise UserError(
                f'ensembles: {first.run} ({here}) and {other.run} ({there}) were not tested on the same images'
            )
    return _told_apart(_choosing_by(validation or {}, found), rows.seed)


def _choosing_by(validation: Mapping[str, Predictions], found: list[Member]) -> list[Member]:
    """The members with their validation images to choose by, where all have predictions for the same ones."""
    kept = [validation.get(member.run) for member in found]
    whole = all(
        one is not None and one.log_probs is not None and np.array_equal(one.label, kept[0].label) for one in kept
    )
    if not whole:
        return found
    return [
        replace(member, choice_target=one.label, choice_probs=_probabilities(one))
        for member, one in zip(found, kept, strict=True)
    ]


def _probabilities(kept: Predictions) -> np.ndarray:
    return np.exp(kept.log_probs.astype(np.float32))


def _member(row: tuple, kept: Predictions, names: Mapping[str, str]) -> Member:
    if kept.log_probs is None:
        raise UserError(
            f'ensembles: {row.run} kept only the top five classes; `cnn-bench ensemble --from-checkpoints` has all'
        )
    if np.isnan(kept.log_probs).any():
        raise UserError(f'ensembles: {row.run} has predictions that are no numbers')
    probs = _probabilities(kept)
    label = names.get(row.run, row.label)
    family = row.family if isinstance(row.family, str) else label
    collapsed = bool(not pd.isna(row.collapsed) and row.collapsed)
    return Member(row.run, label, label, family, row.macs, row.params, kept.label, probs, kept.label, probs, collapsed)


def _told_apart(found: list[Member], seeds: pd.Series) -> list[Member]:
    several = {m.network for m in found if sum(other.network == m.network for other in found) > 1}
    return [
        replace(member, label=f'{member.network}, seed {seed:.0f}') if member.network in several else member
        for member, seed in zip(found, seeds, strict=True)
    ]


def evaluate(chosen: Sequence[Member]) -> dict:
    """Error and cost of an ensemble, COLUMNS -> value.

    macs and params are sums. choice_err_pct is the error on the images by which members are chosen. `difference` is
    its error minus that of its best member, in points, with the paired 95 % bootstrap interval over the n test images,
    from `difference_low` to `difference_high`, and McNemar's p, both for this pair alone. disagreement_pct: per cent of
    the images on which two members' first predictions differ, mean over the pairs.
    """
    probs, target = np.mean([member.probs for member in chosen], axis=0), chosen[0].target
    ranked = np.argsort(-probs, axis=1, kind='stable')
    right = ranked[:, 0] == target
    best = min(chosen, key=lambda member: member.choice_error)  # the first, so the cheapest, of equals
    gain = stats.bootstrap_difference(right, best.right)
    differ = [(one.first != other.first).mean() for one, other in itertools.combinations(chosen, 2)]
    values = (
        *(len(chosen), tuple(member.label for member in chosen), tuple(member.run for member in chosen)),
        *(sum(member.macs for member in chosen), sum(member.params for member in chosen)),
        *(100 * float((~right).mean()), 100 * float((ranked[:, :5] != target[:, None]).all(axis=1).mean())),
        _choice_error(chosen),
        *(best.label, best.error, -gain.mean, -gain.high, -gain.low, gain.p, gain.n),
        100 * float(np.mean(differ)) if differ else np.nan,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _choice_error(chosen: Sequence[Member]) -> float:
    probs = np.mean([member.choice_probs for member in chosen], axis=0)
    return 100 * float((probs.argmax(axis=1) != chosen[0].choice_target).mean())


def pairs(found: Sequence[Member]) -> pd.DataFrame:
    """`evaluate` of every pair, the lowest error first; `kin` is SAME_NETWORK, SAME_FAMILY or ACROSS."""
    rows = [{**evaluate(pair), 'kin': _kin(*pair)} for pair in itertools.combinations(found, 2)]
    made = pd.DataFrame(rows, columns=[*COLUMNS, 'kin'])
    return made.sort_values(['top1_err_pct', 'macs'], kind='stable').reset_index(drop=True)


def by_kin(of_pairs: pd.DataFrame) -> pd.DataFrame:
    """Kin -> mean disagreement_pct and difference of a table by `pairs`, and how many pairs there are."""
    kinds = [kin for kin in (SAME_NETWORK, SAME_FAMILY, ACROSS) if (of_pairs.kin == kin).any()]
    found = of_pairs.groupby('kin').agg(
        disagreement_pct=('disagreement_pct', 'mean'), difference=('difference', 'mean'), pairs=('kin', 'size')
    )
    return found.loc[kinds]


def _kin(one: Member, other: Member) -> str:
    if one.network == other.network:
        return SAME_NETWORK
    return SAME_FAMILY if one.family == other.family else ACROSS


def best(found: Sequence[Member], most: int = MOST) -> pd.DataFrame:
    """`evaluate` of the best k for k = 2 to `most`, and of all; `chosen` says how, joined by ', ' where ways agree.

    IN_ORDER takes the k runs with the lowest error. GREEDILY starts with the best run and adds, one at a time and
    without going back, the run that gives the ensemble the lowest error, even if that is higher than before; ALL is
    every run. Ties go to the cheaper. The error that decides is that on the images to choose by (see above).
    """
    if len(found) < 2:
        return pd.DataFrame(columns=[*COLUMNS, 'chosen'])
    ways: dict[frozenset[str], tuple[list[Member], list[str]]] = {}
    by_error = sorted(found, key=lambda member: member.choice_error)
    greedy = _greedy(by_error, min(most, len(found)))
    choices = [
        *((k, by_error[:k], IN_ORDER) for k in range(2, min(most, len(found)) + 1)),
        *((k, greedy[:k], GREEDILY) for k in range(2, len(greedy) + 1)),
        (len(found), by_error, ALL),
    ]
    for _, chosen, how in sorted(choices, key=lambda choice: choice[0]):
        ways.setdefault(frozenset(member.run for member in chosen), (chosen, []))[1].append(how)
    rows = [{**evaluate(chosen), 'chosen': ', '.join(how)} for chosen, how in ways.values()]
    return pd.DataFrame(rows, columns=[*COLUMNS, 'chosen'])


def _greedy(by_error: Sequence[Member], most: int) -> list[Member]:
    chosen, left = [by_error[0]], sorted(by_error[1:], key=lambda member: member.macs)
    total, target = by_error[0].choice_probs.copy(), by_error[0].choice_target
    while len(chosen) < most:
        wrong = [((total + member.choice_probs).argmax(axis=1) != target).sum() for member in left]
        chosen.append(left.pop(int(np.argmin(wrong))))
        total += chosen[-1].choice_probs
    return chosen


def together(
    table: pd.DataFrame, predictions: Mapping[str, Predictions], validation: Mapping[str, Predictions] | None = None
) -> tuple[pd.DataFrame, dict[str, Predictions]]:
    """The tidy table with two more rows per seed, all networks TOGETHER and the BEST_SINGLE, and their predictions.

    Hypotheses are judged by these rows as by those of variants; the predictions are those of the new rows, by run. No
    member is chosen; the best single network is chosen by validation, or else on the test images, which favours it.
    Seeds that lack a network get no rows, nor do runs that make no ensemble.
    """
    try:
        found = {member.run: member for member in members(table, predictions, validation=validation)}
    except UserError:
        return table, {}
    rows, predicted = [], {}
    ours = table[table.run.isin(list(found))].drop_duplicates(['label', 'seed'])
    for seed, runs in ours.groupby('seed'):
        chosen = [member for run, member in found.items() if run in set(runs.run)]
        if len(chosen) < max(2, ours.label.nunique()):
            continue
        whole, single = evaluate(chosen), min(chosen, key=lambda member: member.choice_error)
        alone = evaluate([single])
        probs = np.mean([member.probs for member in chosen], axis=0)
        for label, values, first in ((TOGETHER, whole, probs.argmax(axis=1)), (BEST_SINGLE, alone, single.first)):
            run = f'{label}, seed {seed:.0f}'
            counted = {name: values[name] for name in ('top1_err_pct', 'top5_err_pct', 'macs', 'params')}
            rows.append({'run': run, 'label': label, 'seed': seed, 'state': 'finished', **counted})
            predicted[run] = Predictions(single.target, first)
    return pd.concat([table, pd.DataFrame(rows, dtype=object)], ignore_index=True) if rows else table, predicted
