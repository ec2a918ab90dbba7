"""A claim, what became of it, and the one rule that says whether it holds.

The expectation is written as its source prints it: a whole number or a tuple of them (a shape, a row of a table), which
must come out exactly; a figure as text ('854 M', '11.4 Mi', '0.77'), which is known to its last printed digit; or a
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
VERDICTS = (HOLDS, ROUNDED, DIFFERS, TRAINING, ELSEWHERE)
NONE_YET = 'none yet'
EQUAL = '< 0.00001'  # of a difference that only the arithmetic of float32 may leave

UNITS = {'': 1, 'k': 10**3, 'M': 10**6, 'G': 10**9, 'Ki': 2**10, 'Mi': 2**20, 'Gi': 2**30}
ARITHMETIC = 1e-6  # of a number, or of 1 if that is more: what float32 may miss an exact result by
_PRINTED = re.compile(r'(?P<bound>[<>]?)\s*(?P<digits>-?[\d,]+)(\.(?P<decimals>\d+))?\s*(?P<unit>[KMG]i|[kMG]|)')


@dataclass(frozen=True)
class Claim:
    """One figure of a source.

    `recompute()` gives the same figure from our own networks, counter and layers; None where no count can, and then
    `tested_by` names the recipe or experiment that tests it ('none yet'), or is empty for what is only quoted from
    the source. `why` is the reason for a difference, and says that one is expected.
    """

    id: str
    text: str
    source: str
    expected: Any
    how: str = ''  # it is recomputed, in one line
    recompute: Callable[[], Any] | None = None
    unit: str = ''
    cut: bool = False  # the source cuts its digits off where others round
    why: str = ''
    tested_by: str = ''


@dataclass(frozen=True)
class Finding:
    """A claim with what was recomputed for it and the verdict."""

    claim: Claim
    computed: Any
    verdict: str

    @property
    def explained(self) -> bool:
        """Whether the claim gives a reason if it differs, and only then."""
        return bool(self.claim.why) == (self.verdict == DIFFERS)

    def record(self) -> dict[str, Any]:
        """The finding as plain JSON types."""
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


def check(claim: Claim) -> Finding:
    """Recompute `claim` and judge it."""
    if claim.recompute is None:
        return Finding(claim, None, TRAINING if claim.tested_by else ELSEWHERE)
    computed = claim.recompute()
    return Finding(claim, computed, verdict(claim.expected, computed, claim.cut))


def verdict(expected: Any, computed: Any, cut: bool = False) -> str:
    """'holds', 'holds rounded' or 'differs'.

    Numbers in tuples or lists are judged one by one, in the order they stand in, and the worst verdict is that of all;
    different structures differ. `cut`: the source cuts off the digits that it does not print.
    """
    if isinstance(expected, (tuple, list)) or isinstance(computed, (tuple, list)):
        if _structure(expected) != _structure(computed):
            return DIFFERS
        return max(each(expected, computed, cut), key=VERDICTS.index, default=HOLDS)
    if isinstance(expected, str):
        return _judge_printed(expected, computed, cut)
    return HOLDS if expected == computed else DIFFERS


def each(expected: Any, computed: Any, cut: bool = False) -> list[str]:
    """The verdict on every number of two equal structures, in order."""
    return [verdict(a, b, cut) for a, b in zip(numbers(expected), numbers(computed), strict=True)]


def numbers(value: Any) -> Iterator[Any]:
    """The numbers of nested tuples and lists, in order."""
    for item in value if isinstance(value, Iterable) and not isinstance(value, str) else (value,):
        if isinstance(item, (tuple, list)):
            yield from numbers(item)
        else:
            yield item


def read(printed: str) -> tuple[str, Fraction, Fraction]:
    """The bound ('<', '>' or ''), the value and the size of the last digit of a printed figure.

    '854 M' is ('', 854000000, 1000000). Raises ValueError for what is no figure.
    """
    match = _PRINTED.fullmatch(printed)
    if match is None:
        raise ValueError(f'{printed!r} is not a figure')
    decimals = match['decimals'] or ''
    unit = UNITS[match['unit']]
    value = Fraction(f'{match["digits"].replace(",", "")}.{decimals or 0}')
    return match['bound'], value * unit, Fraction(unit, 10 ** len(decimals))


def _judge_printed(printed: str, computed: float, cut: bool) -> str:
    if not math.isfinite(computed):
        return DIFFERS
    bound, value, step = read(printed)
    number = Fraction(computed)
    if bound:
        return HOLDS if (number < value if bound == '<' else number > value) else DIFFERS
    slack = 0 if isinstance(computed, int) else Fraction(ARITHMETIC) * max(1, abs(value))
    gap = abs(number) - abs(value) if number * value > 0 else abs(number - value)
    if abs(gap) <= slack:
        return HOLDS
    within = -slack <= gap < step if cut else abs(gap) <= step / 2
    return ROUNDED if within else DIFFERS


def _structure(value: Any) -> Any:
    return [_structure(item) for item in value] if isinstance(value, (tuple, list)) else None
