"""The layers of a network by name, and their outputs.

A layer's name is its module's path, as in `cnn-bench cost --layers` and the parameter tree: 'stage1/block2', 'head/fc'.
Two more are 'features', the last activation before the head, and 'logits'. Of a module that is called several times
the last output counts.
"""

from difflib import get_close_matches
from functools import partial
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
    if layer == LOGITS:
        return module.apply(variables, inputs, train=False)
    if layer == FEATURES:
        return module.apply(variables, inputs, train=False, method='features')

    def wanted(of: nn.Module, method: str) -> bool:
        return method == '__call__' and '/'.join(of.path) == layer

    _, kept = module.apply(variables, inputs, train=False, capture_intermediates=wanted, mutable=['intermediates'])
    return _at(kept['intermediates'], layer)


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
    image = jax.ShapeDtypeStruct((1, *model.input_shape), jnp.uint8)
    inputs = jax.eval_shape(model.preprocess, image)
    order: dict[str, None] = {}

    def every(of: nn.Module, method: str) -> bool:
        if method == '__call__' and of.path:
            order['/'.join(of.path)] = None
        return method == '__call__'

    def whole(variables, inputs):
        return model.module.apply(
            variables, inputs, train=False, capture_intermediates=every, mutable=['intermediates']
        )

    _, kept = jax.eval_shape(whole, model.variables, inputs)
    outputs = {path: _at(kept['intermediates'], path) for path in order}
    for layer in (FEATURES, LOGITS):
        outputs[layer] = jax.eval_shape(partial(output, model.module, layer=layer), model.variables, inputs)
    # A few modules return several arrays; those are no layers here.
    return {path: made.shape[1:] for path, made in outputs.items() if hasattr(made, 'shape')}


def check_layer(model: TrainedModel, layer: str) -> tuple[int, ...]:
    """The shape of a layer's output for one image. Raises UserError with the nearest names for an unknown layer."""
    known = list_layers(model)
    if layer not in known:
        near = get_close_matches(layer, known, n=3, cutoff=0.4)
        hint = f'did you mean {" or ".join(near)}?' if near else '`cnn-bench features --list-layers` names them'
        raise UserError(f'unknown layer of {model.arch} {layer!r}; {hint}')
    return known[layer]
