"""A tree of run directories as one tidy table."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.errors import UserError
from cnn_bench.runs import schema
from cnn_bench.runs.directory import RunDirectory

if TYPE_CHECKING:
    import pandas as pd


COMPUTING = ('jax', 'jaxlib', 'flax', 'optax', 'numpy')


def find(path: str | Path) -> list[RunDirectory]:
    """The run directories at or below `path`, in the order of their paths."""
    return [RunDirectory(config.parent) for config in sorted(Path(path).rglob(schema.CONFIG))]


def load(path: str | Path) -> 'pd.DataFrame':
    """One row per run at or below `path`, with the columns of `schema.COLUMNS`.

    What an unfinished or diverged run does not know is NaN. Raises UserError where `path` holds no run.
    """
    import pandas as pd

    runs = find(path)
    if not runs:
        raise UserError(f'{Path(path).absolute()} holds no run: no {schema.CONFIG} at or below it')
    return pd.DataFrame([_row(run, Path(path)) for run in runs], columns=list(schema.COLUMNS))


def _row(run: RunDirectory, root: Path) -> dict:
    config = run.read(schema.CONFIG)
    provenance = run.read(schema.PROVENANCE) or {}
    summary = run.read(schema.SUMMARY) or {'state': 'unfinished'}
    model = config['model']
    row = {
        'arch': model['arch'],
        'label': config['name'] or _label(model),
        'width': model['width'],
        'dtype': model['dtype'],
        'seed': config['seed'],
        'epochs': config['total_epochs'],
        'batch_size': config['batch_size'],
        'dataset': config['dataset']['name'],
        'source': 'measured',
        'run': str(run.path.relative_to(root.absolute())),
        'device': f'{provenance.get("num_devices", "?")} x {provenance.get("device_kind", "?")}',
        'recipe': recipe_hash(config),
        'versions': _versions(provenance.get('versions')),
        'commit': _commit(provenance.get('git')),
        **provenance.get('network', {}),
        **summary,
    }
    shape = row.get('input_shape')
    row['input_shape'] = 'x'.join(map(str, shape)) if shape else None
    return {name: row.get(name) for name in schema.COLUMNS}


def recipe_hash(config: dict) -> str:
    """Eight digits that two runs share if their configs differ in nothing but the seed."""
    text = json.dumps({**config, 'seed': None}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _versions(versions: dict | None) -> str | None:
    return ', '.join(f'{name} {versions[name]}' for name in COMPUTING) if versions else None


def _commit(git: dict | None) -> str | None:
    return git['commit'][:10] + '+' * git['dirty'] if git else None


def _label(model: dict) -> str:
    return model['arch'] if model['width'] == 1 else f'{model["arch"]} x{model["width"]:g}'
