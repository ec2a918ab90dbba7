"""Keras's weight files: .weights.h5, .keras and older .h5."""

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cnn_bench.pretrained.checks import Arrays, check_values, named, needed, unreadable

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
_NUMBERED = re.compile(r'(' + '|'.join(_VARIABLES) + r')(?:_(\d+))?')


def read_h5(path: Path, most_values: int) -> Arrays:
    """The arrays of an HDF5 file by `layer/variable`, see `read.read`."""
    return _from_h5(path, path, most_values)


def read_keras(path: Path, most_values: int) -> Arrays:
    """The arrays of a .keras archive, likewise."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open('model.weights.h5') as file:
            return _from_h5(path, file, most_values)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise unreadable(path, error) from error


def _from_h5(path: Path, file: Path | BinaryIO, most_values: int) -> Arrays:
    h5py = needed('h5py', path)
    try:
        with h5py.File(file, 'r') as root:
            _check_links(path, root)
            top = root.get('model_weights', root)
            found = _by_number(top['layers']) if 'layers' in top else _by_weight_names(top)
            datasets = named(path, found)
            for name, array in datasets.items():
                _check_dataset(path, name, array)
            check_values(path, (array.size for array in datasets.values()), most_values)
            arrays = [(name, np.asarray(array)) for name, array in datasets.items()]
            return named(path, _renumbered(arrays))
    except (OSError, LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(path, error) from error


def _check_links(path: Path, root: Any) -> None:
    """Refuse links that lead elsewhere: to another file, or to another place of this one."""
    h5py = needed('h5py', path)
    seen, groups = set(), [root]
    while groups:
        group = groups.pop()
        place = h5py.h5o.get_info(group.id).addr
        if place in seen:
            continue
        seen.add(place)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise unreadable(path, f'{group.name}/{name} is a link')
            if isinstance(group[name], h5py.Group):
                groups.append(group[name])


def _check_dataset(path: Path, name: str, array: Any) -> None:
    """Refuse what is no array of real numbers, or has its numbers in other files."""
    if getattr(array, 'shape', None) is None:
        raise unreadable(path, f'{name} is no array')
    if array.external or array.is_virtual:
        raise unreadable(path, f'the numbers of {name} are in another file')
    if array.dtype.kind not in 'fiu':
        raise unreadable(path, f'{name} holds {array.dtype}, not numbers')


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
