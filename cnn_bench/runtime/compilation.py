"""Where JAX keeps what it has compiled, so that the next process that needs the same program finds it.

The one place that says so: for the processes of a sweep and for the tests. A single run has a cache where the user has
set JAX_COMPILATION_CACHE_DIR. Importing this imports no JAX, which reads the variables when it is imported.
"""

from pathlib import Path

CACHE = '.compiled'  # in a sweep's directory
QUICKEST_S = 0.5  # programs that compile faster are not kept


def cache_variables(directory: str | Path) -> dict[str, str]:
    """The environment variables that give a process of JAX its persistent compilation cache in `directory`."""
    return {
        'JAX_COMPILATION_CACHE_DIR': str(directory),
        'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': str(QUICKEST_S),
    }
