"""Starting from the weights of a trained network.

The weights must fit the network by name and shape of every array except those of the heads, which are drawn where the
number of classes differs or the recipe asks for it.
"""

import dataclasses
import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import jax
from flax import linen as nn
from flax.traverse_util import flatten_dict
from ml_collections import ConfigDict

from cnn_bench import trained
from cnn_bench.errors import UserError
from cnn_bench.recipe import differences
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.trained import TrainedModel
from cnn_bench.trained.from_recipe import TRAINING_FIELDS
from cnn_bench.trained.model import from_record

HEADS = ('params/head/*', 'params/aux*')  # the layers whose shape depends on the number of classes
SHOWN = 3  # arrays that do not fit, in a message


def load_init(config: ConfigDict, run: RunDirectory, data_dir: str | None = None) -> TrainedModel | None:
    """The network that a recipe's `init_from` names; None where the first weights are drawn.

    Once `run` has a checkpoint, only the record of its first weights is read, from its provenance. A path that begins
    with '..' is relative to the run's own directory, so that runs that lie side by side can be moved together; any
    other is relative to the current directory. Raises UserError for a directory without a trained network.
    """
    if not config.init_from:
        return None
    known = (run.read(schema.PROVENANCE) or {}).get('init')
    if known and run.saved_steps():
        return from_record(known)
    below = run.path if config.init_from.startswith('..') else Path.cwd()
    try:
        return trained.load(Path(os.path.normpath(below / config.init_from)), data_dir)
    except UserError as error:
        raise UserError(f'config.init_from: {error}') from error


def check_same_network(init: TrainedModel, arch: str, model: nn.Module) -> None:
    """Raise UserError where `model` would compute something else from the weights than the network of `init` did."""
    theirs, ours = {'arch': init.arch}, {'arch': arch}
    if theirs == ours:
        names = {field.name for field in dataclasses.fields(init.module)} - {*TRAINING_FIELDS, 'parent', 'name'}
        theirs, ours = ({name: getattr(module, name) for name in names} for module in (init.module, model))
    lines = differences(theirs, ours, 'model.')
    if lines:
        raise UserError(
            f'config.init_from: {init.origin.path} holds weights of another network (there, here): {"; ".join(lines)}'
        )


def fitting_weights(init: TrainedModel, shapes: Mapping[str, Any], keep_head: bool) -> dict[str, Any]:
    """The weights by path ('params/stem/conv/kernel') for a network with variables of `shapes`.

    Heads are left out unless `keep_head`. Raises UserError with what does not fit.
    """
    kept, expected = (
        {path: leaf for path, leaf in flatten_dict(dict(tree), sep='/').items() if keep_head or not _in_head(path)}
        for tree in (init.variables, shapes)
    )
    lines = differences(_described(kept), _described(expected))
    if lines:
        more = f' and {len(lines) - SHOWN} more' if len(lines) > SHOWN else ''
        shown = '; '.join(lines[:SHOWN])
        raise UserError(f'config.init_from: {init.origin.path} does not fit the network (there, here): {shown}{more}')
    return kept


def _in_head(path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in HEADS)


def _described(arrays: Mapping[str, Any]) -> dict[str, str]:
    return {path: f'{jax.numpy.dtype(a.dtype).name}{list(a.shape)}' for path, a in arrays.items()}
