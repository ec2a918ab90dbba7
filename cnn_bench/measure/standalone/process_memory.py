"""The memory of a process as Linux counts it: pages in RAM, now and at the most since a moment. None elsewhere."""

import ctypes
import gc
from pathlib import Path

STATUS, CLEAR = 'status', 'clear_refs'  # in /proc/PID
FORGET_PEAK = '5'  # written to clear_refs: the peak becomes what is resident now (man 5 proc)


def resident_bytes(pid: int | str = 'self') -> int | None:
    """Bytes in RAM (VmRSS)."""
    return _field('VmRSS:', pid)


def peak_bytes(pid: int | str = 'self') -> int | None:
    """The most bytes in RAM (VmHWM) since the process started or `forget_peak` was called."""
    return _field('VmHWM:', pid)


def forget_peak() -> bool:
    """Let `peak_bytes` start from now. What Python and malloc hold without need is given back before.

    False where the system has no such thing, or does not allow it.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)  # of glibc: freed memory would be used again unseen
    if trim is not None:
        trim(0)
    try:
        Path('/proc/self', CLEAR).write_text(FORGET_PEAK)
    except OSError:
        return False
    return True


def _field(name: str, pid: int | str) -> int | None:
    try:
        lines = Path('/proc', str(pid), STATUS).read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(name)), None)
