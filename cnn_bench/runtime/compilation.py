"""What XLA is told before it starts: which kernels to take on CPUs, and where to keep compiled programs.

JAX's persistent compilation cache is shared by the processes of a sweep and by the tests.

A single run has a cache only where the user sets JAX_COMPILATION_CACHE_DIR. JAX reads these variables when it is
imported; importing this module does not import JAX.
"""

import os
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CACHE = '.compiled'  # in a sweep's directory
QUICKEST_S = 0.5  # programs that compile faster are not kept


def cache_variables(directory: str | Path) -> dict[str, str]:
    """Environment variables that make a process keep compiled programs in `directory`."""
    return {
        'JAX_COMPILATION_CACHE_DIR': str(directory),
        'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': str(QUICKEST_S),
    }


def hush_programs_not_kept() -> None:
    """No warning for each program that can't be kept as it calls oneDNN (`models/fast_ops/onednn.py`)."""
    warnings.filterwarnings('ignore', r'Error writing persistent compilation cache entry.*std::bad_alloc', UserWarning)


# XLA 0.10 computes convolutions and matrix products on CPUs by YNNPACK, which reaches a third to nine tenths of the
# speed of Eigen, what it took before and takes without. Other versions may not know the flag and would refuse to start.
NO_YNNPACK, KNOWN_TO = '--xla_cpu_experimental_ynn_fusion_type=', '0.10.'


def choose_cpu_kernels() -> None:
    """Add the flag to XLA_FLAGS, unless it is set. It has no effect once JAX has compiled a program."""
    flags = os.environ.get('XLA_FLAGS', '').split()
    if not any(flag.startswith(NO_YNNPACK) for flag in flags) and _jaxlib().startswith(KNOWN_TO):
        os.environ['XLA_FLAGS'] = ' '.join([*flags, NO_YNNPACK])


def _jaxlib() -> str:
    try:
        return version('jaxlib')
    except PackageNotFoundError:
        return ''
