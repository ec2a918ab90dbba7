"""Refusing a network whose parameters alone exceed the memory limit of the process.

XLA's CPU back end hangs in some programs whose allocations fail, so such a run would hang instead of fail.
"""

import resource
import sys


def require_room(params: int, bytes_each: int = 4) -> None:
    """Raise MemoryError if the parameters exceed a limit that the system sets on this process's memory."""
    kinds = [resource.RLIMIT_AS, *([resource.RLIMIT_DATA] if sys.platform.startswith('linux') else [])]
    limits = [soft for soft, _ in map(resource.getrlimit, kinds) if soft != resource.RLIM_INFINITY]
    size = params * bytes_each
    if limits and size > min(limits):
        raise MemoryError(f'the parameters take {size:,} bytes; this process may have {min(limits):,}')
