"""A claim, the result of checking it, and the rule that decides whether it holds.

The expected value is written as its source prints it: a whole number or a tuple of them (a shape, a row of a table),
which must match exactly; a figure as text ('854 M', '11.4 Mi', '0.77'), which is known to its last printed digit; or a
bound ('< 1'). Trailing zeros before a unit count as printed: '60 M' is 60 million to the nearest million.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

HOLDS, ROUNDED, DIFFERS = 'holds', 'holds rounded', 'differs'
TRAINING, ELSEWHERE = 'needs training', 'published elsewhere'
VERDICTS = (HOLDS, ROUNDED, DIFFERS, TRAINING, ELSEWHERE)  # from best to worst, then those that no count can decide
NONE_YET = 'none yet'
EQUAL = '< 0.00001'  # bound on a difference that only float32 arithmetic may cause

UNITS = {'': 1, 'k': 10**3, 'M': 10**6, 'G': 10**9, 'Ki': 2**10, 'Mi': 2**20, 'Gi': 2**30}
TOLERANCE = 1e-6  # of float32 arithmetic, relative to the figure or to 1, whichever is larger
_FIGURE = re.compile(r'(?P<bound>[<>]?)\s*(?P<digits>-?[\d,]+)(\.(?P<decimals>\d+))?\s*(?P<unit>[KMG]i|[kMG]|)')


@dataclass(frozen=True)
class Claim:
    """One figure from a source.

    `recompute()` gives the same figure from our own networks, counter and layers. It is None if counting cannot settle
    the claim; `tested_by` then names the recipe or experiment that tests it ('none yet' if there is none), or is empty
    if the figure is only quoted. `why` explains a difference, and thereby says that one is expected.
    """

    id: str
    text: str
    source: str
    expected: Any
    how: str = ''  # how it is recomputed, in one line
    recompute: Callable[[], Any] | None = None
    unit: str = ''
    truncated: bool = False  # the source truncates its digits instead of rounding them
    why: str = ''
    tested_by: str = ''


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with the recomputed value and the verdict."""

    claim: Claim
    computed: Any
    verdict: str

    @property
    def explained(self) -> bool:
        """Whether the claim gives a reason exactly if it differs."""
        return bool(self.claim.why) == (self.verdict == DIFFERS)

    def record(self) -> dict[str, Any]:
        """The checked claim as plain JSON types."""
        claim = self.claim
        return {
            'id': claim.id,
            'text': claim.text,
            'source': claim.source,
            'how': claim.how,
            'expected': claim.expected,
            'computed': self.computed,
            'unit': claim.unit,
            'verdict': self.verdict,
            'why': claim.why,
            'tested_by': claim.tested_by,
        }


def check(claim: Claim) -> CheckedClaim:
    """Recompute `claim` and compare the result with the expected value."""
    return judge(claim, claim.recompute() if claim.recompute else None)


def judge(claim: Claim, computed: Any) -> CheckedClaim:
    """Compare what `claim` was recomputed to with the expected value."""
    if claim.recompute is None:
        return CheckedClaim(claim, None, TRAINING if claim.tested_by else ELSEWHERE)
    return CheckedClaim(claim, computed, compare(claim.expected, computed, claim.truncated))


def compare(expected: Any, computed: Any, truncated: bool = False) -> str:
    """'holds', 'holds rounded' or 'differs'.

    Tuples and lists are compared number by number, in order, and the worst verdict is returned; different structures
    differ. `truncated`: the source truncates the digits that it does not print.
    """
    if isinstance(expected, (tuple, list)) or isinstance(computed, (tuple, list)):
        if _structure(expected) != _structure(computed):
            return DIFFERS
        return max(compare_each(expected, computed, truncated), key=VERDICTS.index, default=HOLDS)
    if isinstance(expected, str):
        return _compare_figure(expected, computed, truncated)
    return HOLDS if expected == computed else DIFFERS


def compare_each(expected: Any, computed: Any, truncated: bool = False) -> list[str]:
    """The verdict on every number of two values of the same structure, in order."""
    return [compare(a, b, truncated) for a, b in zip(numbers(expected), numbers(computed), strict=True)]


def numbers(value: Any) -> Iterator[Any]:
    """The numbers in nested tuples and lists, in order."""
    for item in value if isinstance(value, Iterable) and not isinstance(value, str) else (value,):
        if isinstance(item, (tuple, list)):
            yield from numbers(item)
        else:
            yield item


def parse_figure(printed: str) -> tuple[str, Fraction, Fraction]:
    """The bound ('<', '>' or ''), the value, and the size of the last digit of a printed figure.

    '854 M' is ('', 854000000, 1000000). Raises ValueError if `printed` is not a figure.
    """
    match = _FIGURE.fullmatch(printed)
    if match is None:
        raise ValueError(f'{printed!r} is not a figure')
    decimals = match['decimals'] or ''
    unit = UNITS[match['unit']]
    value = Fraction(f'{match["digits"].replace(",", "")}.{decimals or 0}')
    return match['bound'], value * unit, Fraction(unit, 10 ** len(decimals))


def _compare_figure(printed: str, computed: float, truncated: bool) -> str:
    if not math.isfinite(computed):
        return DIFFERS
    bound, value, step = parse_figure(printed)
    number = Fraction(computed)
    if bound:
        return HOLDS if (number < value if bound == '<' else number > value) else DIFFERS
    slack = 0 if isinstance(computed, int) else Fraction(TOLERANCE) * max(1, abs(value))
    gap = abs(number) - abs(value) if number * value > 0 else abs(number - value)
    if abs(gap) <= slack:
        return HOLDS
    within = -slack <= gap < step if truncated else abs(gap) <= step / 2
    return ROUNDED if within else DIFFERS


def _structure(value: Any) -> Any:
    return [_structure(item) for item in value] if isinstance(value, (tuple, list)) else None
