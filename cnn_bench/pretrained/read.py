"""Reading weight files into named arrays. Nothing in a file is ever executed."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np

from cnn_bench.errors import UserError
from cnn_bench.pretrained.checks import Arrays, named, needed, unreadable
from cnn_bench.pretrained.read_keras import read_h5, read_keras
from cnn_bench.pretrained.read_torch import read_torch
from cnn_bench.pretrained.state_dict import StateDict, check_use, find

MOST_VALUES = 2**32  # in a file, unless the caller knows how many the network needs
BYTES_PER_VALUE = 8  # at most
_DTYPES = {
    'F64': np.float64,
    'F32': np.float32,
    'F16': np.float16,
    'BF16': ml_dtypes.bfloat16,
    'I64': np.int64,
    'I32': np.int32,
}


def read(path: str | Path, most_values: int = MOST_VALUES, use: str | None = None) -> tuple[StateDict, str]:
    """The arrays of a weight file by name with where in the file they were, and the kind of names: 'torch' or 'keras'.

    Reads .safetensors; .pth, .pth.tar, .pt, .bin and .ckpt where PyTorch is installed (of pickled objects only tensors
    are loaded); Keras's .weights.h5, .keras and older .h5 files. What surrounds the weights in a checkpoint, in
    dictionaries or as prefixes of names, is taken off as `state_dict` says; `use`, 'raw' or 'ema', chooses where a
    checkpoint has weights and an average of them. A Keras array is named 'layer/variable'; slashes in the layer's name
    become underscores, and layers with automatic names are numbered from 0 in order of creation: 'conv2d_0/kernel'.

    Raises UserError for a file that is missing, of another kind, damaged or without arrays; for one that holds, or
    claims to hold, more than `most_values` numbers, before they are read; for arrays of anything but real numbers, for
    two of one name, and for links to other files or places; where `use` is needed, or asks for what is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'there is no weight file {path}')
    for endings, kind, reader in _READERS:
        if path.name.endswith(endings):
            _check_bytes(path, most_values)
            found = reader(path, most_values, use)
            if not found.arrays:
                raise UserError(f'{path} holds no arrays')
            return found, kind
    known = ', '.join(ending for endings, _, _ in _READERS for ending in endings)
    raise UserError(f'{path} is not of a known kind of weight file; known: {known}')


def _check_bytes(path: Path, most_values: int) -> None:
    """Refuse a file that is too large, or is an archive that would be once it is unpacked."""
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
        except zipfile.BadZipFile as error:
            raise unreadable(path, error) from error
    if size > most_values * BYTES_PER_VALUE:
        raise unreadable(path, f'it is {size:,} bytes long, more than {most_values:,} numbers')


def _read_safetensors(path: Path, most_values: int, use: str | None) -> StateDict:
    safetensors = needed('safetensors', path)
    try:
        tensors = named(path, safetensors.deserialize(path.read_bytes()))  # its NumPy reader knows no bfloat16
        arrays = {
            name: np.frombuffer(tensor['data'], _DTYPES[tensor['dtype']]).reshape(tensor['shape'])
            for name, tensor in tensors.items()
        }
    except KeyError as error:
        raise unreadable(path, f'it holds numbers of type {error.args[0]}') from error
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return find(path, arrays, use)


def _of_keras(reader: Callable[[Path, int], Arrays]) -> Callable[[Path, int, str | None], StateDict]:
    return lambda path, most_values, use: check_use(path, StateDict(reader(path, most_values)), use)


_READERS: tuple[tuple[tuple[str, ...], str, Callable[[Path, int, str | None], StateDict]], ...] = (
    (('.safetensors',), 'torch', _read_safetensors),
    (('.pth', '.pth.tar', '.pt', '.bin', '.ckpt'), 'torch', read_torch),
    (('.h5', '.hdf5'), 'keras', _of_keras(read_h5)),
    (('.keras',), 'keras', _of_keras(read_keras)),
)
