"""PyTorch's files: .pth, .pth.tar, .pt, .bin and .ckpt. What is pickled in them is never run.

PyTorch's own restricted reader (`weights_only=True`) builds tensors and plain containers and refuses every other name
in the pickle. A few harmless names stand beside the weights in many checkpoints: `argparse.Namespace` with the
arguments of the training script and NumPy's scalars. In their place it is given `_Unread`, which keeps nothing, so
that no code of argparse or NumPy sees what the file says.
"""

import re
import warnings
import zipfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from cnn_bench.pretrained.checks import check_values, needed, unreadable
from cnn_bench.pretrained.state_dict import StateDict, find

LEFT_UNREAD = (
    ('argparse', 'Namespace'),
    ('numpy', 'dtype'),
    ('numpy.core.multiarray', 'scalar'),
    ('numpy._core.multiarray', 'scalar'),
)
_REFUSED_NAME = re.compile(r'GLOBAL (\S+) was not an allowed|unsupported GLOBAL (\S+)')


class _Unread:
    """Stands for an object of a pickle, of which nothing is kept."""

    def __new__(cls, *_: Any, **__: Any) -> '_Unread':
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any):
        pass

    def __setstate__(self, _: Any) -> None:
        pass


_PLACEHOLDERS = [type(name, (_Unread,), {'__module__': module}) for module, name in LEFT_UNREAD]


def read_torch(path: Path, most_values: int, use: str | None = None) -> StateDict:
    """The weights in a file of PyTorch's as arrays, floating-point ones as float32; see `read.read`."""
    if _is_torchscript(path):
        raise unreadable(
            path, 'it is a TorchScript archive; save torch.jit.load(FILE).state_dict() with torch.save and import that'
        )
    torch = needed('torch', path, 'install PyTorch, or convert the file to .safetensors')
    found = find(path, _load(torch, path), use)
    check_values(path, (tensor.numel() for tensor in found.arrays.values()), most_values)
    try:
        return found._replace(arrays={name: _array(tensor) for name, tensor in found.arrays.items()})
    except (RuntimeError, TypeError, AttributeError) as error:  # sparse, quantised, complex or without data
        raise unreadable(path, error) from error


def _load(torch: Any, path: Path) -> Any:
    try:
        with warnings.catch_warnings(), _placeholders(torch):
            warnings.simplefilter('ignore')
            return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # pickle, zipfile and torch each raise their own
        name = _REFUSED_NAME.search(str(error))
        if name or 'weights_only' in str(error) or 'Unsupported' in str(error):
            what = f' ({name[1] or name[2]})' if name else ''
            error = f'it holds pickled objects other than tensors{what}, which are not loaded; save model.state_dict()'
        raise unreadable(path, error) from None


def _placeholders(torch: Any) -> AbstractContextManager:
    allow = getattr(torch.serialization, 'safe_globals', None)  # of PyTorch 2.5 or later
    return allow(_PLACEHOLDERS) if allow else nullcontext()


def _array(tensor: Any) -> Any:
    if tensor.is_complex():
        raise TypeError('it holds complex numbers')
    tensor = tensor.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.partition('/')[2] == 'constants.pkl' for name in archive.namelist())
