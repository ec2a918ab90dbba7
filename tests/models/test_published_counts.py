"""Every count that others publish exactly, of every network here, met exactly, or the reason why not.

published_counts.csv has a row for each. `fields` are those of our network that the source's form takes (`fused=1`:
branches are fused). `counts` says what the source counts: Keras Applications counts batch statistics as well (mean and
variance of each channel), in ResNet a bias for each channel of a batch normalisation, in Inception no scales, and in
EfficientNet the 7 numbers of its own normalisation of the input.
"""

import csv
import math
from pathlib import Path

import jax
import pytest
from zoo import native, variables

from cnn_bench.models import registry

with open(Path(__file__).with_name('published_counts.csv')) as file:
    ROWS = list(csv.DictReader(file))


def _label(row: dict) -> str:
    return f'{row["arch"]}-{row["source"]}'


def _build(row: dict):
    fields = dict(field.split('=') for field in row['fields'].split())
    values = {'groups': int}
    return registry.build(row['arch'], **{name: values.get(name, bool)(value) for name, value in fields.items()})


def _size(tree) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def _terms(row: dict) -> dict[str, int]:
    """What `counts` may add up. That the registry's own numbers hold is test_registry's to say."""
    if row['counts'] == 'parameters' and not row['fields']:
        return {'parameters': registry.get(row['arch']).params}
    arch = row['arch']
    shapes = variables(_build(row), (1, *registry.get(arch).input_shape)) if row['fields'] else native(arch)[1]
    channels = _size(shapes.get('batch_stats', {})) // 2
    return {'parameters': _size(shapes['params']), 'statistics': 2 * channels, 'biases': channels, 'scales': channels}


@pytest.mark.parametrize('row', ROWS, ids=_label)
def test_parameters(row):
    total = eval(row['counts'], {}, _terms(row))
    assert (total == int(row['params'])) == (not row['differs']), total


@pytest.mark.parametrize('row', [row for row in ROWS if row['gmacs']], ids=_label)
def test_multiply_adds(row):
    arch = registry.get(row['arch'])
    macs = arch.fused_macs if 'fused' in row['fields'] else arch.macs  # auxiliary heads are left out
    assert abs(macs / 1e9 - float(row['gmacs'])) < 0.00051


def test_every_network_of_imagenet_is_here():
    covered = {row['arch'] for row in ROWS}
    unpublished = {name for name in registry.names() if registry.get(name).num_classes == 1000} - covered
    assert unpublished == {'alexnet_bn', 'enet', 'googlenet', 'nin', 'nin_bn', 'resnet50_v1'}
