"""Speed of a training step: this code base beside the same network in plain Linen and in compiled PyTorch.

    python benchmarks/train_step.py [NAME[:BATCH[,BATCH...]] ...] [--dtype D] [--repeats N] [--seconds S] [--json FILE]

Plain Linen is the registry's own network, traced with `nn.BatchNorm`, XLA's convolutions and pooling, and autodiff's
gradients. PyTorch takes part where torch and torchvision are installed and have the network.

All run in this one process: each repeat times every contestant for S seconds, the next repeat in another order. A row
has the median over the repeats, lowest and highest. `time / ours` is within a repeat: median, lowest, highest.
Compilation (for PyTorch: its first step) has a column of its own and is in no other. `of peak` is the share of the
rate of a large matrix product, the best of one measurement a repeat; an image is taken for 3 x 2 x the registry's
multiply-adds, whatever a contestant computes.
"""

import argparse
import importlib.util
import json
import math
import os
import platform
import resource
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
from contestants import MIB, Case, Contestant, linen

from cnn_bench.measure.machine import matrix_product

DEFAULTS = {'cpu': ['fashion_cnn:64,128', 'resnet20:128'], 'other': ['resnet50:256', 'resnet20:128', 'fashion_cnn:128']}
COLUMNS = (
    'images_per_s',
    'step_ms',
    'step_ms_low',
    'step_ms_high',
    'compile_s',
    'memory_mib',
    'of_peak_pct',
    'ratio',
    'ratio_low',
    'ratio_high',
)


def main() -> None:
    os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')  # PyTorch needs some of it
    jax.config.update('jax_enable_compilation_cache', False)
    cpu = jax.default_backend() == 'cpu'
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('cases', nargs='*', metavar='NAME[:BATCH,...]', default=DEFAULTS['cpu' if cpu else 'other'])
    parser.add_argument('--dtype', default='float32' if cpu else 'bfloat16', help='of the computation')
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--seconds', type=float, default=2.0, help='of each contestant in each repeat')
    parser.add_argument('--steps-per-call', type=int, default=1 if cpu else 20, help='in one program of XLA, both')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--no-torch', dest='torch', action='store_false')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write every figure and every time here')
    args = parser.parse_args()
    args.torch &= all(importlib.util.find_spec(name) for name in ('torch', 'torchvision'))
    where = environment()
    print(', '.join(f'{name} {value}' for name, value in where.items()))
    print(f'seed {args.seed}, {args.repeats} repeats of {args.seconds} s, {args.steps_per_call} steps a call')
    rows = []
    for case in parse(args.cases, args.dtype, args.seed):
        rows += measured(case, args)
        report(rows[-1]['case'], [row for row in rows if row['case'] == rows[-1]['case']])
    print(f'\npeak memory of the run: {peak_memory()}; load average {os.getloadavg()[0]:.1f}')
    if args.json:
        args.json.write_text(json.dumps({'environment': where, 'arguments': vars(args) | {'json': None}, 'rows': rows}))


def environment() -> dict[str, str]:
    """What the figures hold for."""
    found = {'device': jax.devices()[0].device_kind, 'cores': os.cpu_count(), 'Python': platform.python_version()}
    for name in ('jax', 'jaxlib', 'flax', 'optax', 'torch', 'torchvision'):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = 'none'
    return found


def parse(words: list[str], dtype: str, seed: int) -> list[Case]:
    """'resnet20:64,128' -> two cases; a batch of 128 where none is named."""
    split = [word.partition(':') for word in words]
    return [Case(name, int(n), dtype, seed) for name, _, sizes in split for n in (sizes or '128').split(',')]


def contestants(case: Case, args: argparse.Namespace) -> list[Contestant]:
    """Those that can run the case, ours first. Raises SystemExit where ours and Linen's first losses differ."""
    found = [
        linen(case, 'cnn_bench', args.steps_per_call, False),
        linen(case, 'plain Linen', args.steps_per_call, True),
    ]
    losses = [one.first_loss for one in found]
    if not math.isclose(*losses, rel_tol=1e-3 if case.dtype == 'float32' else 3e-2):
        raise SystemExit(f'{case.arch}: the first loss is {losses[0]} here and {losses[1]} in plain Linen')
    if args.torch:
        from torch_contestant import compiled_torch

        found += filter(None, [compiled_torch(case)])
    return found


def measured(case: Case, args: argparse.Namespace) -> list[dict]:
    """A row for each contestant."""
    rate, peak = matrix_product(case.dtype), 0.0
    field = contestants(case, args)
    calls = [max(1, round(args.seconds / timed(one, 2) / one.steps)) for one in field]
    times = [[] for _ in field]
    for repeat in range(args.repeats):
        peak = max(peak, rate())
        for place in range(len(field)):
            turn = (place + repeat) % len(field)
            times[turn].append(timed(field[turn], calls[turn]))
    return [row(case, one, own, times[0], peak) for one, own in zip(field, times, strict=True)]


def timed(contestant: Contestant, calls: int) -> float:
    """Seconds of a step, over so many calls."""
    contestant.wait()
    start = time.perf_counter()
    for _ in range(calls):
        contestant.call()
    contestant.wait()
    return (time.perf_counter() - start) / calls / contestant.steps


def row(case: Case, one: Contestant, times: list[float], ours: list[float], peak: float) -> dict:
    """One contestant's figures."""
    median = statistics.median(times)
    ratios = [theirs / own for theirs, own in zip(times, ours, strict=True)]
    return {
        'case': f'{case.arch}, batch {case.batch}, {case.dtype}',
        'contestant': one.name,
        'images_per_s': case.batch / median,
        'step_ms': 1e3 * median,
        'step_ms_low': 1e3 * min(times),
        'step_ms_high': 1e3 * max(times),
        'compile_s': one.compile_s,
        'memory_mib': one.memory_mib,
        'of_peak_pct': 100 * 6 * case.facts.macs * case.batch / median / peak,
        'ratio': statistics.median(ratios),
        'ratio_low': min(ratios),
        'ratio_high': max(ratios),
        'peak_gflop_per_s': peak / 1e9,
        'times_s': times,
    }


def report(title: str, rows: list[dict]) -> None:
    """Print a case's table."""
    print(f'\n{title}; matrix product {rows[0]["peak_gflop_per_s"]:,.0f} GFLOP/s\n')
    print('| contestant | images/s | ms a step | low | high | compile s | MiB | of peak % | time / ours | low | high |')
    print('| --- |' + ' ---: |' * len(COLUMNS))
    for one in rows:
        digits = [0, 1, 1, 1, 1, 0, 1, 2, 2, 2]
        cells = ['-' if one[c] is None else f'{one[c]:,.{d}f}' for c, d in zip(COLUMNS, digits, strict=True)]
        print(f'| {one["contestant"]} |', ' | '.join(cells), '|', flush=True)


def peak_memory() -> str:
    """Of the device where it counts it, otherwise of this process."""
    stats = jax.devices()[0].memory_stats()
    if stats and 'peak_bytes_in_use' in stats:
        return f'{stats["peak_bytes_in_use"] / MIB:,.0f} MiB of the device, PyTorch left out'
    return f'{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB of the process'


if __name__ == '__main__':
    main()
