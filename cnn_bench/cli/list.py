"""List all architectures with their facts at their native size.

Parameters are trainable ones; MACs are the multiply-adds of convolutions and dense layers for one image. Of a network
whose branches are fused for use, the counts of that form stand beside them.

  cnn-bench list
  cnn-bench list --family resnet
  cnn-bench list --json
"""

import argparse

from cnn_bench.cli import output
from cnn_bench.cli.output import Column, by_x, count
from cnn_bench.models import registry

COLUMNS = (
    Column('arch'),
    Column('family', rank=3),
    Column('year', rank=2),
    Column('input_shape', 'input', by_x, rank=4),
    count('num_classes', 'classes', rank=5),
    count('params', 'parameters'),
    count('macs', 'MACs'),
    count('fused_params', 'fused parameters', rank=7),
    count('fused_macs', 'fused MACs', rank=8),
    Column('note', rank=6),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench list`."""
    parser.add_argument('--family', metavar='F', help='list only one family')
    output.add_form(parser, COLUMNS)


def run(args: argparse.Namespace) -> int:
    """Print the requested architectures."""
    rows = [_facts(name, registry.get(name)) for name in registry.names(args.family)]
    if args.json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, args)
    return 0


def _facts(name: str, arch: registry.Arch) -> dict:
    return {
        'arch': name,
        'family': arch.family,
        'year': arch.year,
        'input_shape': list(arch.input_shape),
        'num_classes': arch.num_classes,
        'params': arch.params,
        'macs': arch.macs,
        'fused_params': arch.fused_params,
        'fused_macs': arch.fused_macs,
        'note': arch.note,
    }
