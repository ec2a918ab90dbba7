"""One training step of a network, ready to be timed: in this code base, in plain Linen, in compiled PyTorch.

All take the same step: forward pass with dropout and batch statistics, softmax cross-entropy, backward pass, SGD with
momentum 0.9 and weight decay 1e-4, on one batch that stays on the device. Parameters are float32 throughout.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cnn_bench.measure import training_step
from cnn_bench.models import fast_ops, registry
from cnn_bench.models.registry import Arch

MIB = 2**20


class Case(NamedTuple):
    """What is timed: an architecture at its native size, a batch, a number format of the computation."""

    arch: str
    batch: int
    dtype: str
    seed: int

    @property
    def facts(self) -> Arch:
        return registry.get(self.arch)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Random images (n, h, w, c) float32 and labels (n,)."""
        generator = np.random.default_rng(self.seed)
        images = generator.standard_normal((self.batch, *self.facts.input_shape), np.float32)
        return images, generator.integers(0, self.facts.num_classes, self.batch).astype(np.int32)


class Contestant(NamedTuple):
    """A compiled training step that has run once."""

    name: str
    call: Callable[[], None]  # starts `steps` steps
    wait: Callable[[], None]  # returns when all started ones are done
    steps: int
    compile_s: float
    memory_mib: float | None  # of a step, parameters and batch included
    first_loss: float


def linen(case: Case, name: str, steps: int, plain: bool) -> Contestant:
    """The registry's network, its step compiled by XLA: with our layers, or `plain` with Linen's and XLA's own.

    A call takes `steps` steps in one program. `memory_mib` is what XLA plans for it.
    """
    model = registry.build(case.arch, dtype=case.dtype)
    images, labels = map(jnp.asarray, case.data())

    def init():
        return training_step.initial_state(model.init(jax.random.key(case.seed), images[:1]))

    state = jax.jit(init)()
    rule, key = training_step.optimizer(), jax.random.key(case.seed)
    step = partial(training_step.step, key=key, model=model, rule=rule)
    run = jax.jit(partial(_steps, step=step, count=steps), donate_argnums=0)
    with fast_ops.disabled() if plain else nullcontext():
        start = time.perf_counter()
        compiled = run.lower(state, images, labels).compile()
        compile_s = time.perf_counter() - start
    holder = {'state': state}

    def call():
        holder['state'], holder['loss'] = compiled(holder['state'], images, labels)

    call()
    memory = compiled.memory_analysis()
    planned = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    planned += memory.temp_size_in_bytes
    first_loss = float(holder['loss'][0])
    return Contestant(name, call, lambda: jax.block_until_ready(holder), steps, compile_s, planned / MIB, first_loss)


def _steps(state: Any, images: jax.Array, labels: jax.Array, *, step: Callable, count: int) -> tuple:
    if count == 1:  # no loop: XLA's CPU back end is many times slower inside one
        state, loss = step(state, images, labels)
        return state, loss[None]
    return jax.lax.scan(lambda state, _: step(state, images, labels), state, length=count)
