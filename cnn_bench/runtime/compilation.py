"""JAX's persistent compilation cache, shared by the processes of a sweep and by the tests.

A single run has a cache only where the user sets JAX_COMPILATION_CACHE_DIR. JAX reads these variables when it is
imported; importing this module does not import JAX.
"""

from pathlib import Path

CACHE = '.compiled'  # in a sweep's directory
QUICKEST_S = 0.5  # programs of a sweep that compile faster are not kept


def cache_variables(directory: str | Path, quickest_s: float = QUICKEST_S) -> dict[str, str]:
    """Environment variables that make a process keep compiled programs in `directory`, but for those that compile in
    less than `quickest_s` seconds."""
    return {
        'JAX_COMPILATION_CACHE_DIR': str(directory),
        'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': str(quickest_s),
    }
