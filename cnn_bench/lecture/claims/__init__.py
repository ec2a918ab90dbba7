"""Every figure of the lecture and of the papers behind it, recomputed wherever counting can settle it.

A `Claim` carries a figure as its source prints it and, where no training is needed, a function that recomputes it from
our own networks, counter and layers. One rule (`claim.compare`) decides the verdict. A claim that is known to differ
gives the reason; a difference without a reason, or a reason without a difference, is an error (`unexplained`).

The lecture's figures were read off its slides by machine, so an apparent misprint may be an error of that reading.
Where a slide only draws a figure (a 28x28 map, 56x56x64), the claim has the numbers in the drawing. Where the origin of
a difference is known, a further claim recomputes it: 358 M operations, 15.3 G, 6 million parameters.
"""

from cnn_bench.lecture.claims.claim import VERDICTS, CheckedClaim, Claim, check, compare
from cnn_bench.lecture.claims.ledger import TOPICS, all_claims, check_all, summary, unexplained

__all__ = [
    'TOPICS',
    'VERDICTS',
    'CheckedClaim',
    'Claim',
    'all_claims',
    'check',
    'check_all',
    'compare',
    'summary',
    'unexplained',
]
