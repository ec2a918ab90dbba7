"""Bit-reproducible runs on back ends that are not by default.

A CPU repeats a run exactly with equally many cores: XLA splits sums by their number, so with another the last digits
differ. Provenance records the number, and a run that goes on with another says so.
"""

import os

from jax._src import xla_bridge  # the only place that says whether a back end has started

from cnn_bench.errors import UserError

# On GPUs it excludes kernels whose sums depend on the order of threads, and choosing kernels by timing. CPUs and TPUs
# are reproducible anyway (a CPU for a given number of cores) and ignore it.
FLAG = '--xla_gpu_deterministic_ops=true'


def enable() -> None:
    """Set the flag. XLA reads its flags once, so this raises UserError if a back end has started already."""
    if xla_bridge.backends_are_initialized():
        raise UserError('--deterministic must come before JAX first touches a device; something has used one already')
    os.environ['XLA_FLAGS'] = ' '.join([*os.environ.get('XLA_FLAGS', '').split(), FLAG])


def record() -> dict:
    """For a run's provenance: whether the flag is set, and all of XLA's flags."""
    flags = os.environ.get('XLA_FLAGS', '')
    return {'deterministic': FLAG in flags.split(), 'xla_flags': flags}
