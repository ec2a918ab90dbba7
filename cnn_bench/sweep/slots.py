"""Which GPU, or which cores of the CPU, each of the trials that run at once gets."""

import os
import re
import subprocess
from collections.abc import Mapping

from cnn_bench.errors import UserError
from cnn_bench.runtime import cores

OF_THE_SHARE = 0.9  # of a shared GPU's memory that trials may take: the rest is for their contexts
UUID = re.compile(r'UUID: (MIG-[^)\s]+)')


def assign(gpus: list[str], share: float, jobs: int | None) -> list[dict[str, str]]:
    """The environment variables of each slot, a slot being what one trial at a time runs in.

    Without GPUs there are `jobs` slots (default 1) that divide the cores of the CPU. With them each slot has `share` of
    a GPU, or that many GPUs where it is a whole number; `jobs` (default: as many as fit) go to the GPUs in turn. Raises
    UserError where `jobs` do not fit or `share` is not one.
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
        raise UserError(f'--jobs is {jobs or 1}; {len(gpus)} GPUs with --gpu-share {share:g} run {at_once} at once')
    memory = {'XLA_PYTHON_CLIENT_MEM_FRACTION': f'{share * OF_THE_SHARE:.3g}'} if share < 1 else {}
    return [{'CUDA_VISIBLE_DEVICES': groups[i % len(groups)], **memory} for i in range(jobs or at_once)]


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs of this machine that a process may use, as CUDA_VISIBLE_DEVICES names them. Touches no device."""
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
    """The devices in what `nvidia-smi -L` prints: UUIDs of instances where GPUs are cut into some, else 0, ..."""
    return UUID.findall(listed) or re.findall(r'^GPU (\d+):', listed, re.M)


def _groups(gpus: list[str], size: int) -> list[list[str]]:
    return [gpus[i : i + size] for i in range(0, len(gpus) - size + 1, size)]
