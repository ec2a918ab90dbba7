"""What makes JAX fast on a CPU, chosen when this package is imported, before JAX starts.

Neither changes what is computed, up to rounding. benchmarks/README.md has what the kernels give.
"""

import ctypes
import os
import sys
import warnings

# XLA 0.10 lets YNNPACK compute convolutions and matrix products, which reaches a third to nine tenths of the speed of
# Eigen, what it took before and takes without. Sums over pixels are faster by YNNPACK, but with these it takes the
# convolutions before them as well, unless these have other uses too, as in training. Other versions may not know the
# option and would refuse to start.
OPTION, SUMS, KNOWN_TO = 'xla_cpu_experimental_ynn_fusion_type', 'LIBRARY_FUSION_TYPE_REDUCE', '0.10.'

# glibc gives large arrays back to the system as soon as they are freed and gets them anew, page by page, at the next
# step, which takes longer than to compute on them.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # parameters of mallopt(3)
LARGEST, PAD = 2**31 - 1, 2**26  # bytes


def prepare() -> None:
    """Choose kernels and keep freed memory, where that is known to work and not set otherwise."""
    choose_kernels()
    keep_freed_memory()
    # Not a warning for each program that can't be kept in a cache as it calls oneDNN (models/fast_ops/onednn.py).
    warnings.filterwarnings('ignore', r'Error writing persistent compilation cache entry.*std::bad_alloc', UserWarning)


def choose_kernels() -> None:
    """Add the flag to XLA_FLAGS, unless it is set. It has no effect once JAX has compiled a program."""
    flags = os.environ.get('XLA_FLAGS', '')
    if OPTION not in flags and _jaxlib().startswith(KNOWN_TO):
        os.environ['XLA_FLAGS'] = f'{flags} --{OPTION}='.strip()


def training_options() -> dict[str, str]:
    """The `compiler_options` of `jax.jit` for a step of training on CPUs, which has sums over pixels in every layer."""
    return {OPTION: SUMS} if _jaxlib().startswith(KNOWN_TO) else {}


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees for what it allocates next; variables MALLOC_... come first."""
    if sys.platform.startswith('linux') and not any(name.startswith('MALLOC_') for name in os.environ):
        mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)  # other C libraries than glibc may lack it
        for parameter, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, LARGEST), (TOP_PAD, PAD)):
            if mallopt is not None:
                mallopt(parameter, value)


def _jaxlib() -> str:
    try:
        from jaxlib.version import __version__  # sooner read than the metadata of the package
    except ImportError:
        return ''
    return __version__
