"""Convolution, pooling and local response normalisation, faster on CPUs than XLA's own.

All networks use them. On other devices they are XLA's own, and on a CPU too unless XLA is slow there. Speed-ups in CPU
time on two cores, batch 64, as printed by `benchmarks/fast_ops.py` for shapes from the networks here:

    convolution in 2 groups, as two convolutions                                   4 to 9, with gradients
    3x3 depthwise convolution, as nine shifted multiply-adds                       8 to 12, with gradients
    gradient of a 3x3 max pool with stride 1 or 2, as nine comparisons             5 and 3
    gradients of a 1x1 convolution, as matrix products                             2 to 4
    gradients of a larger convolution, the kernel's in chunks of a few images      1 to 2
    gradient of local response normalisation, without a power for each tap         5

For a kernel's gradient, XLA unfolds the input (im2col) and is slow if the result exceeds the cache; `images_per_chunk`
sets the number of images that it gets at a time, the whole batch if feature maps are small. Matrix products over
shifted slices of the input need no unfolding but were slower at most shapes.

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
