"""All claims together, and what came of checking them."""

from collections.abc import Iterable

from cnn_bench.claims import activations, alexnet, arithmetic, examples, inception, lenet, papers, resnet, training
from cnn_bench.claims.claim import DIFFERS, ELSEWHERE, HOLDS, ROUNDED, TRAINING, Claim, Finding

# In the order of the lecture, then papers.
TOPICS = (arithmetic, activations, examples, lenet, alexnet, inception, resnet, papers, training)
_WORDS = {
    HOLDS: 'hold',
    ROUNDED: 'hold rounded',
    DIFFERS: 'differ',
    TRAINING: 'need training',
    ELSEWHERE: 'published elsewhere',
}


def all_claims() -> list[Claim]:
    """Every claim of the ledger, in order. Nothing is recomputed yet."""
    return [claim for topic in TOPICS for claim in topic.claims()]


def summary(findings: Iterable[Finding]) -> str:
    """How many claims hold, hold rounded, differ, need training or are only quoted, in one line."""
    verdicts = [finding.verdict for finding in findings]
    counts = ', '.join(f'{verdicts.count(verdict)} {words}' for verdict, words in _WORDS.items())
    return f'{len(verdicts)} claims: {counts}'


def unexplained(findings: Iterable[Finding]) -> list[str]:
    """A line for each claim that differs without a reason, or gives a reason and does not differ."""
    return [
        f'{finding.claim.id} {"differs without a reason" if finding.verdict == DIFFERS else "was to differ"}'
        for finding in findings
        if not finding.explained
    ]
