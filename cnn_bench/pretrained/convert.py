"""Converting another library's arrays into the variables of one of our networks."""

import re
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.models.variables import variable_shapes
from cnn_bench.pretrained.layout import Layout, layout_of, layouts_of

Shape = tuple[int, int, int]
LISTED = 8  # names of each kind that an error message lists
_TORCH = {'kernel': 'weight', 'scale': 'weight', 'bias': 'bias', 'mean': 'running_mean', 'var': 'running_var'}
_KERAS = {'kernel': 'kernel', 'scale': 'gamma', 'bias': 'bias', 'mean': 'moving_mean', 'var': 'moving_variance'}


def build(arch: str, library: str, **fields: Any) -> Any:
    """The module of `arch` that computes what the library's network computes, with further `fields` set."""
    return registry.build(arch, **{**layout_of(arch, library).fields, **fields})


def count_values(arch: str, **fields: Any) -> int:
    """How many numbers the variables of `arch` hold."""
    shapes = array_shapes(registry.build(arch, **fields), registry.get(arch).input_shape)
    return sum(leaf.size for leaf in shapes.values())


def fitting_libraries(arch: str, arrays: dict[str, np.ndarray], naming: str) -> list[str]:
    """The libraries with this naming ('torch' or 'keras') whose names for `arch` match the arrays best.

    Where several match as well, those come first whose network is ours, without other padding or epsilon.
    """
    candidates = {name: layout for name, layout in layouts_of(arch).items() if (name == 'keras') == (naming == 'keras')}
    if not candidates:
        raise UserError(f'weights of {arch} are known from {", ".join(layouts_of(arch))}, not from a {naming} file')

    def matched(library: str) -> int:
        names = Names(candidates[library], library)
        paths = array_shapes(build(arch, library), registry.get(arch).input_shape)
        return sum(names.of(path) in arrays for path in paths)

    if len(candidates) == 1:
        return list(candidates)
    matches = {library: matched(library) for library in candidates}
    best = [library for library in candidates if matches[library] == max(matches.values())]
    return sorted(best, key=lambda library: build(arch, library) != registry.build(arch))


def convert(
    arch: str, arrays: dict[str, np.ndarray], library: str, input_shape: Shape | None = None, **fields: Any
) -> dict:
    """The variables of `build(arch, library, **fields)` as float32 arrays; every one of `arrays` must be used.

    With `num_classes=0`, for a base without its head, other layers of the head may be left. `input_shape` (h, w, c) is
    the architecture's own unless given; it matters for networks whose first dense layer grows with the image.
    Convolution kernels become (kh, kw, in, out); dense kernels become (in, out), with channels last in a flattened
    activation. A bias of theirs before a batch norm, which ours does not have, is subtracted from the running mean.
    Raises UserError with the arrays that are missing, left over, of the wrong shape or not finite.
    """
    layout = layout_of(arch, library)
    expected = array_shapes(build(arch, library, **fields), input_shape or registry.get(arch).input_shape)
    names = Names(layout, library, scaled={path.rpartition('/')[0] for path in expected if path.endswith('/scale')})
    ours, problems = {}, _Problems()
    arrays = renamed(arch, arrays, library)
    used = set()
    for path, leaf in expected.items():
        name = names.of(path)
        if name not in arrays and layout.unscaled and path.endswith('/scale'):
            ours[path] = np.ones(leaf.shape, np.float32)
        elif name not in arrays:
            problems.missing.append(name)
        else:
            used.add(name)
            value = _oriented(arrays[name], leaf.shape, path, layout, library)
            if value is None:
                problems.wrong.append(f'{name} {arrays[name].shape} for {path} {leaf.shape}')
            elif not np.isfinite(value := _float32(value)).all():
                problems.not_finite.append(name)
            else:
                ours[path] = value
    _fold_biases(ours, names, arrays, used, problems)
    needless = set() if fields.get('num_classes', 1) else _head_names(arch, library, expected)
    problems.left_over = [name for name in arrays if name not in used | needless and not _ignored(name, layout)]
    problems.check(f'the weights do not fit {arch} as {library} has it')
    return unflatten_dict(ours, sep='/')


def renamed(arch: str, arrays: Mapping[str, np.ndarray], library: str) -> dict[str, np.ndarray]:
    """The arrays by the library's present names. Raises UserError where an array is there under two of them."""
    layout = layout_of(arch, library)
    today = {_today(name, layout): array for name, array in arrays.items()}
    if len(today) < len(arrays):
        raise UserError(f'the weights have arrays of {arch} twice, under names of two versions of {library}')
    return today


def array_shapes(module: Any, input_shape: Shape) -> dict[str, Any]:
    """Shapes of the variables of `module` by path, for images of `input_shape` (h, w, c)."""
    return flatten_dict(variable_shapes(module, input_shape), sep='/')


