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
import optax

from cnn_bench.models import fast_ops, registry
from cnn_bench.models.registry import Arch

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 1e-4
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
    optimizer = optax.chain(optax.add_decayed_weights(WEIGHT_DECAY), optax.sgd(LEARNING_RATE, MOMENTUM))
    images, labels = map(jnp.asarray, case.data())

    def init():
        variables = dict(model.init(jax.random.key(case.seed), images[:1]))
        params = variables.pop('params')
        return params, variables, optimizer.init(params)

    state = jax.jit(init)()
    step = partial(_step, model=model, optimizer=optimizer, key=jax.random.key(case.seed))
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


def _step(state, images, labels, *, model, optimizer, key):
    params, model_state, opt_state = state

    def loss_fn(params):
        logits, updated = model.apply(
            {'params': params, **model_state},
            images,
            train=True,
            mutable=[*model_state, 'aux_logits'],
            rngs={'dropout': key},
        )
        updated.pop('aux_logits', None)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), updated

    (loss, model_state), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return (optax.apply_updates(params, updates), model_state, opt_state), loss


def matrix_product(dtype: str) -> Callable[[], float]:
    """A call of it measures the device's rate at a large square matrix product, in FLOP/s (2 a multiply-add)."""
    accelerator = jax.default_backend() != 'cpu'
    size, repeats = (8192, 20) if accelerator else (2048, 2)
    a, b = (jax.random.normal(jax.random.key(n), (size, size), jnp.dtype(dtype)) for n in range(2))
    multiply = jax.jit(jnp.matmul).lower(a, b).compile()
    jax.block_until_ready(multiply(a, b))

    def rate() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            product = multiply(a, b)
        jax.block_until_ready(product)
        return 2 * size**3 * repeats / (time.perf_counter() - start)

    return rate
