"""`PYTHON torch_worker.py`: the process that holds one network of PyTorch and times it when asked.

Requests and answers are those of `../worker.py`. It stands alone: PYTHON is one that has torch, and need not have
cnn_bench. The configuration is the fastest of those that a careful user takes without leaving float32 or bfloat16:

- channels last, the faster layout for nearly all networks that were tried at inference on a CPU;
- as many threads as cores; on a GPU cuDNN's search for the fastest algorithm, and TF32 as XLA uses it;
- inference: `eval()`, `inference_mode()`; in bfloat16 all parameters are; branches are fused, but not if `unfolded`;
- training: `train()`, cross-entropy, fused SGD; in bfloat16 by autocast, with float32 parameters;
- compiled: static shapes, at inference with frozen weights (batch norm is folded; not if `unfolded`), on a GPU with
  CUDA graphs.

Inductor's cache is off, so that `compile_s` is that of compiling; TORCHINDUCTOR_FORCE_DISABLE_CACHES=0 turns it on.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hardware
import serving
import torch_case
import torch_models

sys.path[:] = [place for place in sys.path if place != str(Path(__file__).parent)]  # its other files are not for torch
os.environ.setdefault('TORCHINDUCTOR_FORCE_DISABLE_CACHES', '1')

PACKAGES = ('torch', 'torchvision', 'timm')
OUT_OF_MEMORY = ('out of memory', "can't allocate memory", 'not enough memory', 'bad_alloc', 'cannot allocate memory')


def failure(error: Exception) -> dict[str, str]:
    """{'status', 'reason'} of an error: what it is, and its first line."""
    reason = serving.first_line(error)
    if isinstance(error, torch_models.Unsupported):
        status = 'unsupported'
    elif isinstance(error, MemoryError) or any(words in str(error).lower() for words in OUT_OF_MEMORY):
        status = 'out_of_memory'
    else:
        status = 'failed'
    return {'status': status, 'reason': ''.join(c if c.isprintable() else ' ' for c in reason[:300])}


class Worker(serving.Worker):
    """The requests, answered by PyTorch."""

    def machine(self) -> dict[str, Any]:
        """The device, the threads and the versions."""
        torch = torch_case.configured_torch()
        cuda = torch.cuda.is_available()
        return {
            'platform': 'gpu' if cuda else 'cpu',
            'device': torch.cuda.get_device_name() if cuda else hardware.cpu_name(),
            'threads': torch.get_num_threads(),
            'versions': hardware.versions(PACKAGES),
        }

    def prepared(self, case: dict[str, Any]) -> torch_case.PreparedCase:
        """The case, with its network built and, where that is asked for, compiled."""
        return torch_case.PreparedCase(**case)

    def peak(self, dtype: str = 'float32') -> dict[str, Any]:
        """{'matrix_flop_per_s', 'copy_bytes_per_s'} of the device, measured now."""
        torch = torch_case.configured_torch()
        cuda = torch.cuda.is_available()
        size, repeats, numbers = (8192, 20, 2**28) if cuda else (2048, 2, 2**26)
        a = torch.randn(2, size, size, dtype=getattr(torch, dtype), device='cuda' if cuda else 'cpu')
        x = torch.zeros(numbers, device=a.device)
        y = torch.empty_like(x)
        return {
            'matrix_flop_per_s': 2 * size**3 * repeats / _seconds(lambda: torch.mm(a[0], a[1]), repeats),
            'copy_bytes_per_s': 2 * 4 * numbers * repeats / _seconds(lambda: y.copy_(x), repeats),
        }


def _seconds(call: Callable[[], Any], repeats: int) -> float:
    """Seconds of so many calls, after one that does not count."""
    import torch

    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == '__main__':
    serving.serve_stdin(Worker(), failure)
