"""Work on a stream of items in threads, a few items ahead."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


def ahead(
    call: Callable[[Item], Result], items: Iterable[Item], per_core: int = 4
) -> Iterator[tuple[Item, Future[Result]]]:
    """Yield each item with `call`'s result of it, in order; at most `per_core` items per core are in the making."""
    threads = os.cpu_count() or 1
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append((item, pool.submit(call, item)))
            if len(waiting) > per_core * threads:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
