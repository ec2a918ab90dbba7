"""The ledger of claims: every figure of the source lecture and of the papers behind it, recomputed where a count can.

A claim carries the figure as its source prints it and, where no training is needed, a function that recomputes it from
our own networks, counter and layers. The verdict follows from the two by one rule (`claim.verdict`) each time the
ledger is checked. A claim that is known to differ says why, and one that differs without a reason, or gives one and
does not differ, is an error of the ledger.

Figures of the lecture are taken from its text, which was read off the slides by machine: what looks like a misprint may
be one of the reading. Where a slide only shows a figure (a 28x28 map, 56x56x64), the claim has the figure's numbers.
Where a difference has a known origin, a further claim recomputes that: 358 M operations, 15.3 G, 6 million parameters.
"""

from cnn_bench.claims.claim import VERDICTS, Claim, Finding, check, verdict
from cnn_bench.claims.ledger import all_claims, summary, unexplained

__all__ = ['VERDICTS', 'Claim', 'Finding', 'all_claims', 'check', 'summary', 'unexplained', 'verdict']
