"""Interchangeable layers: convolutions, normalisations, activations, poolings and initialisers.

All layers of a kind have the same signature; `CHOICES` has their names. Arrays are (n, h, w, c); padding is explicit.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models import fast_ops
from cnn_bench.models.batch_norm import BatchNorm
from cnn_bench.models.fast_ops import Pads

Kernel = int | tuple[int, int]  # square, or (height, width)


def scale_channels(channels: int, width: float) -> int:
    """`channels` times `width`, rounded to a multiple of 2 and at least 2; unchanged at width 1."""
    return channels if width == 1 else max(2, 2 * round(channels * width / 2))


def pads(padding: int | Pads) -> Pads:
    """Padding as ((top, bottom), (left, right)), from the same or from one number for all four sides."""
    return ((padding, padding), (padding, padding)) if isinstance(padding, int) else padding


def conv(
    features: int,
    kernel: Kernel,
    stride: int = 1,
    padding: int | Pads | None = None,
    groups: int = 1,
    dilation: int = 1,
    **fields,
) -> nn.Module:
    """A convolution; the default padding is half the (dilated) kernel on each side. `fields` go to nn.Conv."""
    window = (kernel, kernel) if isinstance(kernel, int) else kernel
    halves = tuple((taps // 2 * dilation,) * 2 for taps in window)
    return nn.Conv(
        features,
        window,
        (stride, stride),
        halves if padding is None else pads(padding),
        kernel_dilation=(dilation, dilation),
        feature_group_count=groups,
        conv_general_dilated=fast_ops.convolve,
        **fields,
    )


class SeparableConv(nn.Module):
    """A depthwise convolution followed by a 1x1 convolution (Chollet 2016).

    Nothing is between the two; the bias, if any, follows the 1x1 convolution.
    """

    features: int
    kernel: Kernel
    stride: int = 1
    padding: int | Pads | None = None
    groups: int = 1
    dilation: int = 1  # of the depthwise convolution
    use_bias: bool = True
    dtype: Any = jnp.float32
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x):
        layer = partial(conv, dtype=self.dtype, kernel_init=self.kernel_init)
        channels = x.shape[-1]
        depthwise = partial(layer, dilation=self.dilation, use_bias=False, name='depthwise')
        x = depthwise(channels, self.kernel, self.stride, self.padding, channels)(x)
        return layer(self.features, 1, groups=self.groups, use_bias=self.use_bias, name='pointwise')(x)


def separable_conv(features: int, kernel: Kernel, *args, **fields) -> nn.Module:
    """`SeparableConv`, or a plain convolution if the kernel is 1x1, where there is nothing to separate."""
    return (conv if kernel in (1, (1, 1)) else SeparableConv)(features, kernel, *args, **fields)


class StandardisedConv(nn.Module):
    """A convolution whose kernel is standardised for each output channel and scaled (Brock et al. 2021, arXiv
    2101.08692, eq. 4): with fan-in N (kernel height x width x input channels of a group), mean m and variance v of the
    N weights of a channel, the kernel is gain (W - m) / sqrt(N (v + epsilon)), and `gain` is trained.
    """

    features: int
    kernel: Kernel
    stride: int = 1
    padding: int | Pads | None = None
    groups: int = 1
    dilation: int = 1
    use_bias: bool = True
    dtype: Any = jnp.float32
    kernel_init: Callable = nn.initializers.lecun_normal()
    epsilon: float = 1e-5  # as in timm; the authors' code takes the larger of N v and 1e-4 instead

    @nn.compact
    def __call__(self, x):
        window = (self.kernel, self.kernel) if isinstance(self.kernel, int) else self.kernel
        kernel = self.param('kernel', self.kernel_init, (*window, x.shape[-1] // self.groups, self.features))
        gain = self.param('gain', nn.initializers.ones, (self.features,))
        fan_in = kernel.size // self.features
        slope = gain * jax.lax.rsqrt(fan_in * (kernel.var((0, 1, 2)) + self.epsilon))
        kernel = (kernel - kernel.mean((0, 1, 2))) * slope
        halves = tuple((taps // 2 * self.dilation,) * 2 for taps in window)
        y = fast_ops.convolve(
            x.astype(self.dtype),
            kernel.astype(self.dtype),
            (self.stride, self.stride),
            halves if self.padding is None else pads(self.padding),
            feature_group_count=self.groups,
            rhs_dilation=(self.dilation, self.dilation),
        )
        if not self.use_bias:
            return y
        return y + self.param('bias', nn.initializers.zeros, (self.features,)).astype(self.dtype)


def batch_norm(*, train, axis_name, dtype, momentum, epsilon, scale_init=nn.initializers.ones, name) -> nn.Module:
    """Batch normalisation; a step keeps the fraction `momentum` of the running statistics."""
    make = nn.BatchNorm if fast_ops.are_disabled() else BatchNorm
    return make(
        use_running_average=not train,
        momentum=momentum,
        epsilon=epsilon,
        dtype=dtype,
        axis_name=axis_name,
        scale_init=scale_init,
        name=name,
    )


class GroupNorm(nn.Module):
    """Group normalisation with 32 groups, or the most that divide the channels and have at least two channels each."""

    epsilon: float
    dtype: Any
    scale_init: Callable

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1]
        groups = next(n for n in range(max(1, min(32, channels // 2)), 0, -1) if channels % n == 0)
        norm = nn.GroupNorm(groups, epsilon=self.epsilon, dtype=self.dtype, scale_init=self.scale_init, name='group')
        return norm(x)


def group_norm(*, dtype, epsilon, scale_init=nn.initializers.ones, name, **_) -> nn.Module:
    """Group normalisation (Wu & He 2018), separately for each image."""
    return GroupNorm(epsilon=epsilon, dtype=dtype, scale_init=scale_init, name=name)


def layer_norm(*, dtype, epsilon, scale_init=nn.initializers.ones, name, **_) -> nn.Module:
    """Layer normalisation over the channels of each pixel (Ba et al. 2016)."""
    return nn.LayerNorm(epsilon=epsilon, dtype=dtype, scale_init=scale_init, name=name)


def local_response_norm(*, size=5, k=2.0, alpha=1e-4, beta=0.75, **_) -> Callable:
    """Local response normalisation (`fast_ops.lrn`) with AlexNet's constants (2012)."""
    return lambda x: fast_ops.lrn(x, size, k, alpha, beta)


