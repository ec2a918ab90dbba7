"""List all architectures with their facts at their native size.

Parameters are trainable ones; MACs are the multiply-adds of convolutions and dense layers for one image.

  cnn-bench list
  cnn-bench list --family resnet
  cnn-bench list --json
"""

import argparse

from cnn_bench.cli import output
from cnn_bench.cli.output import Heading
from cnn_bench.models import registry

COLUMNS = (
    Heading('arch'),
    Heading('family'),
    Heading('year'),
    *(Heading(header, number=True) for header in ('input', 'params', 'MACs')),
    Heading('note', folds=True),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench list`."""
    parser.add_argument('--family', metavar='F', help='list only one family')
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args: argparse.Namespace) -> int:
    """Print the requested architectures."""
    archs = {name: registry.get(name) for name in registry.names(args.family)}
    if args.json:
        output.print_json([_facts(name, arch) for name, arch in archs.items()])
    else:
        output.print_table(COLUMNS, [_cells(name, arch) for name, arch in archs.items()])
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
        'note': arch.note,
    }


def _cells(name: str, arch: registry.Arch) -> tuple[str, ...]:
    size = 'x'.join(map(str, arch.input_shape))
    return name, arch.family, str(arch.year), size, _in_units(arch.params), _in_units(arch.macs), arch.note


def _in_units(count: int) -> str:
    """A count with three digits in thousands, millions or billions: 61.7 k, 4.09 G."""
    for unit, size in (('G', 1e9), ('M', 1e6), ('k', 1e3)):
        if count >= 0.9995 * size:
            value = count / size
            return f'{value:.{max(0, 2 - (value >= 9.995) - (value >= 99.95))}f} {unit}'
    return str(count)
