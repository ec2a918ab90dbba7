"""Which cores of the CPU a process keeps to, where several train at once.

Each with cores of its own they take turns with nobody: benchmarks/cores.py measures what that gives. Sums are cut into
as many parts as there are cores, so the last digits of a result depend on their number: it is in the provenance. Only
systems that let a process choose its cores (Linux) have it.
"""

import os

VARIABLE = 'CNN_BENCH_CORES'  # '0,2': the cores of the process that has it in its environment


def available() -> list[int]:
    """The cores that this process may use; none where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else []


def shares(count: int, cores: list[int]) -> list[dict[str, str]]:
    """The environment variables of `count` processes that run at once and divide `cores`.

    Without variables where there is but one of them, or fewer cores than processes.
    """
    if count == 1 or len(cores) < count:
        return [{} for _ in range(count)]
    return [{VARIABLE: ','.join(map(str, cores[i::count]))} for i in range(count)]


def keep_to_own() -> None:
    """Keep this process to the cores that its environment names, as far as it may use them. Before JAX is imported."""
    own = {int(core) for core in os.environ.get(VARIABLE, '').split(',') if core}
    if own & set(available()):
        os.sched_setaffinity(0, own & set(available()))
