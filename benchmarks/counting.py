"""Time to count parameters and multiply-adds per layer: `model_cost` against Flax's own table.

    python benchmarks/counting.py [NAME] [--repeats N]

Both count from the shapes of one image and never use the device. Each repeat runs both in turn.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import flax
import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.complexity import model_cost
from cnn_bench.models import registry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('name', nargs='?', default='resnet152')
    parser.add_argument('--repeats', type=int, default=3)
    args = parser.parse_args()
    module, shape = registry.build(args.name), registry.get(args.name).input_shape
    image = jnp.zeros((1, *shape))
    key = jax.random.key(0)
    table = nn.tabulate(module, {'params': key, 'dropout': key}, compute_flops=True)
    contestants = {
        'cnn_bench.complexity.model_cost': lambda: model_cost(module, shape),
        'flax.linen.tabulate(compute_flops=True)': lambda: table(image),
    }
    seconds = {name: [] for name in contestants}
    for _ in range(args.repeats):
        for name, run in contestants.items():
            seconds[name].append(timed(run))
    report(args.name, seconds)


def timed(run: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def report(arch: str, seconds: dict[str, list[float]]) -> None:
    """Print the first and the median time of each, and their ratio to the first row's."""
    print(f'{arch}, {len(next(iter(seconds.values())))} repeats; Python {platform.python_version()},', end=' ')
    print(f'jax {jax.__version__}, flax {flax.__version__}, {jax.default_backend()}, {os.cpu_count()} cores\n')
    print('| counter | first, s | median, s | first, ratio | median, ratio |')
    print('| --- | ---: | ---: | ---: | ---: |')
    own = None
    for name, times in seconds.items():
        figures = times[0], statistics.median(times)
        own = own or figures
        ratios = (figure / base for figure, base in zip(figures, own, strict=True))
        print(f'| {name} |', ' | '.join([*(f'{n:.2f}' for n in figures), *(f'{n:.1f}' for n in ratios)]), '|')


if __name__ == '__main__':
    main()
