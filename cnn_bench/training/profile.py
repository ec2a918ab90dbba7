"""A trace of some training steps, for Perfetto (ui.perfetto.dev) or TensorBoard's profile plugin."""

from collections.abc import Callable
from pathlib import Path

import jax

STEPS = 10  # at least so many are traced


class Profiler:
    """Calls compiled train steps and traces some of those calls into `directory`; None traces nothing.

    Calls are traced once no more compilation is to come: the first call with a given number of steps compiles and is
    never traced. Results are not affected. Close it, best by a `with` statement, to write the trace.
    """

    def __init__(self, directory: str | Path | None):
        self.directory = directory
        self.compiled: set[int] = set()
        self.traced = 0  # steps
        self.tracing = False

    def __call__(self, train_steps: Callable, state, shared, batches):
        """`train_steps(state, shared, batches)`; the arrays of `batches` are (devices, steps, ...)."""
        if self.directory is None:
            return train_steps(state, shared, batches)
        count = jax.tree.leaves(batches)[0].shape[1]
        if count in self.compiled and not self.traced:
            jax.block_until_ready(state)
            jax.profiler.start_trace(self.directory, create_perfetto_trace=True)
            self.tracing = True
        elif count not in self.compiled:
            self.close()
        self.compiled.add(count)
        if not self.tracing:
            return train_steps(state, shared, batches)
        with jax.profiler.StepTraceAnnotation('train', step_num=self.traced):
            result = train_steps(state, shared, batches)
        self.traced += count
        if self.traced >= STEPS:
            jax.block_until_ready(result)
            self.close()
        return result

    def close(self) -> None:
        """Write the trace, if one is under way."""
        if self.tracing:
            self.tracing = False
            jax.profiler.stop_trace()

    def __enter__(self) -> 'Profiler':
        return self

    def __exit__(self, *error) -> None:
        self.close()
