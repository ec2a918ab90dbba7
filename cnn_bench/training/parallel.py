"""One per-device function, run on several devices: as one jit-compiled program on a mesh, or under pmap."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from cnn_bench.errors import UserError
from cnn_bench.training.step import AXIS


def local_devices(count: int) -> list[jax.Device]:
    """The first `count` devices of this process; 0: all of them."""
    devices = jax.local_devices()
    if count > len(devices):
        raise UserError(f'config.devices is {count}; this machine has {len(devices)}: {devices[0].device_kind}')
    return devices[:count] if count else devices


def over_devices(function: Callable, devices: list[jax.Device], mode: str, donate: bool = False) -> Callable:
    """Compile `function(state, shared, local) -> (same, own)` to run on all `devices` at once.

    `state` and `shared` are replicated and so is `same` of the result; the arrays of `local` and `own` have a leading
    axis of one entry a device, which the function itself does not see. `mode` is 'jit' or 'pmap': the function finds
    the devices under the axis name `AXIS` either way, so both give the same numbers. With `donate`, the state's memory
    is reused for the result.
    """
    compile_for = _pmapped if mode == 'pmap' else _on_mesh
    compiled = compile_for(function, devices, (0,) if donate else ())
    if devices[0].platform != 'cpu' or len(devices) == 1:
        return compiled
    # Simulated devices share one pool of threads. Calls that queue up could hold all of them, each waiting in a
    # collective for a device that has no thread left to join it. So: one call at a time.
    return lambda *args: jax.block_until_ready(compiled(*args))


def _pmapped(function: Callable, devices: list[jax.Device], donated: tuple) -> Callable:
    axes = {'in_axes': (None, None, 0), 'out_axes': (None, 0)}
    return jax.pmap(function, AXIS, devices=devices, donate_argnums=donated, **axes)


def _on_mesh(function: Callable, devices: list[jax.Device], donated: tuple) -> Callable:
    def on_mesh(state, shared, local):
        same, own = function(state, shared, jax.tree.map(lambda a: a[0], local))
        return same, jax.tree.map(lambda a: a[None], own)

    same, own = PartitionSpec(), PartitionSpec(AXIS)
    # check_vma off: with it, gradients of replicated parameters would be summed over devices behind the step's back.
    mapped = jax.shard_map(
        on_mesh, mesh=mesh(devices), in_specs=(same, same, own), out_specs=(same, own), check_vma=False
    )
    return jax.jit(mapped, donate_argnums=donated)


def mesh(devices: list[jax.Device]) -> Mesh:
    """A mesh of one axis, `AXIS`."""
    return Mesh(np.array(devices), (AXIS,))


def replicate(tree: Any, devices: list[jax.Device]) -> Any:
    """`tree` with a copy of every array on each device."""
    return jax.device_put(tree, NamedSharding(mesh(devices), PartitionSpec()))


def split(array: np.ndarray, devices: list[jax.Device], axis: int = 0) -> np.ndarray:
    """`array` with `axis` cut into one consecutive share a device, and those in a new leading axis.

    Raises UserError where the axis does not divide.
    """
    count = len(devices)
    if array.shape[axis] % count:
        raise UserError(f'a batch of {array.shape[axis]} images does not divide by {count} devices')
    return np.stack(np.split(array, count, axis))
