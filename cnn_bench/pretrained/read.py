"""Reading weight files into named arrays. Nothing in a file is ever executed."""

import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from cnn_bench.errors import UserError

Arrays = dict[str, np.ndarray]
MOST_VALUES = 2**32  # in a file, unless the caller knows how many the network needs
BYTES_PER_VALUE = 8  # at most

# Keras 3's names for the variables of a layer, which its files only number.
_VARIABLES = {
    'batch_normalization': ('gamma', 'beta', 'moving_mean', 'moving_variance'),
    'conv2d': ('kernel', 'bias'),
    'dense': ('kernel', 'bias'),
    'depthwise_conv2d': ('kernel', 'bias'),
    'layer_normalization': ('gamma', 'beta'),
    'layer_scale': ('gamma',),
    'normalization': ('mean', 'variance', 'count'),
    'separable_conv2d': ('depthwise_kernel', 'pointwise_kernel', 'bias'),
}
_DTYPES = {
    'F64': np.float64,
    'F32': np.float32,
    'F16': np.float16,
    'BF16': ml_dtypes.bfloat16,
    'I64': np.int64,
    'I32': np.int32,
}
_NUMBERED = re.compile(r'(' + '|'.join(_VARIABLES) + r')(?:_(\d+))?')


def read(path: str | Path, most_values: int = MOST_VALUES) -> tuple[Arrays, str]:
    """The arrays of a weight file by name, and the kind of names: 'torch' or 'keras'.

    Reads .safetensors; .pth, .pt and .bin where PyTorch is installed (tensors only, no other pickled objects); Keras's
    .weights.h5, .keras and older .h5 files. A Keras array is named 'layer/variable'; slashes in the layer's name become
    underscores, and layers with automatic names are numbered from 0 in order of creation: 'conv2d_0/kernel'.

    Raises UserError for a file that is missing, of another kind, damaged or without arrays; for one that holds, or
    claims to hold, more than `most_values` numbers, before they are read; for arrays of anything but real numbers, for
    two of one name, and for links to other files or places.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'there is no weight file {path}')
    for endings, kind, reader in _READERS:
        if path.name.endswith(endings):
            _check_bytes(path, most_values)
            arrays = reader(path, most_values)
            if not arrays:
                raise UserError(f'{path} holds no arrays')
            return arrays, kind
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
            raise _unreadable(path, error) from error
    if size > most_values * BYTES_PER_VALUE:
        raise _unreadable(path, f'it is {size:,} bytes long, more than {most_values:,} numbers')


def _check_values(path: Path, values: Iterable[int], most_values: int) -> None:
    if (total := sum(values)) > most_values:
        raise _unreadable(path, f'its arrays have {total:,} numbers; at most {most_values:,} are expected')


def _named(path: Path, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dictionary; refuses two of one name."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _unreadable(path, f'it has two arrays of the name {name}')
        found[name] = value
    return found


def _read_safetensors(path: Path, most_values: int) -> Arrays:
    safetensors = _needed('safetensors', path)
    try:
        tensors = _named(path, safetensors.deserialize(path.read_bytes()))  # its NumPy reader knows no bfloat16
        return {
            name: np.frombuffer(tensor['data'], _DTYPES[tensor['dtype']]).reshape(tensor['shape'])
            for name, tensor in tensors.items()
        }
    except KeyError as error:
        raise _unreadable(path, f'it holds numbers of type {error.args[0]}') from error
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _read_torch(path: Path, most_values: int) -> Arrays:
    torch = _needed('torch', path, 'install PyTorch, or convert the file to .safetensors')
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # pickle, zipfile and torch each raise their own
        if 'weights_only' in str(error) or 'Unsupported' in str(error):
            error = 'it holds pickled objects other than tensors, which are not loaded'
        raise _unreadable(path, error) from None
    for wrapper in ('state_dict', 'model'):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in content.items()
    ):
        raise UserError(f'{path} is not a state dict: names and tensors')
    _check_values(path, (tensor.numel() for tensor in content.values()), most_values)
    try:
        return {
            name: (tensor.float() if tensor.is_floating_point() else tensor).numpy() for name, tensor in content.items()
        }
    except (RuntimeError, TypeError) as error:  # sparse, quantised or without data
        raise _unreadable(path, error) from error


def _read_h5(path: Path, most_values: int) -> Arrays:
    return _from_h5(path, path, most_values)


def _read_keras(path: Path, most_values: int) -> Arrays:
    try:
        with zipfile.ZipFile(path) as archive, archive.open('model.weights.h5') as file:
            return _from_h5(path, file, most_values)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise _unreadable(path, error) from error


def _from_h5(path: Path, file: Path | BinaryIO, most_values: int) -> Arrays:
    h5py = _needed('h5py', path)
    try:
        with h5py.File(file, 'r') as root:
            _check_links(path, root)
            top = root.get('model_weights', root)
            found = _by_number(top['layers']) if 'layers' in top else _by_weight_names(top)
            named = _named(path, found)
            for name, array in named.items():
                _check_dataset(path, name, array)
            _check_values(path, (array.size for array in named.values()), most_values)
            arrays = [(name, np.asarray(array)) for name, array in named.items()]
            return _named(path, _renumbered(arrays))
    except (OSError, LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(path, error) from error


def _check_links(path: Path, root: Any) -> None:
    """Refuse links that lead elsewhere: to another file, or to another place of this one."""
    h5py = _needed('h5py', path)
    seen, groups = set(), [root]
    while groups:
        group = groups.pop()
        place = h5py.h5o.get_info(group.id).addr
        if place in seen:
            continue
        seen.add(place)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _unreadable(path, f'{group.name}/{name} is a link')
            if isinstance(group[name], h5py.Group):
                groups.append(group[name])


def _check_dataset(path: Path, name: str, array: Any) -> None:
    """Refuse what is no array of real numbers, or has its numbers in other files."""
    if getattr(array, 'shape', None) is None:
        raise _unreadable(path, f'{name} is no array')
    if array.external or array.is_virtual:
        raise _unreadable(path, f'the numbers of {name} are in another file')
    if array.dtype.kind not in 'fiu':
        raise _unreadable(path, f'{name} holds {array.dtype}, not numbers')


def _by_weight_names(top: Any) -> Iterable[tuple[str, Any]]:
    """The older layout: each layer's group lists its arrays as 'conv1/kernel:0' or, oldest, 'conv1_W_1:0'."""
    for layer in top.attrs['layer_names']:
        group = top[layer]
        for name in group.attrs['weight_names']:
            name = _text(name)
            leaf = name.rpartition('/')[2].removesuffix(':0')
            if oldest := re.search(r'_([Wb])(_\d+)?$', leaf):
                leaf = {'W': 'kernel', 'b': 'bias'}[oldest[1]]
            yield f'{_text(layer).replace("/", "_")}/{leaf}', group[name]


