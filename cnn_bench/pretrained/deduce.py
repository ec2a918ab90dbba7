"""What the arrays of a file say about the network that they are for: its number of classes and of input channels."""

from collections.abc import Mapping

import numpy as np

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.pretrained.convert import Names, array_shapes, build, renamed
from cnn_bench.pretrained.layout import layout_of

GREY = 1
_INPUTS = -2  # axis of our kernels


def num_classes(arch: str, arrays: Mapping[str, np.ndarray], library: str) -> int:
    """The number of classes of the head in `arrays`; 0 where they have no head, nothing that depends on the number.

    Raises UserError where the arrays of the head disagree, auxiliary heads that our network lacks aside.
    """
    named, found = renamed(arch, arrays, library), {}
    for name, path in _growing(arch, library, axis=-1).items():
        array = named.get(name)
        if array is not None and array.ndim:
            outputs_last = library == 'keras' or path.rpartition('/')[2] != 'kernel'
            found[name] = array.shape[-1 if outputs_last else 0]
    if 0 in found.values() or len(set(found.values())) > 1:
        listed = ', '.join(f'{name} {count}' for name, count in found.items())
        raise UserError(f'the head of {arch} in the file has several numbers of classes ({listed}): say --classes N')
    return next(iter(found.values()), 0)


def channels(arch: str, arrays: Mapping[str, np.ndarray], library: str) -> int:
    """How many channels images have for the first layer in `arrays`: 1 where it takes grey ones, else as `arch` has."""
    inputs_at = -2 if library == 'keras' else 1
    named = renamed(arch, arrays, library)
    first = [named[name] for name in _growing(arch, library, axis=_INPUTS) if name in named]
    grey = [array.ndim == 4 and array.shape[inputs_at] == GREY for array in first]
    return GREY if grey and all(grey) else registry.get(arch).channels


def _growing(arch: str, library: str, axis: int) -> dict[str, str]:
    """The library's name of each array that grows along our `axis` with one more class or channel, and our path."""
    facts, names = registry.get(arch), Names(layout_of(arch, library), library)
    height, width, own = facts.input_shape
    usual = array_shapes(build(arch, library), facts.input_shape)
    larger = array_shapes(build(arch, library, num_classes=facts.num_classes + 1), (height, width, own + 1))
    return {
        names.of(path): path
        for path, leaf in usual.items()
        if len(leaf.shape) >= -axis and larger[path].shape[axis] == leaf.shape[axis] + 1
    }
