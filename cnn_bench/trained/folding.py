"""Folding for evaluation: batch normalisation into the layers before it (Jacob et al. 2018, arXiv 1712.05877, section
3.2), and branches into one convolution (Ding et al. 2021, arXiv 2101.03697, section 3.3).

With running mean m, variance v, scale g and shift b, a layer of kernel W and bias a followed by its normalisation is

    g (W x + a - m) / sqrt(v + epsilon) + b  =  (s W) x + (s (a - m) + b),   s = g / sqrt(v + epsilon) per channel.

Of a `RepBlock` the branches are then convolutions with a bias, and the input with its normalisation is

    g (x - m) / sqrt(v + epsilon) + b  =  s x + (b - s m),

a convolution whose kernel is s at the centre for a channel and itself; kernels and biases of all are added.

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
from cnn_bench.models.branches import FUSED, IDENTITY, POINT, RepBlock
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


@dataclass(frozen=True)
class Sum:
    """A `RepBlock` with branches, called in evaluation."""

    path: Path
    convs: tuple[Path, ...]
    epsilon: float | None  # of the normalisation of its input; None: the input is no branch


def fold(
    module: nn.Module, variables: dict[str, Any], image_shape: tuple[int, int, int], keep: str = ''
) -> tuple[nn.Module, dict[str, Any]]:
    """The network with every batch normalisation that directly follows a convolution or dense layer folded into it, and
    with the branches of every `RepBlock` fused.

    Both are used as before, in evaluation only: `module.apply(variables, images, train=False)`, for images of any size
    that the network takes. The module is the same; `image_shape` (h, w, c) is one that it takes. Logits agree up to
    rounding, and so do the outputs of all layers but the folded ones; those in a fused block are gone. `keep` names a
    layer ('stage1/block1/conv1/conv') whose output is to stay. Arrays stay on their devices, and variables that do not
    change are shared, not copied.
    """
    flat = flatten_dict(variables)
    calls, kept = _traced(module, variables, image_shape), tuple(keep.split('/'))
    pairs = [pair for pair in calls.pairs() if _fits(flat, pair) and not _concerns(pair, kept)]
    for pair in pairs:
        _fold_one(flat, pair)
    plain = {pair.layer for pair in pairs if pair.layer == pair.kernel}
    for block in calls.sums():
        if plain.issuperset(block.convs) and not (len(kept) > len(block.path) and _within(kept, block.path)):
            _fuse(flat, block)
    return module, unflatten_dict(flat)


def find_pairs(module: nn.Module, variables: dict[str, Any], image_shape: tuple[int, int, int]) -> list[Pair]:
    """The batch normalisations that can be folded. Nothing is computed."""
    flat = flatten_dict(variables)
    return [pair for pair in _traced(module, variables, image_shape).pairs() if _fits(flat, pair)]


def _traced(module: nn.Module, variables: dict[str, Any], image_shape: tuple[int, int, int]) -> '_Calls':
    calls = _Calls()
    image = jax.ShapeDtypeStruct((1, *image_shape), np.float32)
    with nn.intercept_methods(calls):
        jax.eval_shape(lambda values, x: module.apply(values, x, train=False), variables, image)
    return calls


@dataclass
class _Calls:
    """An interceptor of methods that records which layer's output each normalisation takes, by identity."""

    # All traced values that it compares are held, so that none has the identity of one that is gone.
    outputs: dict[int, tuple[jax.Array, nn.Module]] = field(default_factory=dict)
    takers: dict[Path, list[Pair | None]] = field(default_factory=lambda: defaultdict(list))  # of a normalisation
    uses: dict[Path, int] = field(default_factory=lambda: defaultdict(int))  # of a kernel
    inputs: dict[Path, nn.Module] = field(default_factory=dict)  # of a `RepBlock`: the normalisation of its input
    blocks: dict[Path, set[Sum | None]] = field(default_factory=lambda: defaultdict(set))

    def __call__(self, call: Callable, args: tuple, kwargs: dict, context: nn.module.InterceptorContext) -> Any:
        result, layer = call(*args, **kwargs), context.module
        if context.method_name != '__call__':
            return result
        if type(layer) in (nn.Conv, nn.Dense):
            self.outputs[id(result)] = result, layer
            self.uses[layer.path] += 1
        elif type(layer) is RepBlock and not layer.has_variable('params', FUSED):
            self.blocks[layer.path].add(self._sum(layer, args[0]))
        elif isinstance(layer, BATCH_NORMS):
            same = len(args) == 1 and not kwargs and result.dtype == args[0].dtype
            over_channels = layer.use_running_average and getattr(layer, 'axis', -1) == -1  # of Linen's: any axis
            is_affine = same and over_channels and type(layer) in BATCH_NORMS
            self.takers[layer.path].append(self._pair(layer, args[0]) if is_affine else None)
            if is_affine and type(layer.parent) is RepBlock:
                self.inputs[layer.parent.path] = layer
        return result

    def _sum(self, block: RepBlock, x: jax.Array) -> Sum | None:
        names = (*block.conv_names(), *([POINT] if block.kernel > 1 else []))
        convs = tuple((*block.path, name, 'conv') for name in names)
        if not block.has_identity(x):
            return Sum(block.path, convs, None)
        norm = self.inputs.get(block.path)
        return norm and Sum(block.path, convs, norm.epsilon)

    def _pair(self, norm: nn.Module, x: jax.Array) -> Pair | None:
        if type(norm.parent) not in FOLDING or id(x) not in self.outputs:
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

    def sums(self) -> list[Sum]:
        """Those blocks of which every call adds up the same branches."""
        return [block for found in self.blocks.values() if len(found) == 1 for block in found if block]


