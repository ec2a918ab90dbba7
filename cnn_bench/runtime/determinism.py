"""The same bits from run to run, also where a back end would rather be fast."""

import os

from jax._src import xla_bridge  # the only place that says whether a back end has started

from cnn_bench.errors import UserError

# GPUs: no kernel whose sums depend on the order in which threads arrive, and none chosen by timing. CPUs and TPUs
# compute the same bits anyway and read past this flag.
FLAG = '--xla_gpu_deterministic_ops=true'


def enable() -> None:
    """Ask for it; XLA reads its flags once, so this raises UserError where a back end has started already."""
    if xla_bridge.backends_are_initialized():
        raise UserError('--deterministic must come before JAX first touches a device; something has used one already')
    os.environ['XLA_FLAGS'] = ' '.join([*os.environ.get('XLA_FLAGS', '').split(), FLAG])


def record() -> dict:
    """For a run's provenance: whether it was asked for, and all of XLA's flags."""
    flags = os.environ.get('XLA_FLAGS', '')
    return {'deterministic': FLAG in flags.split(), 'xla_flags': flags}
