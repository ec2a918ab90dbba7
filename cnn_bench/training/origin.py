"""Where a run's first weights are from, and what comes with them: how images are prepared, and the network they fit.

The weights must fit the network by name and shape of every array but those of the heads, which are fresh where the
number of classes differs or the recipe asks for it. `initial` makes Origins of directories.
"""

import dataclasses
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import jax
from flax import linen as nn
from flax.traverse_util import flatten_dict

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.recipe import differences

HEADS = ('params/head/*', 'params/aux*')  # what tells classes apart
SHOWN = 3  # of the arrays that do not fit
# Fields of a network that change how it is trained and not what it computes.
FREE = ('dropout', 'aux_dropout', 'drop_path', 'dtype', 'bn_momentum', 'bn_axis', 'kernel_init', 'aux', 'num_classes')


@dataclasses.dataclass(frozen=True)
class Origin:
    """First weights and their record."""

    path: str
    kind: str  # 'run' or 'weights'
    digest: str  # sha256 of the variables
    source: Mapping[str, Any]  # what else is known: the file and its sha256, or the run's step
    arch: str
    fields: Mapping[str, Any]  # of the network, beyond the architecture's own
    num_classes: int
    input_shape: tuple[int, int, int]  # (h, w, c) that they were made for
    mean: tuple[float, ...]  # images are (pixel / 255 - mean) / std per channel
    std: tuple[float, ...]
    interpolation: str = 'bilinear'  # of resizing
    variables: Any = None  # None where a checkpoint of the run's own has taken their place

    def model_fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A recipe's `model`, with the fields of the network that the weights are of where it has none."""
        return {**{name: value for name, value in self.fields.items() if name not in FREE}, **fields}

    def check_network(self, arch: str, model: nn.Module) -> None:
        """Raise UserError where `model` computes something else of the weights than the network that they are of."""
        theirs, ours = {'arch': self.arch}, {'arch': arch}
        if arch == self.arch:
            of = registry.build(arch, num_classes=self.num_classes, **self.fields)
            names = {field.name for field in dataclasses.fields(of)} - {*FREE, 'parent', 'name'}
            theirs, ours = ({name: getattr(module, name) for name in names} for module in (of, model))
        lines = differences(theirs, ours, 'model.')
        if lines:
            raise UserError(
                f'config.init_from: {self.path} holds weights of another network (there, here): {"; ".join(lines)}'
            )

    def fitted(self, shapes: Mapping[str, Any], keep_head: bool) -> dict[str, Any]:
        """The weights by path ('params/stem/conv/kernel') for a network with variables of `shapes`, without the heads
        unless `keep_head`. Raises UserError that says what does not fit."""
        kept = {
            path: array
            for path, array in flatten_dict(dict(self.variables), sep='/').items()
            if keep_head or not _of_head(path)
        }
        wanted = {p: leaf for p, leaf in flatten_dict(dict(shapes), sep='/').items() if keep_head or not _of_head(p)}
        lines = differences(_described(kept), _described(wanted))
        if lines:
            more = f' and {len(lines) - SHOWN} more' if len(lines) > SHOWN else ''
            shown = '; '.join(lines[:SHOWN])
            raise UserError(f'config.init_from: {self.path} does not fit the network (there, here): {shown}{more}')
        return kept

    def record(self) -> dict:
        """All but the weights, for provenance.json."""
        names = (field.name for field in dataclasses.fields(self))
        return {name: getattr(self, name) for name in names if name != 'variables'}


def recorded(record: Mapping[str, Any]) -> Origin:
    """The Origin that `record` made a record of, without the weights."""
    return Origin(**{name: tuple(value) if isinstance(value, list) else value for name, value in record.items()})


def _of_head(path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in HEADS)


def _described(arrays: Mapping[str, Any]) -> dict[str, str]:
    return {path: f'{jax.numpy.dtype(a.dtype).name}{list(a.shape)}' for path, a in arrays.items()}
