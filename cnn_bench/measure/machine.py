"""The machine that figures were measured on: its device, its fastest matrix product and copy, versions, load."""

import os
import time
from collections.abc import Callable
from typing import Any

from cnn_bench.measure.standalone import hardware
from cnn_bench.runtime import cores

PACKAGES = ('jax', 'jaxlib', 'flax', 'optax', 'numpy')
COPIED_BYTES = {'cpu': 2**27, 'other': 2**30}  # more than any cache


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute."""
    return hardware.versions(PACKAGES)


def threads() -> int:
    """How many cores this process may use."""
    return len(cores.available()) or os.cpu_count() or 1


def load_average() -> float | None:
    """Processes that ran or waited for a core, averaged over the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, 'getloadavg') else None


def device() -> dict[str, Any]:
    """{'platform', 'device', 'threads'} of the device that JAX uses. Raises RuntimeError where it finds none."""
    import jax

    used = jax.devices()[0]
    name = 'cpu' if used.platform == 'cpu' else 'gpu' if used.platform in ('gpu', 'cuda', 'rocm') else used.platform
    return {
        'platform': name,
        'device': hardware.cpu_name() if name == 'cpu' else used.device_kind,
        'threads': threads(),
    }


def matrix_product(dtype: str) -> Callable[[], float]:
    """A call of it measures the device's rate at a large square matrix product, in FLOP/s (2 a multiply-add)."""
    import jax
    import jax.numpy as jnp

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


def copy() -> Callable[[], float]:
    """A call of it measures at what rate the device reads an array and writes another, in bytes/s, both counted."""
    import jax
    import jax.numpy as jnp

    size, repeats = COPIED_BYTES['cpu' if jax.default_backend() == 'cpu' else 'other'], 4
    x = jnp.zeros(size // 4, jnp.float32)
    add = jax.jit(lambda x: x + 1).lower(x).compile()  # a plain copy might be left out
    jax.block_until_ready(add(x))

    def rate() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            y = add(x)
        jax.block_until_ready(y)
        return 2 * size * repeats / (time.perf_counter() - start)

    return rate