def no_norm(**_) -> Callable:
    """No normalisation."""
    return identity


def identity(x: jax.Array) -> jax.Array:
    """x unchanged: no activation."""
    return x


def maxout(x: jax.Array) -> jax.Array:
    """Maximum of each pair of neighbouring channels (Goodfellow et al. 2013): (n, h, w, 2 c) to (n, h, w, c).

    The layer before it must have two channels (linear pieces) for each of its outputs, see `pieces`.
    """
    return x.reshape(*x.shape[:-1], x.shape[-1] // 2, 2).max(-1)


def pieces(act: Callable) -> int:
    """Number of input channels per output channel of `act`: 2 for maxout, 1 for all others."""
    return 2 if act is maxout else 1


def scaled_tanh(x: jax.Array) -> jax.Array:
    """1.7159 tanh(2x/3), which is 1 at 1 and -1 at -1 (LeCun et al. 1998)."""
    return 1.7159 * jnp.tanh(2 / 3 * x)


def leaky_relu(x: jax.Array) -> jax.Array:
    """max(0.1 x, x)."""
    return nn.leaky_relu(x, 0.1)


def exact_gelu(x: jax.Array) -> jax.Array:
    """x times the normal cumulative distribution function of x, without the tanh approximation."""
    return nn.gelu(x, approximate=False)


def _pool(reduce, x, window, stride=None, padding=0, ceil=False):
    stride = stride or window
    padding = pads(padding)
    if ceil:
        padding = tuple(
            _ceil_pads(size, window, stride, *side) for size, side in zip(x.shape[1:3], padding, strict=True)
        )
    fast_ops.check_fits(x.shape[1:3], (window, window), padding)
    return reduce(x, (window, window), (stride, stride), padding)


def _ceil_pads(size: int, window: int, stride: int, low: int, high: int) -> tuple[int, int]:
    outputs = -(-(size + low + high - window) // stride) + 1
    if (outputs - 1) * stride >= size + low:  # as in Caffe and PyTorch, no window starts in the padding behind
        outputs -= 1
    return low, max(high, (outputs - 1) * stride + window - size - low)


def max_pool(x: jax.Array, window: int, stride: int | None = None, padding=0, ceil: bool = False) -> jax.Array:
    """Maximum over square windows. `ceil`: a last window that hangs over the edge also gives an output."""
    return _pool(fast_ops.max_over_windows, x, window, stride, padding, ceil)


def avg_pool(x: jax.Array, window: int, stride: int | None = None, padding=0, ceil: bool = False) -> jax.Array:
    """Mean over the part of square windows inside the feature map. `ceil` as in `max_pool`."""
    return _pool(fast_ops.mean_over_windows, x, window, stride, padding, ceil)


def adaptive_avg_pool(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Means over a grid of `size` (rows, columns) of windows that cover x (n, h, w, c), which may be smaller.

    As PyTorch's AdaptiveAvgPool2d: along an axis of length n, window i of k holds the pixels from floor(i n / k) to
    below ceil((i + 1) n / k), so that windows overlap where k does not divide n.
    """
    if x.shape[1:3] == size:
        return x
    strides = [length // count for length, count in zip(x.shape[1:3], size, strict=True)]
    if strides[0] == strides[1] and x.shape[1:3] == tuple(
        stride * count for stride, count in zip(strides, size, strict=True)
    ):
        return avg_pool(x, strides[0])
    for axis, count in enumerate(size, 1):
        length = x.shape[axis]
        ends = [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
        x = jnp.stack([jax.lax.slice_in_dim(x, *window, axis=axis).mean(axis) for window in ends], axis)
    return x


def stride_pool(x: jax.Array, window: int, stride: int | None = None, padding=0, ceil: bool = False) -> jax.Array:
    """Every stride-th pixel: the centre of each window of `max_pool`, or the upper left of its four centre pixels."""
    return _pool(_centres, x, window, stride, padding, ceil)


def _centres(x, window, strides, padding):
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)), mode='edge')  # a centre beyond the edge becomes the pixel at the edge
    rows, columns = (
        slice((taps - 1) // 2, size - taps // 2, stride)
        for taps, stride, size in zip(window, strides, x.shape[1:3], strict=True)
    )
    return x[:, rows, columns]


def same_pads(x: jax.Array, window: int, stride: int) -> Pads:
    """TensorFlow's 'SAME' padding of x (n, h, w, c): ceil(size / stride) outputs, an odd pixel goes behind."""
    totals = [max(0, -(-size // stride) * stride - stride + window - size) for size in x.shape[1:3]]
    return tuple((total // 2, total - total // 2) for total in totals)


NORMS = {'batch': batch_norm, 'group': group_norm, 'layer': layer_norm, 'lrn': local_response_norm, 'none': no_norm}
ACTS = {
    'relu': nn.relu,
    'leaky_relu': leaky_relu,
    'leaky_relu_0.01': nn.leaky_relu,
    'elu': nn.elu,
    'tanh': nn.tanh,
    'scaled_tanh': scaled_tanh,
    'sigmoid': nn.sigmoid,
    'silu': nn.silu,
    'gelu': exact_gelu,
    'hard_swish': nn.hard_swish,
    'relu6': nn.relu6,
    'maxout': maxout,
    'none': identity,
}
INITS = {  # compiled one by one, so that kernels of the same shape share a program
    name: jax.jit(init, static_argnums=(1, 2))
    for name, init in {
        'he': nn.initializers.he_normal(),
        'glorot': nn.initializers.glorot_uniform(),
        'lecun': nn.initializers.lecun_normal(),
        'gaussian': nn.initializers.normal(0.01),
    }.items()
}
# Field of a network -> its possible values by name.
CHOICES = {
    'norm': NORMS,
    'lrn': NORMS,
    'dense_norm': NORMS,
    'act': ACTS,
    'early_act': ACTS,
    'conv': {'dense': conv, 'separable': separable_conv, 'standardised': StandardisedConv},
    'pool': {'max': max_pool, 'average': avg_pool, 'stride': stride_pool},
    'kernel_init': INITS,
    'dtype': {'float32': jnp.float32, 'bfloat16': jnp.bfloat16, 'float16': jnp.float16},
}
