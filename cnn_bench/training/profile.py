"""A trace of some training steps, for Perfetto (ui.perfetto.dev) or TensorBoard's profile plugin."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import jax

STEPS = 10  # at least so many are traced


def profiled(train_steps: Callable, directory: str | Path, wanted: bool) -> AbstractContextManager[Callable]:
    """`train_steps` within a `with` statement, traced if `wanted`, in the first process of several."""
    return Profiled(train_steps, directory) if wanted and jax.process_index() == 0 else nullcontext(train_steps)


class Profiled:
    """A compiled `train_steps`, traced once it has been compiled; to be closed, best by a `with` statement.

    `profiled(state, shared, batches)` is `train_steps(state, shared, batches)`; the arrays of `batches` are (devices,
    steps, ...). A call with a number of steps that none before had is compiled within, so it is never traced. From the
    next call on the trace goes into `directory`, until at least STEPS steps are in it. Numbers are not affected.
    """

    def __init__(self, train_steps: Callable, directory: str | Path):
        self.train_steps, self.directory = train_steps, Path(directory)
        self.compiled: set[int] = set()
        self.traced = 0  # steps
        self.tracing = False

    def __call__(self, state, shared, batches):
        count = jax.tree.leaves(batches)[0].shape[1]
        if count in self.compiled and not self.traced:
            jax.block_until_ready(state)
            jax.profiler.start_trace(self.directory, create_perfetto_trace=True)
            self.tracing = True
        elif count not in self.compiled:
            self.close()
        self.compiled.add(count)
        if not self.tracing:
            return self.train_steps(state, shared, batches)
        with jax.profiler.StepTraceAnnotation('train', step_num=self.traced):
            result = self.train_steps(state, shared, batches)
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

    def __enter__(self) -> 'Profiled':
        return self

    def __exit__(self, *error) -> None:
        self.close()
