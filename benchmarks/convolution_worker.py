"""Rates of convolutions in one process, by XLA alone, by this code base or by PyTorch; `convolution.py` starts it.

    python benchmarks/convolution_worker.py xla|cnn_bench|torch SECONDS

Prints one JSON line: the rate of a matrix product of 2048 x 2048, and per shape those of a convolution, its input's
gradient and its kernel's gradient, in FLOP/s (2 a multiply-add), each the median of its calls. It imports only what the
contestant needs, so that it runs under a Python that has PyTorch alone.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

SHAPES = (  # images, height = width, channels in, channels out, taps, stride, groups
    (1, 56, 64, 64, 3, 1, 1),
    (1, 14, 256, 256, 3, 1, 1),
    (1, 14, 1024, 256, 1, 1, 1),
    (16, 56, 64, 64, 3, 1, 1),
    (16, 56, 64, 256, 1, 1, 1),
    (16, 28, 128, 128, 3, 1, 1),
    (16, 14, 256, 256, 3, 1, 1),
    (16, 7, 512, 512, 3, 1, 1),
    (16, 28, 256, 512, 3, 2, 1),
    (128, 32, 16, 16, 3, 1, 1),
    (128, 16, 32, 32, 3, 1, 1),
    (128, 8, 64, 64, 3, 1, 1),
    (16, 56, 144, 144, 3, 1, 144),
    (16, 14, 576, 576, 3, 1, 576),
)
MATRIX = 2048
Calls = tuple[
    Callable, Callable, Callable
]  # each computes and waits: the convolution, its input's and kernel's gradient


def main(contestant: str, seconds: float) -> None:
    """Measure and print."""
    product, calls_for = {'xla': _jax, 'cnn_bench': _jax, 'torch': _torch}[contestant](contestant)
    rates = []
    for shape in SHAPES:
        flops = _flops(*shape)
        rates.append([flops / _median(call, seconds) for call in calls_for(*shape)])
    print(json.dumps({'matrix': 2 * MATRIX**3 / _median(product, seconds), 'rates': rates}))


def _flops(images, size, channels, features, taps, stride, groups) -> int:
    return 2 * images * (size // stride) ** 2 * features * taps**2 * channels // groups


def _median(call: Callable, seconds: float) -> float:
    call()
    call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _jax(contestant: str) -> tuple[Callable, Callable]:
    if contestant == 'cnn_bench':
        from cnn_bench.models.fast_ops import convolve  # before JAX, to which its package speaks
    import jax
    import numpy as np

    def xla(x, kernel, strides, pads, *, feature_group_count):
        numbers = ('NHWC', 'HWIO', 'NHWC')
        return jax.lax.conv_general_dilated(
            x, kernel, strides, pads, dimension_numbers=numbers, feature_group_count=feature_group_count
        )

    convolution = convolve if contestant == 'cnn_bench' else xla
    draw = np.random.default_rng(0).standard_normal

    def calls_for(images, size, channels, features, taps, stride, groups) -> Calls:
        pads = ((taps // 2, taps // 2),) * 2
        x = jax.device_put(draw((images, size, size, channels), np.float32))
        kernel = jax.device_put(draw((taps, taps, channels // groups, features), np.float32))

        def forward(x, kernel):
            return convolution(x, kernel, (stride, stride), pads, feature_group_count=groups)

        slope = jax.jit(forward)(x, kernel)
        functions = (
            lambda slope, x, kernel: forward(x, kernel),
            lambda slope, x, kernel: jax.vjp(forward, x, kernel)[1](slope)[0],
            lambda slope, x, kernel: jax.vjp(forward, x, kernel)[1](slope)[1],
        )
        programs = [jax.jit(function) for function in functions]
        return tuple(lambda run=run: jax.block_until_ready(run(slope, x, kernel)) for run in programs)

    matrix = jax.device_put(draw((MATRIX, MATRIX), np.float32))
    multiply = jax.jit(lambda a: a @ a)
    return lambda: jax.block_until_ready(multiply(matrix)), calls_for


def _torch(contestant: str) -> tuple[Callable, Callable]:
    import os

    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    last = {'memory_format': torch.channels_last}

    def calls_for(images, size, channels, features, taps, stride, groups) -> Calls:
        x = torch.randn(images, channels, size, size).to(**last)
        kernel = torch.randn(features, channels // groups, taps, taps).to(**last)
        pad = taps // 2

        def forward():
            return torch.nn.functional.conv2d(x, kernel, stride=stride, padding=pad, groups=groups)

        slope = forward()

        def gradient(of_x: bool):
            wanted = [of_x, not of_x, False]
            where = [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups
            return torch.ops.aten.convolution_backward(slope, x, kernel, None, *where, wanted)

        return forward, lambda: gradient(True), lambda: gradient(False)

    matrix = torch.randn(MATRIX, MATRIX)
    return lambda: matrix @ matrix, calls_for


if __name__ == '__main__':
    main(sys.argv[1], float(sys.argv[2]))
