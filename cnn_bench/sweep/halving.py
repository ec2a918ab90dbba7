"""Synchronous successive halving (Jamieson & Talwalkar 2016, arXiv 1502.07943) of the tuning trials of a variant.

All trials train up to a first rung; the better half goes on from its checkpoints to the next, and so on to the end. The
rungs are at steps at which the recipe evaluates anyway, so that a run that pauses there is the run that does not.
"""

import math
from collections.abc import Mapping

ETA = 2  # of the trials of a rung one in so many goes on, to so many times the steps


def rungs(total_steps: int, every_steps: int, count: int) -> list[int]:
    """The steps up to which `count` trials train before the next choice, the last of them `total_steps`.

    They double, and each is put off to the next multiple of `every_steps`, at which a trial is evaluated: there are
    fewer than log2(count) where a training has few evaluations.
    """
    doublings = int(math.log2(count))
    ideal = (total_steps / ETA**left for left in range(doublings, -1, -1))
    return sorted({min(total_steps, math.ceil(step / every_steps) * every_steps) for step in ideal})


def survivors(errors: Mapping[int, float | None]) -> list[int]:
    """The better half of the trials {number: error}, rounded up, in the order of their numbers.

    Of equal errors the lower number is better. Trials without an error have failed and do not go on.
    """
    good = sorted((error, number) for number, error in errors.items() if error is not None)
    return sorted(number for _, number in good[: math.ceil(len(errors) / ETA)])


def fractions(total_steps: int, every_steps: int, count: int) -> list[float]:
    """The part of a training that each of `count` trials trains if none fails, the best trial first."""
    steps, alive = [0] * count, count
    for rung in rungs(total_steps, every_steps, count):
        steps[:alive] = [rung] * alive
        alive = math.ceil(alive / ETA)
    return [step / total_steps for step in steps]
