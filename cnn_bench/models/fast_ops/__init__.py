"""Convolution, pooling and local response normalisation, faster on CPUs than XLA's own.

All networks use them. On other devices they are XLA's own, and on a CPU too unless XLA is slow there:

    convolution           by oneDNN, see `onednn`; small ones by XLA, depthwise ones as shifted multiply-adds
    gradient for x        by oneDNN, as one convolution for each remainder of the pixels by the stride
    gradient for kernels  by XLA, a few images at a time; 1x1: a matrix product; depthwise: image by image
    max pooling           of small arrays or with stride 1 as shifted maxima; its gradient as comparisons
    response norm         its gradient without a power for each tap

`python benchmarks/fast_ops.py` prints what each gives. Tried for a kernel's gradient and slower at every shape: matrix
products over shifted slices of the input, by XLA or oneDNN, unfolded or tap by tap.

Results agree up to rounding, except that on a CPU the gradient of max pooling is shared among equal maxima; elsewhere
the first gets it all. The cost counter, which walks the jaxpr, still sees every convolution and pooling window.
"""

from cnn_bench.models.fast_ops.convolution import convolve
from cnn_bench.models.fast_ops.operation import are_disabled, disabled
from cnn_bench.models.fast_ops.pooling import max_over_windows, mean_over_windows
from cnn_bench.models.fast_ops.response_norm import lrn
from cnn_bench.models.fast_ops.windows import Pads, check_fits

__all__ = [
    'Pads',
    'are_disabled',
    'check_fits',
    'convolve',
    'disabled',
    'lrn',
    'max_over_windows',
    'mean_over_windows',
]
