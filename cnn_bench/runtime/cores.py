"""CPU cores for processes that train at the same time.

With cores of its own a process does not compete with the others; benchmarks/cores.py measures the gain. XLA splits sums
by the number of cores, so the last digits of a result depend on it. Only Linux lets a process choose its cores.
"""

import os

VARIABLE = 'CNN_BENCH_CORES'  # environment variable with the cores that a process may use: '0,2'


def available() -> list[int]:
    """The cores that this process may use; empty where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else []


def shares(count: int, cores: list[int]) -> list[dict[str, str]]:
    """Environment variables for `count` processes that share `cores` evenly.

    Empty for a single process and where there are fewer cores than processes.
    """
    if count == 1 or len(cores) < count:
        return [{} for _ in range(count)]
    return [{VARIABLE: ','.join(map(str, cores[i::count]))} for i in range(count)]


def keep_to_own() -> None:
    """Restrict this process to the cores that its environment names. Call it before JAX is imported."""
    own = {int(core) for core in os.environ.get(VARIABLE, '').split(',') if core}
    if own & set(available()):
        os.sched_setaffinity(0, own & set(available()))
