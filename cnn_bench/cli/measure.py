"""Measure time, memory and power of networks on this device. The same command again measures only what is missing.

Each network runs in a process of its own, which compiles every batch, number format and mode once; networks take turns
in rounds, so that a machine that gets slower shows as spread and not in the ranking. Every median has an interval in
which the same command is expected to find it again. DIR/rows.jsonl has the results, DIR/turns.jsonl every round;
cnn_bench/measure/columns.py says what each column is.

  cnn-bench measure resnet18 mobilenet_v2 --batch 1,16 --out runs/measured
  cnn-bench measure --preset canziani --batch 1,16 --size 224 --out runs/canziani
  cnn-bench measure --family vgg --mode inference,training --dtype float32,bfloat16 --out runs/vgg
  cnn-bench measure path/to/mynet.py:MyNet --against torch --torch-python PYTHON --out runs/mine
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from cnn_bench.cli import arguments, output
from cnn_bench.cli.output import Column, count
from cnn_bench.errors import UserError, unknown

FIGURE = '{:,.4g}'.format
COLUMNS = (
    Column('arch', 'network', lambda arch: _label(arch)),
    Column('framework', rank=6),
    count('batch'),
    Column('dtype', rank=3),
    Column('mode', rank=1),
    Column('status', rank=9),
    Column('latency_ms_p50', 'latency (ms)', FIGURE, True),
    Column('latency_ms_low', '95 % from', FIGURE, True, rank=4),
    Column('latency_ms_high', 'to', FIGURE, True, rank=4),
    Column('images_per_s', 'images/s', FIGURE, True),
    Column('memory_planned_bytes', 'planned (MiB)', output.in_mib, True, rank=5),
    Column('matrix_peak_share', 'of peak (%)', lambda share: f'{100 * share:.1f}', True, rank=7),
    Column('remarks', rank=2),
)


RATIOS = (
    Column('arch', 'network'),
    Column('framework', 'against'),
    count('batch'),
    Column('dtype', rank=1),
    Column('mode', rank=2),
    Column('value', 'ratio', '{:.2f}'.format, True),
    Column('low', '95 % from', '{:.2f}'.format, True),
    Column('high', 'to', '{:.2f}'.format, True),
    Column('noisy', text=lambda noisy: 'noisy' if noisy else '', rank=3),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench measure`."""
    parser.add_argument('names', nargs='*', metavar='NAME', help='a network (see `cnn-bench list`), or FILE.py:NAME')
    parser.add_argument('--all', action='store_true', help='every registered network')
    parser.add_argument('--family', metavar='F', help='the networks of a family')
    parser.add_argument(
        '--preset', metavar='P', help='the networks of a paper: canziani, those of Canziani et al. 2017'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='directory of the results')
    what = parser.add_argument_group('what is measured')
    what.add_argument('--batch', type=arguments.whole_numbers(1), default='1', metavar='B,...', help='images in a call')
    what.add_argument('--dtype', default='float32', metavar='D,...', help='float32, bfloat16')
    what.add_argument(
        '--mode', default='inference', metavar='M,...', help='inference, unfolded (nothing folded or fused), training'
    )
    what.add_argument(
        '--size', type=arguments.whole(1), metavar='N', help="height and width of images; default: each network's"
    )
    what.add_argument(
        '--width', type=arguments.number_above(0), metavar='W', help='multiplier of the number of channels'
    )
    where = parser.add_argument_group('on what')
    where.add_argument('--devices', choices=('cpu', 'gpu'), help='default: the GPU where there is one')
    where.add_argument('--threads', type=arguments.whole(1), metavar='N', help='CPU cores; default: all')
    how = parser.add_argument_group('how')
    how.add_argument('--repeats', type=arguments.whole(1, 1000), default=6, metavar='R', help='rounds')
    how.add_argument(
        '--seconds',
        type=arguments.number_above(0),
        metavar='S',
        help='of each case in each round, at least two calls; default: 0.5 on a CPU, 2 on a GPU',
    )
    how.add_argument('--against', default='', metavar='C,...', help='torch, torch-compile: PyTorch beside us')
    how.add_argument('--torch-python', default=sys.executable, metavar='PYTHON', help='the Python that has PyTorch')
    how.add_argument(
        '--rerun',
        choices=('failed', 'changed'),
        help='measure rows again that failed, or that other code or versions made',
    )
    output.add_form(parser, COLUMNS, ', every column of a row')


