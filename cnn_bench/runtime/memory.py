"""How much memory a process may take, and what an error about memory looks like."""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnn_bench.errors import RunFailed
from cnn_bench.files import NO_ROOM

MIB, GIB = 1 << 20, 1 << 30  # sizes of memory and of files are told in these everywhere, never in powers of ten
PROGRAM_BYTES = 5 * GIB // 4  # that Python and JAX reserve to train LeNet-5 on two cores, and little more
SAID = ('resource_exhausted', 'out of memory', 'bad_alloc', 'cannot allocate memory')  # by XLA, CUDA, C++ and libc
CGROUPS = Path('/sys/fs/cgroup')


class OutOfMemory(RunFailed, MemoryError):
    """The work takes more memory than there is."""


def gib(size: int) -> str:
    """The size in GiB, for people."""
    return f'{size / GIB:,.2f} GiB'


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, of whatever library, says that memory ran out."""
    return isinstance(error, MemoryError) or says_out_of_memory(str(error))


def says_out_of_memory(text: str) -> bool:
    """Whether the text of a message says that memory ran out."""
    full = any(os.strerror(number) in text for number in NO_ROOM)  # TensorStore calls a full disk exhausted too
    return any(words in text.lower() for words in SAID) and not full


def require_program() -> None:
    """Raise OutOfMemory where a limit leaves no room for Python and JAX, which crash there without a word."""
    least = min((limit for limit, _ in _limits()), default=PROGRAM_BYTES)
    if least < PROGRAM_BYTES:
        raise OutOfMemory(f'training takes at least {gib(PROGRAM_BYTES)}; this process may have {gib(least)}')


def free_bytes(devices: list[Any]) -> tuple[int, str]:
    """The bytes that programs on this process's JAX `devices` may still take together, and what holds them to that."""
    stats = [device.memory_stats() or {} for device in devices]  # None on CPUs
    if all('bytes_limit' in each for each in stats):
        free = sum(each['bytes_limit'] - each['bytes_in_use'] for each in stats)
        return free, f'{gib(free)} are free on the {len(devices)} {devices[0].device_kind}'
    return host_free_bytes()


def host_free_bytes() -> tuple[int, str]:
    """The bytes that this process may still take, and what holds it to that."""
    free = [(limit - used, 'this process may still take') for limit, used in _limits()]
    free += [(size, 'this job may take') for size in _cgroup_limits()]
    free += [(size, 'this machine has') for size in _machine_bytes()]
    size, what = min(free)
    return max(size, 0), f'{what} {gib(max(size, 0))}'


def kills() -> int:
    """How many processes Linux has killed on this machine because memory ran out; 0 where it does not say."""
    return _read_numbers(Path('/proc/vmstat')).get('oom_kill', 0)


def _limits() -> Iterator[tuple[int, int]]:
    """(limit, used) in bytes of each limit that is set on this process's memory."""
    used = _read_numbers(Path('/proc/self/status'))
    kinds = {'VmSize:': resource.RLIMIT_AS}
    if sys.platform.startswith('linux'):
        kinds['VmData:'] = resource.RLIMIT_DATA
    for name, kind in kinds.items():
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            yield soft, used.get(name, 0) << 10


def _cgroup_limits() -> Iterator[int]:
    """The memory limits of the control groups that this process is in."""
    try:
        groups = Path('/proc/self/cgroup').read_text().splitlines()
    except OSError:
        return
    for line in groups:
        _, controllers, path = line.split(':', 2)
        root, name = (CGROUPS, 'memory.max') if not controllers else (CGROUPS / controllers, 'memory.limit_in_bytes')
        group = root / path.lstrip('/')
        for directory in (group, *group.parents):
            try:
                text = (directory / name).read_text().strip()
            except OSError:
                continue
            if text.isdecimal():
                yield int(text)


def _machine_bytes() -> Iterator[int]:
    """Bytes that are free or can be freed on this machine, swap included."""
    info = _read_numbers(Path('/proc/meminfo'))
    if 'MemAvailable:' in info:
        yield info['MemAvailable:'] + info['SwapFree:'] << 10
    else:
        yield os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')


def _read_numbers(path: Path) -> dict[str, int]:
    """{first word: second word} of the lines of a file of numbers; empty where there is none."""
    try:
        words = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].isdecimal()}
