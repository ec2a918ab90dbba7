"""The provenance of a run: code, machine, data, and what its network costs in evaluation and in training."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax

from cnn_bench.errors import UserError
from cnn_bench.models import own, registry
from cnn_bench.python_file import file_of
from cnn_bench.runs import RunDirectory, code, provenance, schema
from cnn_bench.runtime import determinism
from cnn_bench.training import train_cost
from cnn_bench.training.freezing import parameter_counts
from cnn_bench.training.setup import TrainingSetup

# What is kept of each earlier session.
SESSION = ('started', 'git', 'num_devices', 'num_processes', 'deterministic', 'cpu_cores')


def collect(setup: TrainingSetup, run: RunDirectory, recipe_file: str | Path | None = None) -> dict:
    """The content of provenance.json for this session, with the start and code of the run's earlier sessions.

    Of an earlier session whose steps this one goes on from, `other_code` has the files that were others then. Raises
    UserError where the run was trained on other data than there are now, or its network's file has changed.
    """
    info = setup.info
    data = {'name': info.name, 'version': info.version, 'fingerprint': info.fingerprint}
    before = run.read(schema.PROVENANCE)
    if before and before.get('data') not in (None, data):
        raise UserError(f'{run.path} was trained on other data than {info.name} is now; use another --workdir')
    made_by = code_of(setup.record['arch'], recipe_file)
    return {
        **provenance.collect(),
        'code': made_by,
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
        'earlier_sessions': _earlier_sessions(before, made_by, run) if before else [],
    }


def code_of(arch: str, recipe_file: str | Path | None = None) -> dict[str, dict[str, str]]:
    """The record of the code that trains the network `arch` now, see `runs.code`."""
    names = ['training.session']
    network = {}
    if own.is_own(arch):
        network = code.file(file_of(arch) or own.find(arch).file)
        names.append('models.blocks')
    else:
        names.append(f'models.{registry.get(arch).target.partition(":")[0]}')
    record = {'modules': code.modules(names), 'network': network, 'recipe': code.file(recipe_file or '')}
    return {role: files for role, files in record.items() if files}


def keep_code(setup: TrainingSetup, run: RunDirectory) -> None:
    """Write the copy of a network's file from outside the package, and the patch of a dirty tree, into the run."""
    run.write_text(schema.PATCH, code.patch())
    network = file_of(setup.record['arch'])
    if network is not None and network != run / schema.NETWORK:
        run.write_text(schema.NETWORK, network.read_bytes().decode(errors='surrogateescape'))


def resumed_otherwise(record: Mapping[str, Any] | None) -> Iterator[str]:
    """Sentences for a run that goes on with other code or another number of CPU cores than its last session had."""
    if not record or not record['earlier_sessions']:
        return
    last = record['earlier_sessions'][-1]
    if files := last.get('other_code'):
        yield f'goes on with other code than it began with: {", ".join(files)}'
    then, now = last.get('cpu_cores'), record.get('cpu_cores')
    if record.get('platform') == 'cpu' and then and then != now:
        yield (
            f'goes on with {now} CPU core{"s" * (now != 1)}, after {then}: the last digits of its results will be '
            f'others than those of a run with {then} throughout'
        )


def _earlier_sessions(before: Mapping[str, Any], made_by: Mapping, run: RunDirectory) -> list[dict]:
    sessions = [*before['earlier_sessions'], {name: before.get(name) for name in SESSION}]
    if not run.saved_steps():  # nothing is left of what they trained
        return [{name: value for name, value in session.items() if name != 'other_code'} for session in sessions]
    there = before.get('code') or {}
    if other := code.changed(there, made_by, roles=('network',)):
        raise UserError(
            f'{other[0]} has changed since the run in {run.path} began, which keeps a copy, {schema.NETWORK}; put that '
            'back, or use another --workdir (a sweep: --rerun changed)'
        )
    sessions[-1]['other_code'] = code.changed(there, made_by)
    return sessions


def evaluation_cost(setup: TrainingSetup) -> dict:
    """The network's family, year, stem and input, and its cost in evaluation (`train_cost.evaluation_cost`)."""
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