def _fits(flat: dict[Path, Any], pair: Pair) -> bool:
    """Whether the variables are those of one layer: not of several that a loop runs through, nor of a network that the
    module traces by itself, as segmentation does to see strides."""
    if ('params', *pair.kernel, 'kernel') not in flat:
        return False
    kernel, mean = flat['params', *pair.kernel, 'kernel'], flat['batch_stats', *pair.norm, 'mean']
    return kernel.ndim in (2, 4) and kernel.shape[-1:] == mean.shape


def _concerns(pair: Pair, kept: Path) -> bool:
    return kept == pair.norm or _within(kept, pair.layer)


def _within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _fold_one(flat: dict[Path, Any], pair: Pair) -> None:
    """Replace, in flat variables, the layer's kernel and bias, and remove what the normalisation has."""
    kernel, bias = (('params', *pair.kernel, name) for name in ('kernel', 'bias'))
    with np.errstate(all='ignore'):  # weights gone wrong give what they gave before
        slope, summand = _affine(flat, pair.norm, pair.epsilon)
        summand = slope * np.asarray(flat.get(bias, 0), np.float64) + summand
        old = flat[kernel]
        flat[kernel], flat[bias] = (_placed(new, old) for new in (np.asarray(old) * slope.astype(old.dtype), summand))


def _fuse(flat: dict[Path, Any], block: Sum) -> None:
    """Replace, in flat variables, the branches of a block by one convolution; the centre of all kernels is the same."""
    units = [('params', *conv) for conv in block.convs]
    kernels, biases = ([flat.pop((*unit, name)) for unit in units] for name in ('kernel', 'bias'))
    rows, columns, inputs, outputs = kernels[0].shape
    kernel = np.zeros(kernels[0].shape)
    bias = sum(np.asarray(each, np.float64) for each in biases)
    with np.errstate(all='ignore'):
        for each in kernels:
            top, left = (rows - each.shape[0]) // 2, (columns - each.shape[1]) // 2
            kernel[top : rows - top, left : columns - left] += np.asarray(each)
        if block.epsilon is not None:
            slope, summand = _affine(flat, (*block.path, IDENTITY), block.epsilon)
            channels = np.arange(outputs)
            kernel[rows // 2, columns // 2, channels % inputs, channels] += slope  # inputs are those of a group
            bias = bias + summand
    for name, new in (('kernel', kernel), ('bias', bias)):
        flat['params', *block.path, FUSED, name] = _placed(new, kernels[0])


def _affine(flat: dict[Path, Any], norm: Path, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Remove, from flat variables, a normalisation, which is slope x + summand; returns both, (c,)."""
    mean, variance = (np.asarray(flat.pop(('batch_stats', *norm, name)), np.float64) for name in ('mean', 'var'))
    scale, shift = (
        np.asarray(flat.pop(('params', *norm, name), default), np.float64)
        for name, default in (('scale', 1), ('bias', 0))
    )
    slope = scale / np.sqrt(variance + epsilon)
    return slope, shift - slope * mean


def _placed(array: np.ndarray, like: Any) -> Any:
    """`array` in the dtype of the array `like`, and on its devices."""
    array = array.astype(like.dtype)
    return jax.device_put(array, like.sharding) if isinstance(like, jax.Array) else array
