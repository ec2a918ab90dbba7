"""The ledger of claims: every figure of the source lecture and of the papers behind it, recomputed where a count can.

A claim carries the figure as its source prints it and, where no training is needed, a function that recomputes it from
our own networks, counter and layers. The verdict follows from the two by one rule (`claim.verdict`) each time the
ledger is checked. A claim that is known to differ says why, and one that differs without a reason, or gives one and
does not differ, is an error of the ledger.

The text of the lecture was read from its slides by machine; a figure is taken as it stands there. A claim is filed
with its topic, one file each; claims on a network that the registry does not have are left out.
"""

from cnn_bench.claims.claim import VERDICTS, Claim, Finding, check, verdict
from cnn_bench.claims.ledger import all_claims, summary, unexplained

__all__ = ['VERDICTS', 'Claim', 'Finding', 'all_claims', 'check', 'summary', 'unexplained', 'verdict']
