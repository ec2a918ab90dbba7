"""Imported weights on disk.

DIR/weights.json    the record: architecture, preprocessing, class names, source file and its sha256, versions, digest
DIR/variables/      the network's variables, float32, as Orbax's StandardCheckpointer writes them
"""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.files import cannot_write, new_directory, read_json, reason
from cnn_bench.models.variables import variable_shapes
from cnn_bench.trained.class_names import numbered_classes
from cnn_bench.trained.model import TrainedModel, from_record
from cnn_bench.trained.orbax_path import orbax_path
from cnn_bench.trained.quiet import quiet

RECORD, VARIABLES = 'weights.json', 'variables'
PACKAGES = ('cnn_bench', 'flax', 'jax', 'orbax-checkpoint')


def load(directory: str | Path) -> TrainedModel:
    """The network that `save` wrote. Raises UserError where its files are missing or damaged."""
    directory = Path(directory).absolute()
    try:
        record = _renamed(read_json(directory / RECORD))
        record.pop('versions')
        model = from_record({**record, 'path': str(directory), 'kind': 'weights'})
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f'{directory} holds no imported weights: it has no {RECORD}') from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f'{directory / RECORD} cannot be read: {error}') from error
    return from_record(model.record(), _restore(model, directory / VARIABLES))


def save(model: TrainedModel, directory: str | Path) -> None:
    """Write `model` to the new `directory`, whole or not at all. Raises UserError where it exists already."""
    directory = Path(directory).absolute()
    check_new(directory)
    with new_directory(directory) as partial:
        try:
            with quiet(), orbax_path(partial / VARIABLES) as path, ocp.StandardCheckpointer() as checkpointer:
                checkpointer.save(path, model.variables)
        except Exception as error:  # Orbax and TensorStore each raise their own
            raise cannot_write(directory, error) from error
        _restore(model, partial / VARIABLES)  # reading it back shows a write that failed silently
        record = {name: value for name, value in model.record().items() if name not in ('path', 'kind')}
        record['versions'] = {name: metadata.version(name) for name in PACKAGES}
        (partial / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + '\n')


def check_new(directory: Path) -> None:
    """Raise UserError where `directory` exists."""
    if directory.exists():
        raise UserError(f'{directory} is already there; give --out a new directory')


def _restore(model: TrainedModel, directory: Path) -> dict:
    """The variables in `directory`. Raises UserError where they cannot be read or are not those of `model`'s digest."""
    try:
        with quiet(), orbax_path(directory) as path, ocp.StandardCheckpointer() as checkpointer:
            variables = checkpointer.restore(path, _abstract(model))
    except MemoryError:  # says nothing of the files
        raise
    except Exception as error:  # Orbax and TensorStore each raise their own
        raise UserError(f'{directory} cannot be read: {reason(error)}') from error
    if digest(variables) != model.origin.digest:
        raise UserError(f'{directory} is not what was imported: its digest differs; import it again')
    return variables


def _abstract(model: TrainedModel) -> dict:
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shapes = variable_shapes(model.module, model.input_shape)
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


def _renamed(record: dict[str, Any]) -> dict[str, Any]:
    """A record that an earlier version wrote, in today's form."""
    if tuple(record.get('class_names', ())) == numbered_classes(len(record.get('class_names', ()))):
        record['class_names'] = []  # `from_record` knows better names for ImageNet's
    if 'origin' not in record:
        return record
    look, shape = record['preprocessing'], record.pop('input_shape')
    resize = look.pop('resize', None)
    look |= {'input_shape': shape, **({'resize': resize} if resize else {'crop_fraction': 0.875})}
    record['source'] = {'library': record.pop('origin'), **record['source']}
    return record
