"""Keeping Orbax and TensorStore from printing what they raise as well."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """While it is entered, failures of Orbax and TensorStore are raised and not printed.

    Of many reads or writes that fail, one is raised. The others end later, after the event loop that waited for them,
    so their hook stays in place after a failure.
    """
    logger, hook = logging.getLogger('absl'), sys.unraisablehook
    level = logger.level

    def without_closed_loops(unraisable) -> None:
        if str(unraisable.exc_value) != 'Event loop is closed':
            hook(unraisable)

    sys.unraisablehook = without_closed_loops
    logger.setLevel(logging.CRITICAL)
    try:
        yield
        sys.unraisablehook = hook
    finally:
        logger.setLevel(level)