def run(args: argparse.Namespace) -> int:
    """Measure, and print a table. 0: all was measured; 1: a row has no figures; 2: a name was wrong."""
    from cnn_bench.cli.measuring import Bar
    from cnn_bench.measure import cases as kinds
    from cnn_bench.measure.session import Session

    names, wrong = kinds.known(_names(args))
    if not names:
        raise UserError(wrong[0] if len(wrong) == 1 else '; '.join(wrong))
    listed = {name: _listed(args, name, allowed) for name, allowed in _allowed().items()}
    against = [name for name in listed['against'] if name != kinds.OURS]
    session = Session(args.out, _contestants(args, against), Bar(), args.repeats, args.seconds, _cores(args.threads))
    session.again = frozenset([args.rerun] if args.rerun else [])
    cases = kinds.of_networks(
        names, (kinds.OURS, *against), args.batch, listed['dtype'], listed['mode'], args.size, args.width
    )
    for line in wrong:
        output.print_line(f'cnn-bench: error: {line}', sys.stderr)
    with session.progress:
        rows = session.run(cases)
    if args.json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, [{**row, 'remarks': _remarks(row)} for row in rows], args)
        if against:
            _print_ratios(rows, args)
    if wrong:
        return 2
    return int(any(row['status'] in ('failed', 'out_of_memory') for row in rows))


def _names(args: argparse.Namespace) -> list[str]:
    from cnn_bench.measure.cases import PRESETS
    from cnn_bench.models import registry

    chosen = [bool(args.names), args.all, args.family is not None, args.preset is not None]
    if sum(chosen) != 1:
        raise UserError('measure: give the names of networks, or one of --all, --family and --preset')
    if args.preset is not None and args.preset not in PRESETS:
        raise unknown('preset', args.preset, PRESETS)
    if args.preset is not None:
        return list(PRESETS[args.preset])
    return args.names or registry.names(args.family)


def _allowed() -> dict[str, tuple[str, ...]]:
    from cnn_bench.measure.cases import DTYPES, FRAMEWORKS, MODES

    return {'dtype': DTYPES, 'mode': MODES, 'against': FRAMEWORKS}


def _listed(args: argparse.Namespace, name: str, allowed: tuple[str, ...]) -> list[str]:
    """The words of an option, each of which is allowed."""
    words = [word for word in getattr(args, name).split(',') if word] if getattr(args, name) else []
    for word in words:
        if word not in allowed:
            raise UserError(f'measure: --{name} is {word!r}; allowed: {", ".join(allowed)}')
    if not words and name != 'against':
        raise UserError(f'measure: --{name} is empty; allowed: {", ".join(allowed)}')
    return list(dict.fromkeys(words))


def _cores(threads: int | None) -> list[int]:
    from cnn_bench.runtime import cores

    if threads is None:
        return []
    there = cores.available()
    if threads > len(there):
        known = f'this process may use {len(there)} cores' if there else 'this system does not let a process choose'
        raise UserError(f'measure: --threads is {threads}; {known}')
    return there[:threads]


def _contestants(args: argparse.Namespace, against: list[str]) -> dict[str, Any]:
    from cnn_bench.measure import contestants

    found = {'cnn_bench': contestants.ours(args.devices)}
    return found | {name: contestants.torch(name, args.torch_python, args.devices) for name in against}


def _label(arch: str) -> str:
    from cnn_bench.models import registry

    return registry.label(arch)


def _remarks(row: dict[str, Any]) -> str:
    if row['status'] != 'ok':
        return f'{row["status"]}: {row["reason"]}'
    return _noise(row) if row['noisy'] else ''


def _noise(row: dict[str, Any]) -> str:
    within, across = row['spread_pct'], row.get('spread_of_rounds_pct') or 0.0
    what = f'calls of a round vary by {within:.0f} %' if within > across else f'rounds differ by {across:.0f} %'
    return f'noisy: {what}'


def _print_ratios(rows: list[dict[str, Any]], args: argparse.Namespace) -> None:
    """How fast we are against the other contestants; where stdout is no terminal, as Markdown on stderr."""
    from cnn_bench.measure import torch_ratios

    if output.is_piped():
        print(torch_ratios.table(rows), file=sys.stderr)
        return
    told = [
        {**dict(zip(torch_ratios.CASE, case, strict=True)), **one._asdict(), 'framework': name}
        for case, found in torch_ratios.ratios(rows).items()
        for name, one in found.items()
    ]
    for (mode, dtype, batch), found in torch_ratios.means(rows).items():
        for name, one in found.items():
            over = {'arch': f'geometric mean of {one.count}', 'mode': mode, 'dtype': dtype, 'batch': batch}
            told.append({**over, **one._asdict(), 'framework': name})
    if told:
        output.print_table(RATIOS, told, argparse.Namespace(columns=None, wide=args.wide), torch_ratios.NOTE)
    for line in torch_ratios.not_compared(rows):
        output.print_line(line)
