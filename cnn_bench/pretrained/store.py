"""Imported weights on disk: an Orbax checkpoint and a record of where they came from.

DIR/weights.json    the record: `Record`'s fields, the source file and its sha256, versions, the arrays' digest
DIR/variables/      the network's variables, float32, as Orbax's StandardCheckpointer writes them
"""

import dataclasses
import hashlib
import json
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from flax import linen as nn

from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.pretrained.convert import build, convert, guess_library
from cnn_bench.pretrained.layout import Preprocessing, layout_of
from cnn_bench.pretrained.read import read

RECORD, VARIABLES = 'weights.json', 'variables'
PACKAGES = ('cnn_bench', 'flax', 'jax', 'orbax-checkpoint')


@dataclasses.dataclass(frozen=True)
class Record:
    """What imported weights are of."""

    arch: str
    origin: str  # the library whose network it computes: 'torchvision', 'timm' or 'keras'
    fields: dict[str, Any]  # of the network, beyond the architecture's own
    input_shape: tuple[int, int, int]  # (h, w, c) that the weights were made for
    preprocessing: Preprocessing
    source: dict[str, Any]  # file, bytes, sha256

    def module(self) -> nn.Module:
        """The network that the weights fit."""
        return registry.build(self.arch, **self.fields)


def import_weights(
    arch: str, file: str | Path, directory: str | Path, library: str | None = None, num_classes: int | None = None
) -> Record:
    """Read `file`, convert it for `arch` and write it to the new `directory`, whole or not at all.

    The `library` whose names the file uses is found out unless given; `num_classes` is the architecture's own unless
    given. Raises UserError for whatever does not fit.
    """
    directory = Path(directory).absolute()
    if directory.exists():
        raise UserError(f'{directory} is already there; give --out a new directory')
    arrays, naming = read(file)
    library = library or guess_library(arch, arrays, naming)
    more = {} if num_classes is None else {'num_classes': num_classes}
    variables = convert(arch, arrays, library, **more)
    layout = layout_of(arch, library)
    record = Record(
        arch=arch,
        origin=library,
        fields={'num_classes': build(arch, library, **more).num_classes, **layout.fields},
        input_shape=registry.get(arch).input_shape,
        preprocessing=layout.preprocessing,
        source=_source(Path(file)),
    )
    _write(record, variables, directory)
    return record


def load(directory: str | Path) -> tuple[Record, dict]:
    """The record and the variables that `import_weights` wrote. Raises UserError where they are missing or damaged."""
    directory = Path(directory).absolute()
    try:
        fields = json.loads((directory / RECORD).read_text())
        expected = fields.pop('digest')
        fields.pop('versions')
        preprocessing = Preprocessing(**{key: _tuples(value) for key, value in fields.pop('preprocessing').items()})
        record = Record(
            **{**fields, 'input_shape': tuple(fields['input_shape'])},
            preprocessing=preprocessing,
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f'{directory} holds no imported weights: it has no {RECORD}') from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f'{directory / RECORD} cannot be read: {error}') from error
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            variables = checkpointer.restore(directory / VARIABLES, _abstract(record))
    except Exception as error:  # Orbax and TensorStore each raise their own
        reason = next(iter(str(error).splitlines()), '')[:200]
        raise UserError(f'{directory / VARIABLES} cannot be read: {reason}') from error
    if digest(variables) != expected:
        raise UserError(f'{directory / VARIABLES} is not what was imported: its digest differs; import it again')
    return record, variables


def _abstract(record: Record) -> dict:
    image = jax.ShapeDtypeStruct((1, *record.input_shape), jnp.float32)
    shapes = dict(jax.eval_shape(lambda x: record.module().init(jax.random.key(0), x), image))
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


def _write(record: Record, variables: dict, directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f'.{directory.name}-', dir=directory.parent))
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(partial / VARIABLES, variables)
        fields = dataclasses.asdict(record) | {
            'digest': digest(variables),
            'versions': {name: metadata.version(name) for name in PACKAGES},
        }
        (partial / RECORD).write_text(json.dumps(fields, indent=1, sort_keys=True) + '\n')
        partial.chmod(0o755)
        partial.rename(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _source(file: Path) -> dict[str, Any]:
    with open(file, 'rb') as content:
        return {
            'file': file.name,
            'bytes': file.stat().st_size,
            'sha256': hashlib.file_digest(content, 'sha256').hexdigest(),
        }


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
