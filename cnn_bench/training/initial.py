"""First weights for a run, from the directory that a recipe's `init_from` names: a run of ours, or imported weights.

Of a run the newest checkpoint's weights are taken (not their average), with the mean and standard deviation that its
images were normalised by; of imported weights those of `pretrained.store`, with the preprocessing of their record.
Once a run has a checkpoint of its own that wins, and the directory is not looked at again.

A path that begins with '..' is relative to the run's own directory, so that runs that lie side by side can be moved
together; any other is relative to the current directory.
"""

import os
from pathlib import Path

import jax
from ml_collections import ConfigDict

from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.pretrained import store
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training.origin import Origin, recorded
from cnn_bench.training.restore import restore


def origin_of(config: ConfigDict, run: RunDirectory, data_dir: str | None = None) -> Origin | None:
    """Where the first weights of a recipe are from; None where they are drawn.

    Where `run` has a checkpoint, from its provenance and without the weights. Raises UserError for a directory that
    holds none or damaged ones.
    """
    if not config.init_from:
        return None
    known = (run.read(schema.PROVENANCE) or {}).get('init')
    if known and any(path.name.isdecimal() for path in (run / schema.CHECKPOINTS).glob('*')):
        return recorded(known)
    below = run.path if config.init_from.startswith('..') else Path.cwd()
    directory = Path(os.path.normpath(below / config.init_from))
    if (directory / store.RECORD).is_file():
        return _of_weights(directory)
    if (directory / schema.CONFIG).is_file():
        return _of_run(directory, data_dir)
    raise UserError(
        f'config.init_from: {directory} is neither a run directory (it has no {schema.CONFIG}) '
        f'nor imported weights (no {store.RECORD})'
    )


def _of_weights(directory: Path) -> Origin:
    record, variables = store.load(directory)
    look = record.preprocessing
    return Origin(
        path=str(directory),
        kind='weights',
        digest=digest(variables),
        source={'origin': record.origin, **record.source},
        arch=record.arch,
        fields={name: value for name, value in record.fields.items() if name != 'num_classes'},
        num_classes=record.fields['num_classes'],
        input_shape=record.input_shape,
        mean=look.mean,
        std=look.std,
        interpolation=look.interpolation,
        variables=variables,
    )


def _of_run(directory: Path, data_dir: str | None) -> Origin:
    task, state = restore(RunDirectory(directory), data_dir, devices=1)
    variables = jax.device_get(state.variables)
    fields = {name: value for name, value in task.model_fields.items() if value is not None}
    return Origin(
        path=str(directory),
        kind='run',
        digest=digest(variables),
        source={'step': int(state.step), 'dataset': task.info.name},
        arch=fields.pop('arch'),
        fields=fields,
        num_classes=task.info.num_classes,
        input_shape=task.image_shape,
        mean=task.mean,
        std=task.std,
        interpolation=task.interpolation,
        variables=variables,
    )
