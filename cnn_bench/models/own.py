"""Networks outside this package, by their place: `path/to/mynet.py:MyNet`, or `package.module:MyNet` of a package that
Python can import.

The name is that of a Flax module that derives from `blocks.Classifier`, or of a functools.partial of one. A file stands
on its own: what it imports must be installed. It may say of its networks, with constants beside them:

    FAMILY      their family in charts and tables (default: the name of the file or module)
    YEAR        of publication (default: unknown)
    SIZE        their native images are SIZE x SIZE (default: 224, or 32 where the default stem is 'small')
    CHANNELS    of these images (default: 3)

A class is the same object as long as its file does not change, so that what JAX compiled for it is used again.
"""

import contextlib
import dataclasses
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from cnn_bench.errors import UserError, unknown
from cnn_bench.python_file import absolute, digest, execute, file_of
from cnn_bench.text import is_one_line

KEPT = 64  # files
FIELDS = ('num_classes', 'width', 'stem', 'dtype', 'bn_axis')  # that recipes, tables and devices set or read
WHOLE = {'YEAR': range(1900, 2101), 'SIZE': range(1, 100_001), 'CHANNELS': range(1, 10_001)}


@dataclass(frozen=True)
class Network:
    """A network that was found: what builds it, and what its file says."""

    make: Callable
    module: ModuleType  # in which it was found

    @property
    def cls(self) -> type:
        return self.make.func if isinstance(self.make, partial) else self.make

    @property
    def file(self) -> Path:
        """The file that defines it."""
        defined = sys.modules.get(self.cls.__module__, self.module)
        return Path(getattr(self.module, '__file__', None) or defined.__file__).absolute()

    def default(self, field: str) -> Any:
        """The value that a field has where nothing sets it."""
        fields = {f.name: f.default for f in dataclasses.fields(self.cls)}
        return getattr(self.make, 'keywords', {}).get(field, fields[field])


def is_own(arch: str) -> bool:
    """Whether `arch` names a network outside the registry."""
    return ':' in arch


def find(arch: str) -> Network:
    """The network of `arch`. Raises UserError where there is none, and with what it lacks to be one."""
    arch = absolute(arch)
    place, _, name = arch.rpartition(':')
    module = _module(arch)
    make = vars(module).get(name)
    if make is None:
        known = [other for other, value in vars(module).items() if not other.startswith('_') and _lacks(value) is None]
        raise unknown(f'network of {place}', name, known)
    if lacks := _lacks(make):
        raise UserError(
            f'{arch} {lacks}; a network is a class that derives from cnn_bench.models.blocks.Classifier, or a '
            'functools.partial of one'
        )
    return Network(make, module)


def facts(arch: str) -> dict[str, Any]:
    """What a line of the registry would say of `arch`, but for its counts."""
    found = find(arch)
    said = {name: _said(found.module, name) for name in ('FAMILY', *WHOLE)}
    stem = found.module.__name__.rpartition('.')[2] if file_of(arch) is None else found.file.stem
    return {
        'target': f'{stem}:{arch.rpartition(":")[2]}',
        'family_name': said['FAMILY'] or '',
        'year': said['YEAR'],
        'size': said['SIZE'] or (32 if found.default('stem') == 'small' else 224),
        'channels': said['CHANNELS'] or 3,
        'num_classes': found.default('num_classes'),
    }


@contextlib.contextmanager
def guarded(arch: str, doing: str) -> Iterator[None]:
    """Turn what the code of a user's network raises into a UserError in a line: ARCH cannot `doing`: ..."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), '')
        raise UserError(f'{arch} cannot {doing}: {type(error).__name__}: {first[:300]}') from error


def check_runs(arch: str, module: Any, image_shape: tuple[int, int, int], batch: int = 2) -> None:
    """Trace the network `module` of `arch` as training and evaluation call it, without running it.

    Raises UserError where its code fails on images of `image_shape` (h, w, c), or does not give a logit per class.
    """
    import jax
    import jax.numpy as jnp

    images, key = jax.ShapeDtypeStruct((batch, *image_shape), jnp.float32), jax.eval_shape(lambda: jax.random.key(0))
    shape = 'x'.join(map(str, image_shape))
    module = module.clone(bn_axis=None)  # an axis over devices exists in a step alone
    with guarded(arch, f'take images of {shape}'):
        variables = jax.eval_shape(lambda k, x: module.init(k, x, train=False), key, images)
        state = [name for name in variables if name not in ('params', 'aux_logits')]
        logits = jax.eval_shape(lambda v, x: module.apply(v, x, train=False), variables, images)
    with guarded(arch, f'train on images of {shape}'):
        apply = partial(module.apply, train=True, mutable=[*state, 'aux_logits'])
        trained, _ = jax.eval_shape(lambda v, x, k: apply(v, x, rngs={'dropout': k}), variables, images, key)
    for output in (logits, trained) if module.num_classes else ():
        given = getattr(output, 'shape', type(output).__name__)
        if given != (batch, module.num_classes):
            wanted = f'({batch}, {module.num_classes}), a logit per image and class'
            raise UserError(f'{arch} gives {given} for {batch} images of {shape}; it must give {wanted}')


def _module(arch: str) -> ModuleType:
    path, place = file_of(arch), arch.rpartition(':')[0]
    if path is not None:
        return _executed(path, digest(path) if path.is_file() else '')
    if not all(map(str.isidentifier, place.split('.'))):
        raise UserError(
            f'{arch!r} is no network; write path/to/file.py:Name, or package.module:Name of an installed package'
        )
    with guarded(arch, 'be imported'):
        return importlib.import_module(place)


@lru_cache(KEPT)
def _executed(path: Path, content: str) -> ModuleType:
    """The module of a file with this digest."""
    with execute(path, 'network') as module:
        return module


def _lacks(value: Any) -> str | None:
    """What a value lacks to be a network, as the end of a sentence; None where nothing."""
    from flax import linen as nn

    from cnn_bench.models.blocks import Classifier

    cls = value.func if isinstance(value, partial) else value
    if not inspect.isclass(cls) or not issubclass(cls, nn.Module):
        kind = f'a functools.partial of {cls!r}' if isinstance(value, partial) else f'of type {type(value).__name__}'
        return f'is {kind}'
    missing = [name for name in FIELDS if name not in {field.name for field in dataclasses.fields(cls)}]
    if missing:
        return f'lacks the field{"s" * (len(missing) > 1)} {", ".join(missing)}'
    if getattr(cls, 'features', Classifier.features) is Classifier.features:
        return 'lacks the method features(x, train=False)'
    return None


def _said(module: ModuleType, name: str) -> Any:
    """A constant of a network's file; None where it has none."""
    value = getattr(module, name, None)
    if value is None:
        return None
    if name in WHOLE:
        allowed = WHOLE[name]
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            words = f'a whole number from {allowed[0]} to {allowed[-1]}'
            raise UserError(f'{name} of {module.__file__} is {value!r}; it must be {words}')
    elif not isinstance(value, str) or not value or not is_one_line(value):
        raise UserError(f'{name} of {module.__file__} is {value!r}; it must be a line of text')
    return value
