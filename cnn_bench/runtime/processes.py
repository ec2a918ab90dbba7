"""A function of many items in as many processes as there are cores, with the results in order.

Tracing a network is Python code, which threads of one process would run in turn.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from cnn_bench.runtime import cores, garbage

MOST = 8  # processes; each imports JAX by itself
WORTH_IT = 16  # networks: with fewer, the imports of other processes take longer than they save

T, R = TypeVar('T'), TypeVar('R')


def each(function: Callable[[T], R], items: Sequence[T], worth_it: int = WORTH_IT) -> Iterator[R]:
    """Yield `function(item)` of each item, in order.

    Fewer than `worth_it` items, and those of a process with a single core, are computed here. Function, items and
    results must be picklable. What `function` raises is raised here, and items that have not begun are then left out.
    """
    workers = min(MOST, len(cores.available()))
    if len(items) < worth_it or workers < 2:
        with garbage.collected_seldom():
            yield from map(function, items)
        return
    pool = ProcessPoolExecutor(workers, get_context('spawn'), _begin)
    try:
        yield from pool.map(function, items)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """First of all: Ctrl-C reaches all processes of a terminal; the one that started this one answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    garbage.collect_seldom()
