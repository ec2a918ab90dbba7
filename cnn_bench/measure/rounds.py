"""The order in which networks get their turns."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar('T')

PROCESSES = 2  # that the rounds of a case are spread over, one after the other


def order(networks: Sequence[T], number: int) -> list[T]:
    """The networks in the order of round `number`, each once: as given in round 0, otherwise drawn by the number.

    In every round all have their turn before any has another, so that a machine that gets slower or faster adds to the
    spread of all, and in no fixed order, so that none always follows the same other one.
    """
    return list(networks) if number == 0 else random.Random(number).sample(list(networks), len(networks))


def target(rounds: int, process: int) -> int:
    """How many rounds of a case are there when its process number `process` (from 0) is done."""
    return -(-rounds * (process + 1) // min(rounds, PROCESSES))
