"""The weights in PyTorch's files: .pth, .pth.tar, .pt, .bin and .ckpt."""

from pathlib import Path

import numpy as np

from cnn_bench.pretrained import torch_file
from cnn_bench.pretrained.checks import unreadable
from cnn_bench.pretrained.state_dict import StateDict, find


def read_torch(path: Path, most_values: int, use: str | None = None) -> StateDict:
    """The weights in a file of PyTorch's as arrays, floating-point ones as float32; see `read.read`."""
    found = find(path, torch_file.load(path, most_values), use)
    return found._replace(arrays={name: _as_float32(path, name, array) for name, array in found.arrays.items()})


def _as_float32(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    if not isinstance(array, np.ndarray):  # a number of NumPy has a shape and a type, too
        raise unreadable(path, f'{name} is no tensor')
    return array if array.dtype.kind in 'iub' else array.astype(np.float32)
