"""Convolution with the implementations and gradients that are fastest on CPUs for its shape."""

from functools import cache, partial

import jax
import jax.numpy as jnp
from jax import lax

from cnn_bench.models.fast_ops import kernel_gradient, onednn
from cnn_bench.models.fast_ops.operation import Operation, apply
from cnn_bench.models.fast_ops.windows import NO_PADS, Pads, Pair, check_fits, spread, views

NHWC = ('NHWC', 'HWIO', 'NHWC')
FEW_GROUPS = 4


def convolve(
    x, kernel, strides, pads, *, feature_group_count=1, precision=None, lhs_dilation=None, rhs_dilation=None, **unused
):
    """Convolve x (n, h, w, c) with a kernel (kh, kw, c / groups, c_out), with explicit padding.

    It has the signature that `nn.Conv(conv_general_dilated=...)` expects. `rhs_dilation` dilates the kernel; dilation
    of x is not supported.
    """
    if max(lhs_dilation or (1,)) > 1:
        raise NotImplementedError('convolve: dilation of the input')
    strides, pads = tuple(strides), tuple(map(tuple, pads))
    dilation = tuple(rhs_dilation or (1, 1))
    window = tuple((taps - 1) * apart + 1 for taps, apart in zip(kernel.shape[:2], dilation, strict=True))
    check_fits(x.shape[1:3], window, pads)
    return apply(_operation(strides, pads, feature_group_count, dilation, precision), x, kernel)


@cache
def _operation(strides: Pair, pads: Pads, groups: int, dilation: Pair, precision) -> Operation:
    fields = {'strides': strides, 'pads': pads, 'groups': groups, 'dilation': dilation, 'precision': precision}
    return Operation(partial(_xla, **fields), partial(_cpu_gradient, **fields), partial(_cpu, **fields))


def _xla(x, kernel, *, strides, pads, groups, dilation, precision):
    numbers = {'dimension_numbers': NHWC, 'feature_group_count': groups, 'precision': precision}
    return lax.conv_general_dilated(x, kernel, strides, pads, rhs_dilation=dilation, **numbers)


def _cpu(x, kernel, **fields):
    """The convolution on a CPU."""
    strides, pads, groups, dilation = (fields[name] for name in ('strides', 'pads', 'groups', 'dilation'))
    outputs = jax.eval_shape(partial(_xla, **fields), x, kernel).shape
    if onednn.suits(x, kernel, outputs):
        return onednn.convolve(x, kernel, strides, pads, groups=groups, dilation=dilation)
    if _is_depthwise(x, kernel, groups, dilation):
        return _shifted_sum(x, kernel, strides=strides, pads=pads)
    if 1 < groups <= FEW_GROUPS:
        parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
        return jnp.concatenate([_xla(a, b, **{**fields, 'groups': 1}) for a, b in parts], axis=-1)
    return _xla(x, kernel, **fields)


def _cpu_gradient(g, x, kernel, **fields):
    """The gradients for x and for the kernel on a CPU."""
    strides, pads, groups, dilation = (fields[name] for name in ('strides', 'pads', 'groups', 'dilation'))
    depthwise = _is_depthwise(x, kernel, groups, dilation)
    pointwise = groups == 1 and kernel.shape[:2] == (1, 1) and pads == NO_PADS
    if 1 < groups <= FEW_GROUPS and not depthwise:
        parts = zip(*(jnp.split(y, groups, -1) for y in (g, x, kernel)), strict=True)
        gradients = [_cpu_gradient(*part, **{**fields, 'groups': 1}) for part in parts]
        return tuple(jnp.concatenate(parts, -1) for parts in zip(*gradients, strict=True))
    if dilation == (1, 1) and onednn.suits(x, kernel, g.shape):
        to_x = onednn.input_gradient(g, kernel, x.shape[1:3], strides, pads, groups)
    elif depthwise:
        around = lax.optimization_barrier(spread(g, x.shape[1:3], kernel.shape[:2], strides, pads))
        to_x = _shifted_sum(around, kernel[::-1, ::-1], strides=(1, 1), pads=NO_PADS)
    elif pointwise:
        (to_x,) = jax.vjp(lambda x: kernel_gradient.matrix_product(x, kernel, **_of_product(fields)), x)[1](g)
    else:
        (to_x,) = jax.vjp(lambda x: _xla(x, kernel, **fields), x)[1](g)
    if depthwise:
        return to_x, kernel_gradient.depthwise(g, x, kernel, strides, pads)
    if pointwise:
        return to_x, kernel_gradient.pointwise(g, x, kernel, **_of_product(fields))
    return to_x, kernel_gradient.in_chunks(g, x, kernel, partial(_xla, **fields))


def _of_product(fields: dict) -> dict:
    return {name: fields[name] for name in ('strides', 'precision')}


def _is_depthwise(x, kernel, groups: int, dilation: Pair) -> bool:
    return groups == x.shape[-1] == kernel.shape[-1] > 1 and dilation == (1, 1)


def _shifted_sum(x, kernel, *, strides: Pair, pads: Pads):
    """A depthwise convolution as shifted multiply-adds."""
    x, taps = lax.optimization_barrier((x, kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)))
    seen = views(x.astype(jnp.float32), kernel.shape[:2], strides, pads, 0)
    return sum(view * tap for view, tap in zip(seen, taps, strict=True)).astype(x.dtype)
