"""Loading a trained network from a run directory or from imported weights."""

from pathlib import Path

import jax
from ml_collections import ConfigDict

from cnn_bench import data, recipe
from cnn_bench.digest import digest
from cnn_bench.errors import UserError
from cnn_bench.models.variables import variable_shapes
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.trained import imported
from cnn_bench.trained.checkpoint import Checkpoints, step_of_weights
from cnn_bench.trained.from_recipe import network_record
from cnn_bench.trained.kept_network import network_of
from cnn_bench.trained.model import TrainedModel, from_record


def load(directory: str | Path, data_dir: str | None = None) -> TrainedModel:
    """The network of the run in `directory`, or of the imported weights there.

    Of a run these are the weights that were tested, or those of the newest checkpoint where it is unfinished; not their
    average. `data_dir` is looked at only for runs of earlier
    versions, whose preprocessing is that of their data set. Raises UserError for whatever is missing or damaged.
    """
    directory = Path(directory).absolute()
    if (directory / imported.RECORD).is_file():
        return imported.load(directory)
    if (directory / schema.CONFIG).is_file():
        return _of_run(RunDirectory(directory), data_dir)
    raise UserError(
        f'{directory} is neither a run directory (it has no {schema.CONFIG}) '
        f'nor imported weights (no {imported.RECORD})'
    )


def _of_run(run: RunDirectory, data_dir: str | None) -> TrainedModel:
    config = recipe.from_dict(run.config())
    provenance = run.read(schema.PROVENANCE) or {}
    record = provenance.get('model') or _record_of_earlier_version(config, provenance, run, data_dir)
    record = {**record, 'arch': network_of(run, provenance, record['arch'])}
    source = {'step': None, 'dataset': config.dataset.name}
    model = from_record({**record, 'path': str(run.path), 'kind': 'run', 'digest': '', 'source': source})
    if not (run / schema.CHECKPOINTS).is_dir():
        raise UserError(f'{run.path} has no checkpoint')
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shapes = variable_shapes(model.module, model.input_shape)
    like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)
    with Checkpoints(run / schema.CHECKPOINTS, read_only=True) as checkpoints:
        source['step'] = step_of_weights(run, checkpoints)
        variables = checkpoints.restore_variables(like, source['step'])
    return from_record({**model.record(), 'digest': digest(variables), 'source': source}, variables)


def _record_of_earlier_version(config: ConfigDict, provenance: dict, run: RunDirectory, data_dir: str | None) -> dict:
    """The record of a run that has none: from its recipe, its data set and what it started from."""
    info = data.info(config.dataset.name, data_dir).of_classes(config.dataset.classes)
    if provenance.get('data', {}).get('fingerprint') not in (None, info.fingerprint):
        raise UserError(f'{run.path} was trained on other data than {info.name} is now; give its own --data-dir')
    init = provenance.get('init')
    return network_record(config, info, from_record(init) if init else None)
