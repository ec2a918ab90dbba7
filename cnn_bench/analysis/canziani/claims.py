"""The paper's findings as claims that the measured rows at hand judge.

Each verdict is by a bound stated here and a 95 % interval over networks: `holds` where the whole interval is on the
side of the claim, `does not hold` where it is wholly on the other, `undecided` between. The networks are treated as a
sample of all of their kind; nothing is said of other devices.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cnn_bench import stats
from cnn_bench.analysis.canziani.data import BATCHES, NO_POWER, Data
from cnn_bench.format import number, percent
from cnn_bench.stats import Estimate

HOLDS, FAILS, UNDECIDED, NOT_HERE = 'holds', 'does not hold', 'undecided', "can't be judged here"
SOURCE = 'Canziani, Paszke and Culurciello 2017, arXiv 1605.07678'
FEWEST = 5  # networks: an interval over fewer says nothing
PREDICTS = 0.8  # share of the variance from which on one number predicts another
EQUAL = 0.1  # relative change up to which two powers count as equal
SLOPE, NEAR = 1.3, 0.13  # of memory by parameters in the paper, and what counts as near: a tenth of it
LEVEL = 0.95
HYPERBOLA = 'hyperbola'
_FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    HYPERBOLA: np.reciprocal,  # accuracy = a + b / time: a line in images per second
    'straight line': np.asarray,
    'log time': np.log,
}


@dataclass(frozen=True)
class Claim:
    """A finding: its text, the verdict on it, what the data say, by how many networks, and the numbers behind that.

    `numbers` maps a name to a number, or to value, low and high; None where unknown, as in JSON.
    """

    name: str
    text: str
    verdict: str
    says: str
    networks: int
    numbers: dict[str, object]

    @property
    def line(self) -> str:
        """The claim and its verdict in a line."""
        return f'{self.text} -- {self.verdict}: {self.says}'


def judge(data: Data) -> list[Claim]:
    """The four findings, in the order of the figures that show them."""
    return [
        operations_predict_time(data),
        power_is_constant(data),
        accuracy_is_hyperbolic(data),
        memory_is_affine(data),
    ]


def operations_predict_time(data: Data) -> Claim:
    """Time per image is a linear function of operations: R2 at batch 1 and 16, of all batches that were measured.

    Judged by the straight line through the numbers themselves, as the paper's; that through their logarithms, in which
    small networks count as much as large ones, is given beside it.
    """
    name, text = 'operations_predict_time', 'Operations predict inference time'
    said, verdicts, numbers, most = [], [], {}, 0
    for batch in BATCHES:
        rows = data.at(batch).dropna(subset=['gops', 'image_ms'])
        if len(rows) < FEWEST:
            said.append(_too_few(len(rows), f'at batch {batch}'))
            continue
        plain = stats.fit_line(rows.gops, rows.image_ms, LEVEL)
        logs = stats.fit_line(np.log(rows.gops), np.log(rows.image_ms), LEVEL)
        verdicts.append(_above(plain.r2, PREDICTS))
        numbers[f'batch_{batch}'] = {
            'r2': _json(plain.r2), 'r2_of_logarithms': _json(logs.r2), 'networks': plain.n,
        }  # fmt: skip
        said.append(
            f'batch {batch}: linear R² {estimate(plain.r2)}, log-log R² {estimate(logs.r2)}, {plain.n} networks'
        )
        most = max(most, plain.n)
    says = f'{"; ".join(said)}; at least {PREDICTS:g} of the linear R² counts as predicting'
    return Claim(name, text, _all(verdicts), says if verdicts else '; '.join(said), most, numbers)


def power_is_constant(data: Data) -> Claim:
    """Net power differs neither by batch size nor by architecture, by more than EQUAL.

    By batch: the mean over networks of the relative change from the smallest to the largest batch that all have. By
    architecture: the coefficient of variation over networks of their mean power over these batches. Both must be less
    than EQUAL.
    """
    name, text = 'power_is_constant', 'Power depends neither on batch size nor on architecture'
    if not data.has_power:
        return Claim(name, text, NOT_HERE, NO_POWER, 0, {})
    grid = data.drawn.pivot(index='label', columns='batch', values='power_w')
    grid = _common(grid)
    if len(grid) < FEWEST or grid.shape[1] < 2:
        why = _too_few(len(grid), f'with a power at the same batches, of which there are {grid.shape[1]}')
        return Claim(name, text, NOT_HERE, f'{why}; it takes {FEWEST} networks and two batches', len(grid), {})
    change = Estimate(*stats.bootstrap_mean(grid.iloc[:, -1] / grid.iloc[:, 0] - 1, LEVEL))
    variation = _variation(grid.mean(axis=1).to_numpy())
    verdict = _all([_within(change, -EQUAL, EQUAL), _within(variation, -EQUAL, EQUAL)])
    first, last = (f'{batch:.0f}' for batch in (grid.columns[0], grid.columns[-1]))
    says = (
        f'from batch {first} to {last} it changes by {_percent(change, signed=True)}, and it varies by '
        f'{_percent(variation)} (standard deviation) between {len(grid)} networks; less than '
        f'{100 * EQUAL:g} % counts as none'
    )
    numbers = {'change_with_batch': _json(change), 'variation_over_networks': _json(variation)}
    return Claim(name, text, verdict, says, len(grid), numbers)


def accuracy_is_hyperbolic(data: Data) -> Claim:
    """Accuracy = a + b / time predicts left-out networks better than a straight line and than log time do.

    Three forms of two parameters each. Decided by the mean difference of squared leave-one-out errors, over networks,
    both comparisons together at LEVEL (Bonferroni): it holds where the hyperbola has surely less error than both.
    """
    name, text = 'accuracy_is_hyperbolic', 'Accuracy and inference time are in a hyperbolic relation'
    said, verdicts, numbers, most = [], [], {}, 0
    for batch in BATCHES:
        rows = data.at(batch).dropna(subset=['image_ms', 'accuracy'])
        if len(rows) < FEWEST:
            said.append(_too_few(len(rows), f'with an accuracy at batch {batch}'))
            continue
        errors = {form: stats.leave_one_out(rows.image_ms, rows.accuracy, of_x) for form, of_x in _FORMS.items()}
        rmse = {form: math.sqrt(np.mean(found**2)) for form, found in errors.items()}
        more = {
            form: Estimate(*stats.bootstrap_mean(errors[form] ** 2 - errors[HYPERBOLA] ** 2, 1 - (1 - LEVEL) / 2))
            for form in _FORMS
            if form != HYPERBOLA
        }
        verdicts.append(_all([_above(found, 0.0) for found in more.values()]))
        numbers[f'batch_{batch}'] = {
            'leave_one_out_rmse': {form: _number(value) for form, value in rmse.items()},
            'more_squared_error_than_hyperbola': {form: _json(found) for form, found in more.items()},
            'networks': len(rows),
        }
        listed = '; '.join(
            f'{form} {number(rmse[form])}, {estimate(found)} more squared error' for form, found in more.items()
        )
        said.append(
            f'batch {batch}: leave-one-out error of the hyperbola {number(rmse[HYPERBOLA])} points; {listed} '
            f'({len(rows)} networks)'
        )
        most = max(most, len(rows))
    return Claim(name, text, _all(verdicts), '; '.join(said), most, numbers)


def memory_is_affine(data: Data) -> Claim:
    """Memory at batch 1 = floor + slope * bytes of the parameters, with a slope within NEAR of SLOPE."""
    name, text = 'memory_is_affine', f'Memory is affine in parameters, with a slope near {SLOPE:g}'
    rows = data.at(1).dropna(subset=['params_mib', 'memory_mib'])
    if len(rows) < FEWEST:
        return Claim(name, text, NOT_HERE, _too_few(len(rows), 'at batch 1'), len(rows), {})
    found = stats.fit_line(rows.params_mib, rows.memory_mib, LEVEL)
    verdict = _all([_above(found.r2, PREDICTS), _within(found.slope, SLOPE - NEAR, SLOPE + NEAR)])
    says = (
        f'slope {estimate(found.slope)}, floor {estimate(found.intercept, " MiB")}, R² {estimate(found.r2)}, '
        f'{found.n} networks, planned memory at batch 1; a slope within {NEAR:g} of {SLOPE:g} counts as near, an R² of '
        f'at least {PREDICTS:g} as affine'
    )
    numbers = {'slope': _json(found.slope), 'floor_mib': _json(found.intercept), 'r2': _json(found.r2)}
    return Claim(name, text, verdict, says, found.n, numbers)


def estimate(found: Estimate, unit: str = '') -> str:
    """'1.30 (1.21 to 1.38)'; without an interval the value alone."""
    if not math.isfinite(found.low):
        return f'{number(found.value)}{unit}'
    return f'{number(found.value)}{unit} ({number(found.low)} to {number(found.high)})'


def _above(found: Estimate, bound: float) -> str:
    """Whether a number is at least `bound`, by its interval."""
    if not math.isfinite(found.low):
        return UNDECIDED
    return HOLDS if found.low >= bound else FAILS if found.high < bound else UNDECIDED


def _within(found: Estimate, low: float, high: float) -> str:
    """Whether a number is between two others, by its interval."""
    if not math.isfinite(found.low):
        return UNDECIDED
    outside = found.high < low or found.low > high
    return HOLDS if low <= found.low and found.high <= high else FAILS if outside else UNDECIDED


def _all(verdicts: Sequence[str]) -> str:
    """The verdict on a claim of several parts: it holds where all do, and does not where one does not."""
    if not verdicts:
        return NOT_HERE
    return next((verdict for verdict in (FAILS, UNDECIDED) if verdict in verdicts), HOLDS)


def _common(grid: pd.DataFrame) -> pd.DataFrame:
    """The batches that at least FEWEST networks have, in order, and the networks that have all of these."""
    return grid.loc[:, grid.notna().sum() >= FEWEST].dropna().sort_index(axis=1)


def _variation(values: np.ndarray, resamples: int = 5000) -> Estimate:
    """Standard deviation over mean, with its percentile bootstrap interval."""
    drawn = values[np.random.default_rng(0).integers(len(values), size=(resamples, len(values)))]
    draws = drawn.std(axis=1, ddof=1) / drawn.mean(axis=1)
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values.std(ddof=1) / values.mean()), float(low), float(high))


def _too_few(found: int, where: str) -> str:
    return f'{found} networks {where}, fewer than {FEWEST}' if found else f'no network {where}'


def _percent(found: Estimate, signed: bool = False) -> str:
    sign = '+' if signed and found.value > 0 else ''
    ends = f'{percent(100 * found.low, 1)} to {percent(100 * found.high, 1)}'
    return f'{sign}{percent(100 * found.value, 1)} ({ends})'.replace('-', '−')


def _json(found: Estimate) -> dict[str, float | None]:
    return {name: _number(value) for name, value in vars(found).items()}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
