"""Timing of calls that are each waited for."""

import gc
import time
from collections.abc import Callable
from typing import Any

WARMUP_S, WARMUP_CALLS = 0.3, 10  # calls before the first timed one: until either is reached, beside the first of all
FEWEST, MOST = 2, 5000  # timed calls of a turn
REPEATED_WARMUP_S = 0.5  # a turn begins with a call that does not count, if a call is shorter than this


def warm_up(call: Callable[[], Any]) -> tuple[int, float]:
    """Calls that do not count: how many they were, and how many seconds the last took."""
    calls, last, began = 0, 0.0, time.perf_counter()
    while not calls or (calls < WARMUP_CALLS and time.perf_counter() - began < WARMUP_S):
        start = time.perf_counter()
        call()
        last = time.perf_counter() - start
        calls += 1
    return calls, last


def turn(call: Callable[[], Any], seconds: float, usual_s: float) -> dict[str, Any]:
    """{'seconds': duration of each call, 'warmup_calls': ...}.

    Calls follow each other until `seconds` have passed, at least FEWEST and at most MOST of them. `usual_s` is how long
    one takes. Python's garbage collector is off.
    """
    durations, warmup = [], 0
    gc.collect()
    gc.disable()
    try:
        if usual_s < REPEATED_WARMUP_S:
            call()
            warmup = 1
        began = time.perf_counter()
        while len(durations) < FEWEST or (len(durations) < MOST and time.perf_counter() - began < seconds):
            start = time.perf_counter()
            call()
            durations.append(round(time.perf_counter() - start, 9))
    finally:
        gc.enable()
    return {'seconds': durations, 'warmup_calls': warmup}
