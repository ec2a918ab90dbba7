"""Garbage collection that does not hold up tracing.

Tracing a network makes many objects, most of which stay for a while. To look through all of them after every few
hundred new ones takes a quarter of the time of tracing.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 100_000  # before a collection


def collect_seldom() -> None:
    """From now on, collect garbage only after `NEW_OBJECTS`, and none among the objects that are there already."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])


@contextmanager
def collected_seldom() -> Iterator[None]:
    """`collect_seldom`, until the block ends."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
