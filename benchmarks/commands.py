"""How long the command takes, as its user waits for it: each command in a fresh process.

    python benchmarks/commands.py [--before CHECKOUT] [--repeats N] [--only TEXT]

Printed are seconds, median (lowest to highest), and the bound that they shall keep on two cores. With --before, another
checkout of this repository runs each command in turn with this one, and the ratio within a repeat, before / now, is
printed as well. It needs a quiet machine; trust the ratios more than the seconds.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parents[1]
RUNS = HERE / 'results' / 'depth_degradation_demo' / 'logs'
SWEEP = ('sweep', HERE / 'experiments' / 'depth_degradation.py', '--preset', 'demo', '--seeds', '3', '--dry-run')
TRAIN = ('train', '--config', HERE / 'configs' / 'lenet5.py', '--workdir', 'OUT')

# Name -> arguments ('OUT' is an empty directory), seconds on two cores, expected exit status. Commands without a bound
# shall not be slower than before.
COMMANDS = {
    'cost of five': (('cost', 'lenet5', 'alexnet', 'vgg16', 'googlenet', 'resnet50'), 2.5, 0),
    'cost --all': (('cost', '--all'), 30, 0),
    'claims': (('claims',), 15, 0),
    'sweep --dry-run': ((*SWEEP, '--out', 'OUT'), 4, 0),
    'report': (('report', RUNS, '--out', 'OUT'), 5, 0),
    'typo in a number': (('cost', 'lenet5', '--batch', 'x'), 1, 2),
    'typo in a name': (('cost', 'lenet6'), 1, 2),
    "typo in a field's value": ((*TRAIN, '--config.batch_size=x'), 1, 2),
    "typo in a field's name": ((*TRAIN, '--config.bach_size=3'), 1, 2),
    '--help': (('--help',), None, 0),
    'list': (('list',), 1, 0),
    'runs': (('runs', RUNS), None, 0),
    'data list': (('data', 'list'), None, 0),
}


def main() -> None:
    """Run all commands in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--before', type=Path, metavar='CHECKOUT', help='another checkout, run in turn with this one')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--only', default='', metavar='TEXT', help='only commands whose name contains it')
    args = parser.parse_args()
    chosen = [name for name in COMMANDS if args.only in name]
    checkouts = [HERE, *([args.before.absolute()] if args.before else [])]
    taken = {name: [] for name in chosen}
    for _ in range(args.repeats):
        for name in chosen:
            taken[name].append([seconds(checkout, *COMMANDS[name]) for checkout in checkouts])
    versions = ', '.join(
        f'{package} {version(package)}' for package in ('jax', 'flax', 'matplotlib', 'pandas', 'scipy')
    )
    print(
        f'{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {versions}'
    )
    print(f'{args.repeats} repeats\n')
    print('| command | now, s | at most, s |' + (' before, s | before / now |' if args.before else ''))
    print('| --- | ---: | ---: |' + (' ---: | ---: |' if args.before else ''))
    for name, found in taken.items():
        columns = list(zip(*found, strict=True))
        cells = [spread(columns[0]), 'before' if COMMANDS[name][1] is None else f'{COMMANDS[name][1]:g}']
        if args.before:
            cells += [spread(columns[1]), spread([before / now for now, before in found])]
        print(f'| {name} | {" | ".join(cells)} |')


def seconds(checkout: Path, arguments: tuple, _: float | None, status: int) -> float:
    """Wall-clock seconds of a command by the code of `checkout`; ends where its exit status is another."""
    with tempfile.TemporaryDirectory() as out:
        words = [out if word == 'OUT' else str(word) for word in arguments]
        command, environment = [sys.executable, '-m', 'cnn_bench', *words], {**os.environ, 'PYTHONPATH': str(checkout)}
        start = time.perf_counter()
        ran = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True)
        taken = time.perf_counter() - start
    if ran.returncode != status:
        raise SystemExit(f'{" ".join(words)} ended with status {ran.returncode}: {ran.stderr.strip()[-300:]}')
    return taken


def spread(values: list[float]) -> str:
    """Median (lowest to highest)."""
    return f'{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})'


if __name__ == '__main__':
    main()
