"""Folding batch normalisation into the layers before it, for evaluation (Jacob et al. 2018, arXiv 1712.05877, section
3.2).

With running mean m, variance v, scale g and shift b, a layer of kernel W and bias a followed by its normalisation is

    g (W x + a - m) / sqrt(v + epsilon) + b  =  (s W) x + (s (a - m) + b),   s = g / sqrt(v + epsilon) per channel.

Which normalisations follow a layer directly is read from one abstract pass through the network, not from names. The
others, as those before a block's convolutions (ResNet v2, DenseNet) or behind a concatenation (ENet), stay as they are.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from cnn_bench.models.blocks import ConvNorm, DenseHead
from cnn_bench.models.folded import BATCH_NORMS
from cnn_bench.models.layers import SeparableConv

FOLDING = (ConvNorm, DenseHead)  # they run a layer with a bias alone where its normalisation has no variables
Path = tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """A normalisation, the layer whose output it takes, and the kernel and bias of that."""

    layer: Path
    kernel: Path  # the layer itself, or the last convolution in it
    norm: Path
    epsilon: float


def fold(
    module: nn.Module, variables: dict[str, Any], image_shape: tuple[int, int, int], keep: str = ''
) -> tuple[nn.Module, dict[str, Any]]:
    """The network with every batch normalisation that directly follows a convolution or dense layer folded into it.

    Both are used as before, in evaluation only: `module.apply(variables, images, train=False)`, for images of any size
    that the network takes. The module is the same; `image_shape` (h, w, c) is one that it takes. Logits agree up to
    rounding, and so do the outputs of all layers but the folded ones: `keep` names a layer ('stage1/block1/conv1/conv')
    whose output is to stay. Arrays stay on their devices, and variables that do not change are shared, not copied.
    """
    flat = flatten_dict(variables)
    for pair in find_pairs(module, variables, image_shape):
        if not _concerns(pair, keep):
            _fold_one(flat, pair)
    return module, unflatten_dict(flat)


def find_pairs(module: nn.Module, variables: dict[str, Any], image_shape: tuple[int, int, int]) -> list[Pair]:
    """The batch normalisations that can be folded. Nothing is computed."""
    calls = _Calls()
    image = jax.ShapeDtypeStruct((1, *image_shape), np.float32)
    with nn.intercept_methods(calls):
        jax.eval_shape(lambda values, x: module.apply(values, x, train=False), variables, image)
    flat = flatten_dict(variables)
    return [pair for pair in calls.pairs() if _fits(flat, pair)]


@dataclass
class _Calls:
    """An interceptor of methods that records which layer's output each normalisation takes, by identity."""

    # All traced values that it compares are held, so that none has the identity of one that is gone.
    outputs: dict[int, tuple[jax.Array, nn.Module]] = field(default_factory=dict)
    takers: dict[Path, list[Pair | None]] = field(default_factory=lambda: defaultdict(list))  # of a normalisation
    uses: dict[Path, int] = field(default_factory=lambda: defaultdict(int))  # of a kernel

    def __call__(self, call: Callable, args: tuple, kwargs: dict, context: nn.module.InterceptorContext) -> Any:
        result, layer = call(*args, **kwargs), context.module
        if context.method_name != '__call__':
            return result
        if type(layer) in (nn.Conv, nn.Dense):
            self.outputs[id(result)] = result, layer
            self.uses[layer.path] += 1
        elif isinstance(layer, BATCH_NORMS):
            same = len(args) == 1 and not kwargs and result.dtype == args[0].dtype
            self.takers[layer.path].append(self._pair(layer, args[0]) if same else None)
        return result

    def _pair(self, norm: nn.Module, x: jax.Array) -> Pair | None:
        over_channels = norm.use_running_average and getattr(norm, 'axis', -1) == -1  # of Linen's: any axis
        if not over_channels or type(norm) not in BATCH_NORMS or type(norm.parent) not in FOLDING:
            return None
        if id(x) not in self.outputs:
            return None
        inner = self.outputs[id(x)][1]
        outer = inner.parent if type(inner.parent) is SeparableConv and inner.name == 'pointwise' else inner
        if outer.path[:-1] != norm.path[:-1]:
            return None
        return Pair(outer.path, inner.path, norm.path, norm.epsilon)

    def pairs(self) -> list[Pair]:
        """Those of which every call of either goes to, or comes from, the other."""
        return [
            found[0]
            for found in self.takers.values()
            if found[0] and len(set(found)) == 1 and len(found) == self.uses[found[0].kernel]
        ]


def _fits(flat: dict[Path, Any], pair: Pair) -> bool:
    """Whether the variables are those of one layer, not of several that a loop runs through."""
    kernel, mean = flat['params', *pair.kernel, 'kernel'], flat['batch_stats', *pair.norm, 'mean']
    return kernel.ndim in (2, 4) and kernel.shape[-1:] == mean.shape


def _concerns(pair: Pair, layer: str) -> bool:
    path = tuple(layer.split('/'))
    return path == pair.norm or path[: len(pair.layer)] == pair.layer


def _fold_one(flat: dict[Path, Any], pair: Pair) -> None:
    """Replace, in flat variables, the layer's kernel and bias, and remove what the normalisation has."""
    mean, variance = (np.asarray(flat.pop(('batch_stats', *pair.norm, name)), np.float64) for name in ('mean', 'var'))
    scale, shift = (
        np.asarray(flat.pop(('params', *pair.norm, name), default), np.float64)
        for name, default in (('scale', 1), ('bias', 0))
    )
    kernel, bias = (('params', *pair.kernel, name) for name in ('kernel', 'bias'))
    with np.errstate(all='ignore'):  # weights gone wrong give what they gave before
        slope = scale / np.sqrt(variance + pair.epsilon)
        summand = slope * (np.asarray(flat.get(bias, 0), np.float64) - mean) + shift
        old = flat[kernel]
        flat[kernel], flat[bias] = (_placed(new, old) for new in (np.asarray(old) * slope.astype(old.dtype), summand))


def _placed(array: np.ndarray, like: Any) -> Any:
    """`array` in the dtype of the array `like`, and on its devices."""
    array = array.astype(like.dtype)
    return jax.device_put(array, like.sharding) if isinstance(like, jax.Array) else array
