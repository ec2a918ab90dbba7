"""Run directories made by hand."""

import os
import time

from cnn_bench.runs import RunDirectory, schema

PROVENANCE = {
    'git': {'commit': '0123456789abcdef', 'dirty': True},
    'versions': {'jax': '1', 'jaxlib': '2', 'flax': '3', 'optax': '4', 'numpy': '5'},
    'num_devices': 2,
    'device_kind': 'abacus',
    'started': '2026-02-03T05:05:06+00:00',
    'earlier_sessions': [{'started': '2026-02-03T04:05:06+02:00', 'git': None}],
    'total_steps': 8,
    'total_epochs': 2.0,
    'network': {'params': 5, 'macs': 7, 'input_shape': [28, 28, 1]},
}


def train_row(step, loss=0.5):
    return {'kind': 'train', 'step': step, 'epoch': step / 4, 'loss': loss}


def eval_row(step, error):
    return {'kind': 'val', 'step': step, 'epoch': step / 4, 'loss': 0.25, 'top1_err_pct': error, 'images': 40}


def write_run(path, rows=(), summary=None, provenance=PROVENANCE, age_s=3600, **config):
    """A run whose metrics.jsonl changed `age_s` seconds ago. Returns its RunDirectory."""
    run = RunDirectory(path)
    run.create()
    model = {'arch': 'resnet20', 'width': 0.5, 'dtype': 'float32', **config.pop('model', {})}
    fields = {'name': '', 'seed': 0, 'total_epochs': 2, 'batch_size': 8, 'dataset': {'name': 'd'}, 'model': model}
    run.write(schema.CONFIG, {**fields, **config})
    if provenance is not None:
        run.write(schema.PROVENANCE, provenance)
    if rows:
        run.append(rows)
        os.utime(run / schema.METRICS, (time.time() - age_s,) * 2)
    if summary is not None:
        run.write(schema.SUMMARY, summary)
    return run
