"""What tuning chose for each variant of a sweep, how sure that is, and whether it changed the ranking.

Validation errors of tuning trials come from the record `runs.tuning`; only those of finished trials count. Test errors,
by which networks are ranked, are means over the seeds that learned, of the untuned and of the tuned runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.runs import collapse
from cnn_bench.runs.tuning import Range, TunedVariant, Tuning

LOWEST, HIGHEST = 'lowest', 'highest'


@dataclass(frozen=True)
class Chosen:
    """The value of a field that tuning chose for a variant, with the validation error of that trial in per cent.

    `below` and `above` are the nearest values that finished trials had, each with its lowest error; None where there is
    none, or the values are no numbers. In a space of several fields these trials differ in other fields too. `edge`
    says that the value is the LOWEST or the HIGHEST that was tried, so that a better one may lie beyond; else ''.
    """

    variant: str
    field: str
    value: object
    error: float
    below: tuple[float, float] | None = None
    above: tuple[float, float] | None = None
    edge: str = ''


@dataclass(frozen=True)
class Ranking:
    """Mean test errors of each variant untuned and tuned, and how the two orders agree.

    `tau` is Kendall's, with the ends of its bootstrap interval over seeds (nan for single seeds). A pair (a, b) of
    `turned` has a before b untuned and b before a tuned; `sure` are those pairs whose errors differ by more than chance
    in both (`stats.changed_places`).
    """

    untuned: Mapping[str, float]
    tuned: Mapping[str, float]
    tau: float
    low: float
    high: float
    seeds: int  # the fewest of any variant
    turned: tuple[tuple[str, str], ...]
    sure: tuple[tuple[str, str], ...]


def chosen(tuning: Tuning) -> list[Chosen]:
    """A Chosen per tuned variant and field of the space, in the order of the record."""
    found = []
    for variant in tuning.variants:
        best = next((trial for trial in variant.trials if trial.number == variant.chosen), None)
        if best is None:
            continue
        for field, values in tuning.space.items():
            error = np.nan if best.val_top1_err_pct is None else best.val_top1_err_pct
            about = _about(variant, field, values, best.values.get(field))
            found.append(Chosen(variant.name, field, best.values.get(field), error, **about))
    return found


def expected_best(tuning: Tuning) -> dict[str, np.ndarray]:
    """Variant -> expected lowest validation error of n of its trials, for n from 1 (`stats.expected_minimum`).

    Trials that failed or were ended early count as the worst that finished. Variants without a finished trial are left
    out.
    """
    errors = {variant.name: list(_errors(variant)) for variant in tuning.variants}
    return {name: stats.expected_minimum(found) for name, found in errors.items() if not np.isnan(found).all()}


def ranking(tuning: Tuning, untuned: pd.DataFrame, tuned: pd.DataFrame) -> Ranking | None:
    """The Ranking by two tidy tables; None where fewer than two variants have a finished run in both.

    A variant that is not in `untuned` and chose the recipe's own values, trial 0, has its tuned runs there too.
    """
    before, after = _by_variant(untuned), _by_variant(tuned)
    own = {variant.name for variant in tuning.variants if variant.chosen == 0}
    before |= {name: errors for name, errors in after.items() if name in own and name not in before}
    names = [variant.name for variant in tuning.variants if variant.name in before and variant.name in after]
    if len(names) < 2:
        return None
    one, other = [before[name] for name in names], [after[name] for name in names]
    tau, low, high = stats.tau_of_means(one, other)
    turned, sure = stats.changed_places(one, other)
    return Ranking(
        untuned={name: float(np.mean(before[name])) for name in names},
        tuned={name: float(np.mean(after[name])) for name in names},
        tau=tau,
        low=low,
        high=high,
        seeds=min(map(len, (*one, *other))),
        turned=tuple((names[i], names[j]) for i, j in turned),
        sure=tuple((names[i], names[j]) for i, j in sure),
    )


def _errors(variant: TunedVariant) -> list[float]:
    """The validation error of each trial; nan where it did not finish."""
    known = [trial.state == 'finished' and trial.val_top1_err_pct is not None for trial in variant.trials]
    return [
        trial.val_top1_err_pct if is_known else np.nan for trial, is_known in zip(variant.trials, known, strict=True)
    ]


def _about(variant: TunedVariant, field: str, values: Range, value: object) -> dict:
    """The neighbours of a chosen value and whether it is at an edge, where the values of the field are numbers."""
    tried: dict[float, float] = {}
    for trial, error in zip(variant.trials, _errors(variant), strict=True):
        at = trial.values.get(field)
        if _is_number(at) and not np.isnan(error):
            tried[at] = min(error, tried.get(at, np.inf))
    if not _is_number(value) or (values.choices and not all(map(_is_number, values.choices))) or len(tried) < 2:
        return {}
    below = max((at for at in tried if at < value), default=None)
    above = min((at for at in tried if at > value), default=None)
    return {
        'below': None if below is None else (below, tried[below]),
        'above': None if above is None else (above, tried[above]),
        'edge': LOWEST if below is None else HIGHEST if above is None else '',
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _by_variant(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Label -> test errors of its finished seeds, without those that collapsed where others learned."""
    finished = table[(table.state == 'finished') & table.top1_err_pct.notna()]
    learned = finished[~collapse.left_out_of_means(finished)]
    return {
        label: runs.astype({'top1_err_pct': float}).groupby('seed').top1_err_pct.mean().to_numpy()
        for label, runs in learned.groupby('label')
    }
