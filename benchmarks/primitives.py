"""How many times faster the convolutions, poolings and normalisation of `cnn_bench.models.primitives` are than XLA's.

    python benchmarks/primitives.py [WORD ...] [--repeats N] [--batch N] [--dtype D]

With words, only the rows that hold one of them. Each repeat times both forms in turn, for a fifth of a second each. A
row has the median time of each and the ratio within a repeat: median, lowest, highest. On a device other than a CPU
most forms are the same and the ratio is 1.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from cnn_bench.models import primitives

SECONDS = 0.2


class Row(NamedTuple):
    """One operation on shapes of a network that has it."""

    what: str
    operation: Callable
    shapes: tuple[tuple[int, ...], ...]  # of its arguments; the first one's batch is put in front
    forward: bool = False  # the result is wanted as well as the gradients


def _conv(taps: int, stride: int = 1, groups: int = 1) -> Callable:
    pads = ((taps // 2, taps // 2),) * 2
    return partial(primitives.convolve, strides=(stride, stride), pads=pads, feature_group_count=groups)


def _pool(stride: int) -> Callable:
    return partial(primitives.max_over_windows, window=(3, 3), strides=(stride, stride), pads=((1, 1), (1, 1)))


def _kernel_gradient(taps: int, map_: tuple, maps: int, stride: int = 1) -> Row:
    shapes = (map_, (taps, taps, map_[-1], maps))
    name = f'gradients, {taps}x{taps} convolution, {"x".join(map(str, map_))} to {maps}, stride {stride}'
    return Row(name, _conv(taps, stride), shapes)


ROWS = (
    Row('3x3 in 2 groups, 13x13x384', _conv(3, groups=2), ((13, 13, 384), (3, 3, 192, 384)), forward=True),
    Row('5x5 in 2 groups, 27x27x96', _conv(5, groups=2), ((27, 27, 96), (5, 5, 48, 256)), forward=True),
    Row('3x3 depthwise, 7x7x184', _conv(3, groups=184), ((7, 7, 184), (3, 3, 1, 184)), forward=True),
    Row('3x3 depthwise, 28x28x32', _conv(3, groups=32), ((28, 28, 32), (3, 3, 1, 32)), forward=True),
    Row('gradient, 3x3 max pool, stride 1, 14x14x192', _pool(1), ((14, 14, 192),)),
    Row('gradient, 3x3 max pool, stride 2, 56x56x64', _pool(2), ((56, 56, 64),)),
    _kernel_gradient(1, (14, 14, 256), 256),
    _kernel_gradient(1, (28, 28, 64), 128),
    Row('gradient, response norm, 27x27x96', lambda x: primitives.respond(x, 5, 2.0, 1e-4, 0.75), ((27, 27, 96),)),
    _kernel_gradient(3, (32, 32, 16), 16),
    _kernel_gradient(3, (32, 32, 16), 32, stride=2),
    _kernel_gradient(3, (16, 16, 32), 32),
    _kernel_gradient(3, (8, 8, 64), 64),
    _kernel_gradient(3, (14, 14, 128), 128),
    _kernel_gradient(3, (7, 7, 256), 256),
    _kernel_gradient(5, (14, 14, 32), 64),
    _kernel_gradient(7, (28, 28, 1), 64),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('words', nargs='*', metavar='WORD')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--dtype', default='float32')
    args = parser.parse_args()
    print(
        f'jax {jax.__version__}, {jax.devices()[0].device_kind}, {os.cpu_count()} cores; batch {args.batch}', end=', '
    )
    print(f'{args.dtype}, {args.repeats} repeats\n')
    print("| operation | XLA's, ms | ours, ms | times faster | low | high |")
    print('| --- |' + ' ---: |' * 5)
    for row in ROWS:
        if not args.words or any(word in row.what for word in args.words):
            print(line(row, *times(row, args)), flush=True)


def times(row: Row, args: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Seconds a call in each repeat: XLA's form, ours."""
    shapes = (args.batch, *row.shapes[0]), *row.shapes[1:]
    keys = jax.random.split(jax.random.key(0), len(shapes))
    arrays = [jax.random.normal(key, shape, args.dtype) for key, shape in zip(keys, shapes, strict=True)]
    slope = jnp.ones_like(row.operation(*arrays))

    def both(slope, *arrays):
        result, pullback = jax.vjp(row.operation, *arrays)
        return (result, pullback(slope)) if row.forward else pullback(slope)

    with primitives.stock():
        stock = jax.jit(lambda *a: both(*a)).lower(slope, *arrays).compile()
    forms = stock, jax.jit(lambda *a: both(*a)).lower(slope, *arrays).compile()
    calls = [max(1, round(SECONDS / timed(form, 2, slope, *arrays))) for form in forms]
    pairs = [
        [timed(form, n, slope, *arrays) for form, n in zip(forms, calls, strict=True)] for _ in range(args.repeats)
    ]
    return tuple(zip(*pairs, strict=True))


def timed(form: Callable, calls: int, *arrays) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    for _ in range(calls):
        result = form(*arrays)
    jax.block_until_ready(result)
    return (time.perf_counter() - start) / calls


def line(row: Row, stock: tuple[float, ...], ours: tuple[float, ...]) -> str:
    """A row of the table."""
    ratios = [theirs / own for theirs, own in zip(stock, ours, strict=True)]
    figures = [f'{1e3 * statistics.median(times):.2f}' for times in (stock, ours)]
    figures += [f'{pick(ratios):.1f}' for pick in (statistics.median, min, max)]
    return f'| {row.what} | {" | ".join(figures)} |'


if __name__ == '__main__':
    main()
