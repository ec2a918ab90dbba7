"""Data parallelism: a per-device function on several devices, as one jit-compiled program on a mesh or under pmap.

The devices may belong to several processes. Each process then calls the same functions, with its own share of the
arrays that are split over devices and with the whole of those that are replicated.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from cnn_bench.errors import UserError
from cnn_bench.runtime import cpu

AXIS = 'data'  # the axis name under which a mapped function finds the devices


def local_devices(count: int) -> list[jax.Device]:
    """The first `count` devices of this process; 0: all of them."""
    devices = jax.local_devices()
    if count > len(devices):
        raise UserError(f'config.devices is {count}; this machine has {len(devices)}: {devices[0].device_kind}')
    return devices[:count] if count else devices


def all_devices(count: int) -> list[jax.Device]:
    """The first `count` devices of every process, process by process; 0: all of them."""
    if jax.process_count() == 1:
        return local_devices(count)
    local_devices(count)
    of_process = [[d for d in jax.devices() if d.process_index == index] for index in range(jax.process_count())]
    return [device for devices in of_process for device in devices[: count or None]]


def own_share(devices: list[jax.Device]) -> slice:
    """The slice of `devices` that belongs to this process."""
    own = [place for place, device in enumerate(devices) if device.process_index == jax.process_index()]
    return slice(own[0], own[-1] + 1)


def over_devices(function: Callable, devices: list[jax.Device], mode: str, donate: bool = False) -> Callable:
    """Compile `function(state, shared, local) -> (same, own)` to run on all `devices` at once.

    `state`, `shared` and the result `same` are replicated. The arrays of `local` and `own` have a leading device axis,
    which the function does not see: `local` has the devices of this process, `own` those of all. `mode` is 'jit' or
    'pmap'; the function finds the devices under the axis name `AXIS` either way, so both give the same numbers. With
    `donate` the state's memory is reused for the result.
    """
    compile_for = _pmapped if mode == 'pmap' else _on_mesh
    compiled = compile_for(function, devices, (0,) if donate else ())
    if devices[0].platform != 'cpu' or len(devices) == 1:
        return compiled
    # Simulated devices share one thread pool. Queued calls could occupy all threads, each waiting in a collective for a
    # device that has no thread left to join it. So only one call runs at a time.
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
    options = cpu.training_options() if donated and devices[0].platform == 'cpu' else None
    compiled = jax.jit(mapped, donate_argnums=donated, compiler_options=options)
    sharding = NamedSharding(mesh(devices), own)
    if sharding.is_fully_addressable:
        return compiled
    whole = partial(jax.make_array_from_process_local_data, sharding)
    return lambda state, shared, local: compiled(state, shared, jax.tree.map(whole, local))


def mesh(devices: list[jax.Device]) -> Mesh:
    """A mesh of one axis, `AXIS`."""
    return Mesh(np.array(devices), (AXIS,))


def replicate(tree: Any, devices: list[jax.Device]) -> Any:
    """`tree` with a copy of every array on each device."""
    sharding = NamedSharding(mesh(devices), PartitionSpec())
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    def everywhere(array: Any) -> jax.Array:
        array = np.asarray(array)
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    return jax.tree.map(everywhere, tree)


def rows_here(array: jax.Array) -> np.ndarray:
    """This process's rows of an array whose leading axis is split over devices."""
    if array.is_fully_addressable:
        return jax.device_get(array)
    shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start)
    return np.concatenate([np.asarray(shard.data) for shard in shards])


def split(array: np.ndarray, devices: list[jax.Device], axis: int = 0) -> np.ndarray:
    """A view of `array` with `axis` cut into consecutive shares, one per device, along a new leading axis.

    Nothing is copied: a batch of images is large, and the next step waits for it. Raises UserError where the axis does
    not divide.
    """
    count = len(devices)
    if array.shape[axis] % count:
        raise UserError(f'a batch of {array.shape[axis]} images does not divide by {count} devices')
    shares = array.reshape(*array.shape[:axis], count, -1, *array.shape[axis + 1 :])
    return np.moveaxis(shares, axis, 0)
