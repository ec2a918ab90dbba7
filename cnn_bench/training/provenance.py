"""The provenance of a run: code, machine, data, and what its network costs in evaluation and in training."""

import jax

from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.runs import RunDirectory, provenance, schema
from cnn_bench.runtime import determinism
from cnn_bench.training import train_cost
from cnn_bench.training.freezing import parameter_counts
from cnn_bench.training.setup import TrainingSetup

SESSION = ('started', 'git', 'num_devices', 'num_processes', 'deterministic')  # kept of each earlier session


def collect(setup: TrainingSetup, run: RunDirectory) -> dict:
    """The content of provenance.json for this session, with the start and code of the run's earlier sessions.

    Raises UserError where the run was trained on other data than there are now.
    """
    info = setup.info
    data = {'name': info.name, 'version': info.version, 'fingerprint': info.fingerprint}
    before = run.read(schema.PROVENANCE)
    if before and before.get('data') not in (None, data):
        raise UserError(f'{run.path} was trained on other data than {info.name} is now; use another --workdir')
    earlier = [*before['earlier_sessions'], {name: before.get(name) for name in SESSION}] if before else []
    return {
        **provenance.collect(),
        **provenance.devices(setup.devices),
        **determinism.record(),
        'num_processes': jax.process_count(),
        'dtype': setup.config.model.dtype,
        'seed': setup.config.seed,
        'total_steps': setup.total_steps,
        'total_epochs': round(setup.total_steps / setup.steps_per_epoch, 4),
        'data': data,
        'model': setup.record,
        **({'init': setup.init.record()} if setup.init else {}),
        'network': {**evaluation_cost(setup), **training_cost(setup)},
        'earlier_sessions': earlier,
    }


def evaluation_cost(setup: TrainingSetup) -> dict:
    """The network's family, year, stem and input, and its cost in evaluation, without auxiliary heads."""
    arch, cost = registry.get(setup.record['arch']), train_cost.evaluation_cost(setup.model, setup.image_shape)
    return {
        'family': arch.family,
        'year': arch.year,
        'stem': setup.model.stem,
        'input_shape': list(setup.image_shape),
        'params': cost.params,
        'macs': cost.macs,
        'flops': cost.flops,
        'activation_bytes': cost.activation_bytes,
    }


def training_cost(setup: TrainingSetup) -> dict:
    """`train_macs` per image and step, averaged over the steps of all stages, and a row for each of the `stages`.

    A row holds `steps`, `trained_params`, `frozen_params` and `train_macs`.
    """
    rows = [
        {
            'steps': stage.end - stage.first,
            **parameter_counts(stage.freezing, setup.shapes['params']),
            'train_macs': train_cost.train_macs(setup.model, stage.freezing, setup.image_shape),
        }
        for stage in setup.stages
    ]
    total = sum(row['steps'] * row['train_macs'] for row in rows)
    return {'train_macs': round(total / setup.total_steps), 'stages': rows}
