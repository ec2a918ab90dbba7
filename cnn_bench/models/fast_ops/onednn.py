"""Convolutions by oneDNN, which XLA's CPU back end contains but does not use for convolutions by itself.

XLA's own pass would put a call of oneDNN in place of a convolution (`__onednn$convolution`, with its geometry in the
fields of `OneDnnConvolutionConfig`); the back end runs that call on XLA's own threads, whoever put it there. oneDNN
computes what XLA does, up to rounding, and faster (benchmarks/README.md). Programs with such calls can't be kept in
JAX's compilation cache.
"""

import json
import math
import platform
import sys
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnn_bench.models.fast_ops.windows import Pads, Pair

TARGET = '__onednn$convolution'
LEAST_MACS = 2**20  # of a call; below, preparing it takes longer than it saves
LEAST_PIXELS = 64  # of its outputs; oneDNN reorders the kernel in each call, which few pixels do not pay for
IMAGES, KERNEL, TRANSPOSED = (0, 3, 1, 2), (2, 3, 0, 1), (3, 2, 0, 1)  # axes: batch or inputs, features, rows, columns


def suits(x: jax.Array, kernel: jax.Array, outputs: tuple[int, ...], least_macs: int | None = None) -> bool:
    """Whether a convolution of x (n, h, w, c) to `outputs` (n, h, w, c) is one for oneDNN, on a CPU."""
    least_macs = LEAST_MACS if least_macs is None else least_macs
    pixels, macs = math.prod(outputs[:3]), math.prod(outputs) * math.prod(kernel.shape[:3])
    gains = macs >= least_macs and (pixels >= LEAST_PIXELS or kernel.shape[2] == 1)
    return gains and x.dtype == kernel.dtype and available(jnp.dtype(x.dtype).name)


@cache
def available(dtype: str) -> bool:
    """Whether XLA's CPU back end has oneDNN, and its convolutions take numbers of the type."""
    if not sys.platform.startswith('linux') or platform.machine() != 'x86_64':
        return False
    if dtype == 'bfloat16':  # on processors without, oneDNN ends the process
        return 'avx512_bf16' in _processor_flags() and available('float32')
    # Older processors get other implementations, of which nobody saw that they end (`_pad_beyond`).
    return dtype == 'float32' and 'avx2' in _processor_flags() and _computes_a_convolution()


def _processor_flags() -> set[str]:
    try:
        text = Path('/proc/cpuinfo').read_text()
    except OSError:
        return set()
    return set(next((line for line in text.splitlines() if line.startswith('flags')), '').split())


def _computes_a_convolution() -> bool:
    """Whether a small convolution by oneDNN gives what it should; another version of XLA may know no such call."""
    x, kernel = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2), np.ones((2, 2, 2, 3), np.float32)
    try:
        cpu = jax.local_devices(backend='cpu')[0]
        call = jax.jit(lambda x, kernel: convolve(x, kernel, (1, 2), ((0, 1), (0, 0))))
        with jax.ensure_compile_time_eval():
            result = np.asarray(call(*jax.device_put((x, kernel), cpu)))
    except (RuntimeError, ValueError):
        return False
    padded = np.pad(x, ((0, 0), (0, 1), (0, 0), (0, 0))).sum(-1)[0]
    sums = [[padded[i : i + 2, j : j + 2].sum() for j in (0, 2)] for i in range(4)]
    return np.array_equal(result, np.repeat(np.array(sums, np.float32)[None, :, :, None], 3, -1))


def convolve(
    x: jax.Array,
    kernel: jax.Array,
    strides: Pair,
    pads: Pads,
    *,
    groups: int = 1,
    dilation: Pair = (1, 1),
    transposed: bool = False,
) -> jax.Array:
    """Convolve x (n, h, w, c) with a kernel (kh, kw, c / groups, c_out).

    With `transposed` the kernel is (kh, kw, c_out, c). For programs that run on a CPU where it is `available`.
    """
    axes = TRANSPOSED if transposed else KERNEL
    reach = tuple((taps - 1) * apart for taps, apart in zip(kernel.shape[:2], dilation, strict=True))
    x, pads = _pad_beyond(x, reach, pads)
    spatial = [
        (size + sum(pad) - (taps - 1) * apart - 1) // step + 1
        for size, pad, taps, apart, step in zip(x.shape[1:3], pads, kernel.shape[:2], dilation, strides, strict=True)
    ]
    outputs = (len(x), *spatial, kernel.shape[axes[1]])
    config = {
        'dims': 4,
        'input': {'dims': 4, 'data': _axes(('batch_dim', 'feature_dim'), IMAGES)},
        'kernel': {'dims': 4, 'filter': _axes(('input_feature_dim', 'output_feature_dim'), axes)},
        'output': {'dims': 4, 'data': _axes(('batch_dim', 'feature_dim'), IMAGES)},
        'window': {
            'size': kernel.shape[:2],
            'pad_left': [low for low, _ in pads],
            'pad_right': [high for _, high in pads],
            'strides': strides,
            'window_dilations': dilation,
        },
        'feature_groups': groups,
    }
    call = jax.ffi.ffi_call(
        TARGET,
        jax.ShapeDtypeStruct(outputs, x.dtype),
        custom_call_api_version=1,
        legacy_backend_config=json.dumps({'onednn_conv_config': config}),
    )
    return call(x, kernel)


