"""All claims, and a summary of the checked ones."""

from collections.abc import Iterable, Iterator
from typing import Any

from cnn_bench.lecture.claims import (
    activations,
    alexnet,
    arithmetic,
    inception,
    lenet,
    needs_training,
    papers,
    resnet,
    worked_examples,
)
from cnn_bench.lecture.claims.claim import DIFFERS, ELSEWHERE, HOLDS, ROUNDED, TRAINING, CheckedClaim, Claim, judge
from cnn_bench.runtime import processes

# In the order of the lecture, then of papers.
TOPICS = (arithmetic, activations, worked_examples, lenet, alexnet, inception, resnet, papers, needs_training)
_WORDS = {
    HOLDS: 'hold',
    ROUNDED: 'hold rounded',
    DIFFERS: 'differ',
    TRAINING: 'need training',
    ELSEWHERE: 'published elsewhere',
}


def all_claims() -> list[Claim]:
    """Every claim, in order; nothing is recomputed yet."""
    return [claim for topic in TOPICS for claim in topic.claims()]


def check_all() -> Iterator[list[CheckedClaim]]:
    """Yield the checked claims of each of `TOPICS`, in order. Topics are recomputed in several processes."""
    recomputed = processes.each(_recompute, range(len(TOPICS)), worth_it=2)
    for topic, values in zip(TOPICS, recomputed, strict=True):
        yield [judge(claim, value) for claim, value in zip(topic.claims(), values, strict=True)]


def _recompute(topic: int) -> list[Any]:
    return [claim.recompute() if claim.recompute else None for claim in TOPICS[topic].claims()]


def summary(checked: Iterable[CheckedClaim]) -> str:
    """The number of claims with each verdict, in one line."""
    verdicts = [one.verdict for one in checked]
    counts = ', '.join(f'{verdicts.count(verdict)} {words}' for verdict, words in _WORDS.items())
    return f'{len(verdicts)} claims: {counts}'


def unexplained(checked: Iterable[CheckedClaim]) -> list[str]:
    """A line for each claim that differs without a reason, or gives a reason and does not differ."""
    return [
        f'{one.claim.id} {"differs without a reason" if one.verdict == DIFFERS else "was expected to differ"}'
        for one in checked
        if not one.explained
    ]
