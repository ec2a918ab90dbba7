"""Runs of several processes, usually one a host: starting them, and collecting what each of them holds.

All processes run the same program on their share of every batch and hold the same state. They need one file system
for the run directory: every process reads there; only the first writes, except that Orbax writes checkpoints from all.
When one process dies the others end too: at once where a collective fails, otherwise when JAX has missed its heartbeat
for 100 s. The run resumes from its last checkpoint when all are started again.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np
from jax.experimental import multihost_utils

from cnn_bench.errors import RunFailed, UserError


def start(coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None) -> None:
    """Join the run's other processes; call it before anything touches a device.

    With no argument JAX finds the others by itself: under Slurm, Kubernetes, Open MPI and on Cloud TPUs. Otherwise all
    three are needed: the first process's HOST:PORT, how many there are, and which this one is, from 0. Raises UserError
    where they cannot be found or reached.
    """
    given = (coordinator, num_processes, process_id)
    if any(value is not None for value in given) and None in given:
        raise UserError('--coordinator, --num-processes and --process-id go together')
    if None not in given and not 0 <= process_id < num_processes:
        raise UserError(f'--process-id is {process_id}; with --num-processes {num_processes} it is from 0 to one less')
    try:
        jax.distributed.initialize(coordinator, num_processes, process_id)
    except (RuntimeError, ValueError) as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f'--distributed: {first_line}') from error


@contextmanager
def exit_when_another_fails() -> Iterator[None]:
    """Exit at once when a collective fails: closing down in order would wait for processes that are gone."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if jax.process_count() == 1:
            raise
        reason = str(error).splitlines()[0][:200]
        print(
            f'cnn-bench: error: a process of this run failed or ended ({reason}); '
            'start all of them again to resume from the last checkpoint',
            file=sys.stderr,
            flush=True,
        )
        os._exit(RunFailed.exit_status)


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def check_same_recipe(fields: dict) -> None:
    """Raise UserError in all processes unless all were given the same recipe `fields`, which several can run."""
    if jax.process_count() == 1:
        return
    if fields['parallel'] == 'pmap':
        raise UserError('config.parallel is pmap, which runs in one process only; set jit for several')
    text = json.dumps(fields, sort_keys=True)
    own = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
    if len(np.unique(multihost_utils.process_allgather(own), axis=0)) > 1:
        raise UserError('the processes of this run were started with different recipes; all need the same')


def gather(batches: list[np.ndarray]) -> np.ndarray:
    """All rows of batches in order, as (rows, ...), from every process's consecutive share (n, ...) of each batch."""
    if jax.process_count() == 1:  # whose batches may differ in size
        return np.concatenate(batches)
    shares = multihost_utils.process_allgather(np.stack(batches))  # (processes, batches, n, ...)
    shares = np.swapaxes(shares, 0, 1)
    return shares.reshape(-1, *shares.shape[3:])