class Names:
    """Maps the path of one of our arrays to the library's name: 'params/stem/conv/kernel' -> 'conv1.weight'."""

    def __init__(self, layout: Layout, library: str, scaled: Iterable[str] = ()):
        self.layout, self.scaled = layout, {path.partition('/')[2] for path in scaled}
        self.leaves, self.separator = (_KERAS, '/') if library == 'keras' else (_TORCH, '.')

    def of(self, path: str) -> str:
        _, _, path = path.partition('/')
        layer, _, leaf = path.rpartition('/')
        try:
            name = self.layout.name(layer if leaf in self.leaves else path)
        except KeyError:
            return f'(no name for {path})'
        if '/' in name or leaf not in self.leaves:
            return name.replace('/', self.separator)
        norm = leaf == 'bias' and layer in self.scaled and self.separator == '/'
        return f'{name}{self.separator}{"beta" if norm else self.leaves[leaf]}'

    def of_bias(self, layer: str) -> str:
        """The library's name for the bias of our convolution `layer`, which has none."""
        return self.of(f'params/{layer}/bias')


class _Problems:
    def __init__(self):
        self.missing, self.left_over, self.wrong, self.not_finite = [], [], [], []

    def check(self, what: str) -> None:
        kinds = {
            'missing': self.missing,
            'left over': self.left_over,
            'of the wrong shape': self.wrong,
            'not finite': self.not_finite,
        }
        parts = [f'{len(names)} {kind} ({_listed(names)})' for kind, names in kinds.items() if names]
        if parts:
            raise UserError(f'{what}: {"; ".join(parts)}')


def _listed(names: list[str]) -> str:
    more = len(names) - LISTED
    return ', '.join(names[:LISTED]) + (f' and {more} more' if more > 0 else '')


def _head_names(arch: str, library: str, base: Mapping[str, Any]) -> set[str]:
    """The library's names for the arrays of the head of `arch`, which are not in the `base`."""
    whole = array_shapes(build(arch, library), registry.get(arch).input_shape)
    return {Names(layout_of(arch, library), library).of(path) for path in whole if path not in base}


def _oriented(array: np.ndarray, shape: tuple, path: str, layout: Layout, library: str) -> np.ndarray | None:
    """Their array with our order of axes; None where the shapes do not fit."""
    if array.size != prod(shape):
        return None
    layer, _, leaf = path.partition('/')[2].rpartition('/')
    if leaf == 'kernel' and library == 'keras':
        if array.ndim == 4 and len(shape) == 4 and shape[2] == 1 != array.shape[2]:
            array = array.reshape(*array.shape[:2], 1, -1)  # depthwise: channels, then filters per channel
    elif leaf == 'kernel' and array.ndim == 4:
        array = array.transpose(2, 3, 1, 0)
        if len(shape) == 2:  # a convolution that covers the map, for a dense layer
            array = array.reshape(-1, array.shape[-1])
    elif leaf == 'kernel' and array.ndim == 2:
        if layer in layout.flattened:
            channels, outputs = layout.flattened[layer], len(array)
            if array.shape[1] % channels:
                return None
            array = array.reshape(outputs, channels, -1).transpose(2, 1, 0).reshape(-1, outputs)
        else:
            array = array.T
    if layout.bgr and leaf == 'kernel' and len(shape) == array.ndim == 4 and shape[2] == 3:
        array = array[:, :, ::-1]
    if _without_ones(array.shape) != _without_ones(shape):
        return None
    return array.reshape(shape)


def _float32(array: np.ndarray) -> np.ndarray:
    with np.errstate(over='ignore'):  # to infinity, which is refused
        return np.asarray(array, np.float32)


def _without_ones(shape: tuple) -> tuple:
    return tuple(size for size in shape if size != 1)


def _fold_biases(
    ours: dict, names: Names, arrays: dict[str, np.ndarray], used: set[str], problems: '_Problems'
) -> None:
    for path in [path for path in ours if path.endswith('/conv/kernel')]:
        layer = path.removeprefix('params/').removesuffix('/conv/kernel')
        bias, mean = names.of_bias(f'{layer}/conv'), f'batch_stats/{layer}/norm/mean'
        if bias in arrays and bias not in used and mean in ours and arrays[bias].shape == ours[mean].shape:
            ours[mean] = ours[mean] - _float32(arrays[bias])
            if not np.isfinite(ours[mean]).all():
                problems.not_finite.append(bias)
            used.add(bias)


def _today(name: str, layout: Layout) -> str:
    """The library's present name for a name in the file."""
    for pattern, template in layout.older:
        if match := re.fullmatch(pattern, name):
            return match.expand(template)
    return name


def _ignored(name: str, layout: Layout) -> bool:
    return name.endswith('num_batches_tracked') or any(re.fullmatch(pattern, name) for pattern in layout.ignored)
