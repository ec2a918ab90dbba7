"""Speed of our convolutions, poolings and normalisations, `models.fast_ops` and `batch_norm`, against XLA and Linen.

    python benchmarks/fast_ops.py [WORD ...] [--repeats N] [--batch N] [--dtype D]

With words, only rows that contain one of them. Each repeat times both in turn, for a fifth of a second each. A row has
the median time of each and their ratio within a repeat: median, lowest, highest. On a device other than a CPU, most
operations are the same and the ratio is 1.
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
from flax import linen as nn

from cnn_bench.models import fast_ops, layers

SECONDS = 0.2


class Row(NamedTuple):
    """One operation on shapes from a network that has it."""

    name: str
    operation: Callable
    shapes: tuple[tuple[int, ...], ...]  # of its arguments, the first without the batch
    forward: bool = False  # time the result as well as the gradients


def _conv(taps: int, stride: int = 1, groups: int = 1) -> Callable:
    pads = ((taps // 2, taps // 2),) * 2
    return partial(fast_ops.convolve, strides=(stride, stride), pads=pads, feature_group_count=groups)


def _pool(stride: int) -> Callable:
    return partial(fast_ops.max_over_windows, window=(3, 3), strides=(stride, stride), pads=((1, 1), (1, 1)))


def _kernel_gradient(taps: int, image: tuple, features: int, stride: int = 1) -> Row:
    shapes = (image, (taps, taps, image[-1], features))
    name = f'gradients, {taps}x{taps} convolution, {"x".join(map(str, image))} to {features}, stride {stride}'
    return Row(name, _conv(taps, stride), shapes)


def _batch_norm(x, scale, bias):
    """Batch normalisation in training and a ReLU, as in most networks."""
    fields = {'axis_name': None, 'dtype': x.dtype, 'momentum': 0.9, 'epsilon': 1e-5, 'name': None}
    statistics = {'mean': jnp.zeros(x.shape[-1]), 'var': jnp.ones(x.shape[-1])}
    variables = {'params': {'scale': scale, 'bias': bias}, 'batch_stats': statistics}
    return nn.relu(layers.batch_norm(train=True, **fields).apply(variables, x, mutable=['batch_stats'])[0])


def _norm(*image: int) -> Row:
    name = f'batch norm and ReLU, {"x".join(map(str, image))}'
    return Row(name, _batch_norm, (image, image[-1:], image[-1:]), forward=True)


ROWS = (
    Row('3x3 in 2 groups, 13x13x384', _conv(3, groups=2), ((13, 13, 384), (3, 3, 192, 384)), forward=True),
    Row('5x5 in 2 groups, 27x27x96', _conv(5, groups=2), ((27, 27, 96), (5, 5, 48, 256)), forward=True),
    Row('3x3 depthwise, 7x7x184', _conv(3, groups=184), ((7, 7, 184), (3, 3, 1, 184)), forward=True),
    Row('3x3 depthwise, 28x28x32', _conv(3, groups=32), ((28, 28, 32), (3, 3, 1, 32)), forward=True),
    Row('gradient, 3x3 max pool, stride 1, 14x14x192', _pool(1), ((14, 14, 192),)),
    Row('gradient, 3x3 max pool, stride 2, 56x56x64', _pool(2), ((56, 56, 64),)),
    _kernel_gradient(1, (14, 14, 256), 256),
    _kernel_gradient(1, (28, 28, 64), 128),
    Row('gradient, response norm, 27x27x96', lambda x: fast_ops.lrn(x, 5, 2.0, 1e-4, 0.75), ((27, 27, 96),)),
    _kernel_gradient(3, (32, 32, 16), 16),
    _kernel_gradient(3, (32, 32, 16), 32, stride=2),
    _kernel_gradient(3, (16, 16, 32), 32),
    _kernel_gradient(3, (8, 8, 64), 64),
    _kernel_gradient(3, (14, 14, 128), 128),
    _kernel_gradient(3, (7, 7, 256), 256),
    _kernel_gradient(5, (14, 14, 32), 64),
    _kernel_gradient(7, (28, 28, 1), 64),
    _norm(32, 32, 16),
    _norm(16, 16, 32),
    _norm(8, 8, 64),
    _norm(28, 28, 64),
    _norm(14, 14, 256),
    _norm(7, 7, 512),
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
    print('| operation | XLA and Linen, ms | ours, ms | ratio | low | high |')
    print('| --- |' + ' ---: |' * 5)
    for row in ROWS:
        if not args.words or any(word in row.name for word in args.words):
            print(line(row, *times(row, args)), flush=True)


def times(row: Row, args: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Seconds per call in each repeat, with XLA and with ours."""
    shapes = (args.batch, *row.shapes[0]), *row.shapes[1:]
    keys = jax.random.split(jax.random.key(0), len(shapes))
    arrays = [jax.random.normal(key, shape, args.dtype) for key, shape in zip(keys, shapes, strict=True)]
    slope = jnp.ones_like(row.operation(*arrays))

    def both(slope, *arrays):
        result, pullback = jax.vjp(row.operation, *arrays)
        return (result, pullback(slope)) if row.forward else pullback(slope)

    with fast_ops.disabled():
        xla = jax.jit(lambda *a: both(*a)).lower(slope, *arrays).compile()
    programs = xla, jax.jit(lambda *a: both(*a)).lower(slope, *arrays).compile()
    calls = [max(1, round(SECONDS / timed(program, 2, slope, *arrays))) for program in programs]
    pairs = [
        [timed(program, n, slope, *arrays) for program, n in zip(programs, calls, strict=True)]
        for _ in range(args.repeats)
    ]
    return tuple(zip(*pairs, strict=True))


def timed(program: Callable, calls: int, *arrays) -> float:
    """Seconds per call."""
    start = time.perf_counter()
    for _ in range(calls):
        result = program(*arrays)
    jax.block_until_ready(result)
    return (time.perf_counter() - start) / calls


def line(row: Row, xla: tuple[float, ...], ours: tuple[float, ...]) -> str:
    """A row of the table."""
    ratios = [theirs / own for theirs, own in zip(xla, ours, strict=True)]
    figures = [f'{1e3 * statistics.median(times):.2f}' for times in (xla, ours)]
    figures += [f'{pick(ratios):.2f}' for pick in (statistics.median, min, max)]
    return f'| {row.name} | {" | ".join(figures)} |'


if __name__ == '__main__':
    main()
