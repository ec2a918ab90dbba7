"""List all architectures with their facts at their native size.

Parameters are trainable ones; MACs are the multiply-adds of convolutions and dense layers for one image.

  cnn-bench list
  cnn-bench list --family resnet
  cnn-bench list --json
"""

import argparse
import json
import sys

from cnn_bench.models import registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench list`."""
    parser.add_argument('--family', metavar='F', help='list only one family')
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args: argparse.Namespace) -> int:
    """Print the requested architectures."""
    archs = {name: registry.get(name) for name in registry.names(args.family)}
    if args.json:
        print(json.dumps([_facts(name, arch) for name, arch in archs.items()], indent=2))
    else:
        _print_table(archs)
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


def _print_table(archs: dict[str, registry.Arch]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=1000, highlight=False)
    table = Table(box=SIMPLE_HEAD)
    for column in ('arch', 'family', 'year', 'input', 'params', 'MACs', 'note'):
        right = column in ('input', 'params', 'MACs')
        table.add_column(column, justify='right' if right else 'left', no_wrap=column != 'note')
    for name, arch in archs.items():
        size = 'x'.join(map(str, arch.input_shape))
        table.add_row(name, arch.family, str(arch.year), size, _in_units(arch.params), _in_units(arch.macs), arch.note)
    console.print(table)


def _in_units(count: int) -> str:
    """A count with three digits in thousands, millions or billions: 61.7 k, 4.09 G."""
    for unit, size in (('G', 1e9), ('M', 1e6), ('k', 1e3)):
        if count >= 0.9995 * size:
            value = count / size
            return f'{value:.{max(0, 2 - (value >= 9.995) - (value >= 99.95))}f} {unit}'
    return str(count)
