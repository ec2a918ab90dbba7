"""JAX's persistent compilation cache, shared by the processes of a sweep and by the tests.

A single run has a cache only where the user sets JAX_COMPILATION_CACHE_DIR. JAX reads these variables when it is
imported; importing this module does not import JAX.
"""

from pathlib import Path

CACHE = '.compiled'  # in a sweep's directory
QUICKEST_S = 0.5  # programs that compile faster are not kept


def cache_variables(directory: str | Path) -> dict[str, str]:
    """Environment variables that make a process keep compiled programs in `directory`."""
    return {
        'JAX_COMPILATION_CACHE_DIR': str(directory),
        'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': str(QUICKEST_S),
    }