def _pad_beyond(x: jax.Array, most: Pair, pads: Pads) -> tuple[jax.Array, Pads]:
    """x with the padding beyond `most`, and the rest of the padding.

    Where windows lie in the padding altogether, oneDNN takes an implementation with parallel loops in parallel loops,
    for depthwise convolutions at least. On XLA's threads they wait for each other without end.
    """
    beyond = [tuple(max(pad - bound, 0) for pad in both) for both, bound in zip(pads, most, strict=True)]
    left = tuple(tuple(min(pad, bound) for pad in both) for both, bound in zip(pads, most, strict=True))
    if any(map(any, beyond)):
        x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((low, high, 0) for low, high in beyond), (0, 0, 0)])
    return x, left


def _axes(names: tuple[str, str], axes: tuple[int, ...]) -> dict:
    return {**dict(zip(names, axes, strict=False)), 'spatial_dims': axes[2:]}


def input_gradient(
    g: jax.Array, kernel: jax.Array, spatial: Pair, strides: Pair, pads: Pads, groups: int = 1
) -> jax.Array:
    """The gradient for the input (n, *spatial, c) of a convolution, from that for its output, g (n, h, w, c_out).

    Input pixel i gets g[o] times tap t for all i + pad = stride * o + t. The pixels with equal (i + pad) modulo the
    stride see the same taps, a stride apart: for them it is a convolution of g with stride 1 by those taps, reversed.
    So there is one convolution for each remainder, and none multiplies by the zeros between outputs.
    """
    if groups > 1:
        kernel = _inputs_last(kernel, groups)
    firsts = [low // step for (low, _), step in zip(pads, strides, strict=True)]
    counts = [
        (size + low - 1) // step - first + 1
        for size, (low, _), step, first in zip(spatial, pads, strides, firsts, strict=True)
    ]

    def part(i: int, j: int) -> jax.Array:
        taps = kernel[i :: strides[0], j :: strides[1]]
        if not taps.size:
            return jnp.zeros((len(g), *counts, kernel.shape[3 if groups > 1 else 2]), g.dtype)
        around = [
            (size - 1 - first, count + first - outputs)
            for size, first, count, outputs in zip(taps.shape[:2], firsts, counts, g.shape[1:3], strict=True)
        ]
        cropped = [(min(low, 0), min(high, 0), 0) for low, high in around]
        seen = lax.pad(g, jnp.zeros((), g.dtype), [(0, 0, 0), *cropped, (0, 0, 0)])
        more = tuple((max(low, 0), max(high, 0)) for low, high in around)
        return convolve(seen, taps[::-1, ::-1], (1, 1), more, groups=groups, transposed=groups == 1)

    if strides == (1, 1):
        return part(0, 0)
    rows = [jnp.stack([part(i, j) for j in range(strides[1])], 3) for i in range(strides[0])]
    pixels = jnp.stack(rows, 2)  # (n, rows, i, columns, j, c)
    pixels = pixels.reshape(len(g), counts[0] * strides[0], counts[1] * strides[1], -1)
    top, left = (low - step * first for (low, _), step, first in zip(pads, strides, firsts, strict=True))
    return pixels[:, top : top + spatial[0], left : left + spatial[1]]


def depthwise_kernel_gradient(g: jax.Array, x: jax.Array, window: Pair, strides: Pair, pads: Pads) -> jax.Array:
    """The gradient for the kernel, (*window, c), of a depthwise convolution of one image x (1, h, w, c).

    g (h, w, c) is that for its output. Tap t gets the sum of x[stride * o + t - pad] * g[o] over outputs o: a depthwise
    convolution of x by g as its kernel, dilated by the stride, whose outputs are the taps.
    """
    ends = [
        taps + (outputs - 1) * step - size - low
        for taps, outputs, step, size, (low, _) in zip(window, g.shape[:2], strides, x.shape[1:3], pads, strict=True)
    ]
    seen = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((0, min(end, 0), 0) for end in ends), (0, 0, 0)])
    around = tuple((low, max(end, 0)) for (low, _), end in zip(pads, ends, strict=True))
    return convolve(seen, g[:, :, None], (1, 1), around, groups=x.shape[-1], dilation=strides)[0]


def _inputs_last(kernel: jax.Array, groups: int) -> jax.Array:
    """A kernel (kh, kw, c / groups, c_out) in groups as the one of the way back, (kh, kw, c_out / groups, c)."""
    height, width, inputs, outputs = kernel.shape
    kernel = kernel.reshape(height, width, inputs, groups, outputs // groups)
    return kernel.transpose(0, 1, 4, 3, 2).reshape(height, width, outputs // groups, groups * inputs)