def _by_number(layers: Any) -> Iterable[tuple[str, Any]]:
    """Keras 3's layout: layers/CLASS_NUMBER/vars/0, 1, ...; an attribute of `vars` has the layer's name."""
    for key, layer in layers.items():
        if 'layers' in layer:  # a model inside the model
            yield from _by_number(layer['layers'])
        variables = layer.get('vars', {})
        names = _VARIABLES.get(re.sub(r'_\d+$', '', key), ())
        if key.startswith('batch_normalization') and len(variables) == 3:
            names = names[1:]  # without a scale, as in Inception
        for number, array in variables.items():
            leaf = dict(zip(map(str, range(len(names))), names, strict=True)).get(number, number)
            yield f'{_text(variables.attrs.get("name", key)).replace("/", "_")}/{leaf}', array


def _renumbered(arrays: list[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
    """The arrays with layers of automatic names numbered from 0, in order of creation within the session."""
    layers = {name.rpartition('/')[0] for name, _ in arrays}
    automatic = [match for layer in layers if (match := _NUMBERED.fullmatch(layer))]
    new = {}
    for kind in _VARIABLES:
        created = sorted((int(match[2] or 0), match[0]) for match in automatic if match[1] == kind)
        new |= {layer: f'{kind}_{rank}' for rank, (_, layer) in enumerate(created)}

    def renamed(name: str) -> str:
        layer, _, leaf = name.rpartition('/')
        return f'{new.get(layer, layer)}/{leaf}'

    return [(renamed(name), array) for name, array in arrays]


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _needed(module: str, path: Path, otherwise: str = "pip install 'cnn_bench[pretrained]'") -> Any:
    try:
        return __import__(module)
    except ImportError as error:
        raise UserError(f'{path} cannot be read without {module}: {otherwise}') from error


def _unreadable(path: Path, why: Any) -> UserError:
    reason = next(iter(str(why).strip().splitlines()), '') or type(why).__name__
    return UserError(f'{path} cannot be read: {reason[:200]}')


_READERS: tuple[tuple[tuple[str, ...], str, Callable[[Path, int], Arrays]], ...] = (
    (('.safetensors',), 'torch', _read_safetensors),
    (('.pth', '.pt', '.bin'), 'torch', _read_torch),
    (('.h5', '.hdf5'), 'keras', _read_h5),
    (('.keras',), 'keras', _read_keras),
)
