"""The layers of a network by name, and their outputs.

A layer's name is its module's path, as in `cnn-bench cost --layers` and the parameter tree: 'stage1/block2', 'head/fc'.
Two more are 'features', the last activation before the head, and 'logits'. Of a module that is called several times
the last output counts.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.errors import UserError
from cnn_bench.trained import TrainedModel

FEATURES, LOGITS = 'features', 'logits'
POOLS = ('none', 'mean')


def output(module: nn.Module, variables: Any, inputs: jax.Array, layer: str) -> jax.Array:
    """The output of `layer` for preprocessed images (n, h, w, c); no other layer's output is kept."""
    return outputs(module, variables, inputs, (layer,))[layer]


def outputs(module: nn.Module, variables: Any, inputs: jax.Array, layers: Iterable[str]) -> dict[str, jax.Array]:
    """Name -> output of each of `layers` for preprocessed images (n, h, w, c), in one pass.

    The head is only run for a layer of its own: without it, images may have another size than the head takes.
    """

    def wanted(of: nn.Module, method: str) -> bool:
        path = '/'.join(of.path) if method == '__call__' else FEATURES if not of.path and method == FEATURES else None
        return path in layers

    layers = tuple(layers)
    method = '__call__' if any(map(is_of_head, layers)) else FEATURES
    keeping = {'capture_intermediates': wanted, 'mutable': ['intermediates']}
    made, kept = module.apply(variables, inputs, train=False, method=method, **keeping)
    found = {}
    for layer in layers:
        if layer == LOGITS:
            found[layer] = made
        elif layer == FEATURES:
            found[layer] = kept['intermediates'][FEATURES][-1]
        else:
            found[layer] = _at(kept['intermediates'], layer)
    return found


def is_of_head(layer: str) -> bool:
    """Whether `layer` is the head, a part of it, or the logits."""
    return layer == LOGITS or layer.partition('/')[0] == 'head'


def _at(intermediates: Any, path: str) -> Any:
    """The last output of the module at `path`."""
    for name in path.split('/'):
        intermediates = intermediates[name]
    return intermediates['__call__'][-1]


def pooled(made: jax.Array, pool: str) -> jax.Array:
    """A layer's output as float32; with `pool` 'mean' an output (n, h, w, c) is averaged to (n, c)."""
    made = made.astype(jnp.float32)
    return made.mean((1, 2)) if pool == 'mean' and made.ndim == 4 else made


def list_layers(model: TrainedModel) -> dict[str, tuple[int, ...]]:
    """Name -> output shape for one image, in the order in which the layers finish. Nothing is computed."""
    return _shapes(model, model.input_shape[:2], '__call__')


def list_maps(model: TrainedModel, size: tuple[int, int]) -> dict[str, tuple[int, int, int]]:
    """Name -> output shape (h, w, c) of the layers before the head, for one image of `size` (h, w), which need not be
    that of the network. Nothing is computed. Raises UserError for images that are too small."""
    try:
        shapes = _shapes(model, size, FEATURES)
    except UserError as error:
        raise UserError(f'{model.arch} cannot take a picture of {size[0]}x{size[1]}: {error}') from None
    return {layer: shape for layer, shape in shapes.items() if len(shape) == 3}


def stages(maps: dict[str, tuple[int, int, int]]) -> list[tuple[str, ...]]:
    """The layers of each stage of a network, by the `maps` of `list_maps`: those that have the same height and width.

    Only the outermost modules count, of which one follows the other: within a block, a layer may have the size of its
    stage or of the one before.
    """
    named = [layer for layer in maps if layer != FEATURES]
    least = min((layer.count('/') for layer in named), default=0)
    found: dict[tuple[int, int], list[str]] = {}
    for layer in named:
        if layer.count('/') == least:
            found.setdefault(maps[layer][:2], []).append(layer)
    return [tuple(each) for each in found.values()] or [(FEATURES,)]


def _shapes(model: TrainedModel, size: tuple[int, int], method: str) -> dict[str, tuple[int, ...]]:
    """Name -> output shape for one image of `size` of every layer that `method` of the module runs."""
    inputs = jax.eval_shape(model.preprocess, jax.ShapeDtypeStruct((1, *size, model.input_shape[2]), jnp.uint8))
    order: dict[str, None] = {}

    def every(of: nn.Module, called: str) -> bool:
        if called == '__call__' and of.path:
            order['/'.join(of.path)] = None
        return called == '__call__' or (called == FEATURES and not of.path)

    def run(variables, inputs):
        keeping = {'capture_intermediates': every, 'mutable': ['intermediates']}
        return model.module.apply(variables, inputs, train=False, method=method, **keeping)

    made, kept = jax.eval_shape(run, model.variables, inputs)
    kept = kept['intermediates']
    found = {path: _at(kept, path) for path in order} | {FEATURES: kept[FEATURES][-1]}
    if method == '__call__':
        found[LOGITS] = made
    # A few modules return several arrays; those are no layers here.
    return {path: shape.shape[1:] for path, shape in found.items() if hasattr(shape, 'shape')}


def check_layer(model: TrainedModel, layer: str) -> tuple[int, ...]:
    """The shape of a layer's output for one image. Raises UserError with the nearest names for an unknown layer."""
    return check_known(model, layer, list_layers(model))


def check_known(model: TrainedModel, layer: str, known: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of `layer` in `known`, the layers of `model`. Raises UserError with the nearest names if it is not."""
    if layer not in known:
        near = get_close_matches(layer, known, n=3, cutoff=0.4)
        hint = f'did you mean {" or ".join(near)}?' if near else '`cnn-bench features --list-layers` names them'
        raise UserError(f'unknown layer of {model.arch} {layer!r}; {hint}')
    return known[layer]
