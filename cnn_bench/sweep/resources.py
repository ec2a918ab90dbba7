"""The GPU or the CPU cores of each of the trials that run at the same time."""

import os
import re
import subprocess
from collections.abc import Mapping

from cnn_bench.errors import UserError
from cnn_bench.runtime import cores

GPU_MEMORY_FRACTION = 0.9  # of a shared GPU that its trials may allocate: CUDA contexts take the rest
UUID = re.compile(r'UUID: (MIG-[^)\s]+)')


def assign(gpus: list[str], share: float, jobs: int | None) -> list[dict[str, str]]:
    """The environment variables of each slot; a slot runs one trial at a time.

    Without GPUs, `jobs` slots (default: 1) divide the CPU cores among them. With GPUs, each slot has `share` of one, or
    several if `share` is a whole number; `jobs` (default: as many as fit) are distributed over the GPUs in turn. Raises
    UserError if `jobs` do not fit, or if `share` is not a valid number of GPUs.
    """
    if jobs is not None and jobs < 1:
        raise UserError(f'--jobs is {jobs}; it must be at least 1')
    if not (0 < share <= 1 or (share > 1 and share == int(share))):
        raise UserError(f'--gpu-share is {share:g}; it must be above 0 and at most 1, or a whole number of GPUs')
    if not gpus:
        return cores.shares(jobs or 1, cores.available())
    groups = [','.join(group) for group in _groups(gpus, max(1, int(share)))]
    at_once = len(groups) * (int(1 / share + 1e-9) if share < 1 else 1)
    if (jobs or 1) > at_once:
        raise UserError(f'--jobs is {jobs or 1}; {len(gpus)} GPUs with --gpu-share {share:g} run {at_once} at a time')
    visible = [{'CUDA_VISIBLE_DEVICES': group} for group in groups]
    return [{**visible[i % len(groups)], **gpu_memory(share)} for i in range(jobs or at_once)]


def gpu_memory(share: float) -> dict[str, str]:
    """The environment variables that keep a process to its share of the memory of a GPU, if it does not have all."""
    return {'XLA_PYTHON_CLIENT_MEM_FRACTION': f'{share * GPU_MEMORY_FRACTION:.3g}'} if share < 1 else {}


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that a process on this machine may use, in the notation of CUDA_VISIBLE_DEVICES. Touches no device."""
    platforms = environment.get('JAX_PLATFORMS', '')
    if platforms and not {'cuda', 'gpu'} & set(platforms.split(',')):
        return []
    named = environment.get('CUDA_VISIBLE_DEVICES')
    if named is not None:
        return [name.strip() for name in named.split(',') if name.strip() not in ('', '-1', 'NoDevFiles')]
    try:
        listed = subprocess.run(['nvidia-smi', '-L'], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return listed_gpus(listed)


def listed_gpus(listed: str) -> list[str]:
    """The devices in the output of `nvidia-smi -L`: UUIDs of MIG instances if there are any, else GPU numbers."""
    return UUID.findall(listed) or re.findall(r'^GPU (\d+):', listed, re.M)


def _groups(gpus: list[str], size: int) -> list[list[str]]:
    return [gpus[i : i + size] for i in range(0, len(gpus) - size + 1, size)]
