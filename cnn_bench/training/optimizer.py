"""Optimisers of optax, from the names and fields of a recipe.

RMSProp is optax's. To match TensorFlow's set `initial_scale=1`, its first accumulator; epsilon inside the square root
(`eps_in_sqrt`) and the rate inside the momentum agree already.
"""

import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from cnn_bench.errors import UserError, unknown
from cnn_bench.recipe import call
from cnn_bench.recipe.patterns import value_of

# optax's optimisers that cannot train here, and why.
NOT_OFFERED = {
    'lbfgs': 'needs the loss as a function for its line search',
    'rprop': 'compares signs of successive gradients, so each must be that of the whole training set',
    'scale_by_rprop': 'is a part of rprop',
    'noisy_sgd': 'keeps a random key in its state, which checkpoints cannot hold',
    'optimistic_adam': 'is replaced by optimistic_adam_v2',
    'sm3': 'takes no learning-rate schedule',
}


def make_optimizer(fields: dict, schedule: optax.Schedule) -> optax.GradientTransformation:
    """An optax optimiser from a recipe's `optimizer`, its rate from `schedule`.

    Weight decay is decoupled where the optimiser has it so (AdamW, LAMB, ...), otherwise it is the L2 term added to the
    gradient (SGD, RMSProp, Adam). Biases and norms have none unless `decay_bias_and_norm`. With `clip_norm` above 0 the
    gradient is first scaled down to that norm over all trained parameters. `lr_multipliers` are pairs of a pattern
    (recipe/patterns.py) and a factor of the rate for the parameters that it matches; the last match counts.
    """
    fields = dict(fields)
    clip_norm, multipliers = fields.pop('clip_norm'), fields.pop('lr_multipliers', ())
    if clip_norm < 0:
        raise UserError(f'config.optimizer.clip_norm is {clip_norm}; it must be at least 0')
    parts = [optax.clip_by_global_norm(clip_norm)] if clip_norm else []
    parts.append(_unclipped(fields, schedule))
    if multipliers:
        parts.append(_multiplied(multipliers))
    return optax.chain(*parts) if len(parts) > 1 else parts[0]


def _multiplied(table: tuple) -> optax.GradientTransformation:
    """Multiplies each update by the factor of the last pattern that matches its parameter's path."""
    for entry in table:
        is_pair = isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
        if not is_pair or isinstance(entry[1], bool) or not isinstance(entry[1], int | float) or entry[1] < 0:
            raise UserError(
                f"config.optimizer.lr_multipliers holds {entry!r}; it takes pairs such as ('stem*', 0.1), "
                'the factor at least 0'
            )

    def scaled(path: tuple, update: jax.Array) -> jax.Array:
        factor = value_of(jax.tree_util.keystr(path, simple=True, separator='/'), table, 1)
        return update if factor == 1 else factor * update

    return optax.stateless(lambda updates, _: jax.tree_util.tree_map_with_path(scaled, updates))


def _unclipped(fields: dict, schedule: optax.Schedule) -> optax.GradientTransformation:
    name, decay = fields.pop('name'), fields.pop('weight_decay')
    mask = None if fields.pop('decay_bias_and_norm') else _kernels
    fields.pop('learning_rate')  # in the schedule
    factory = getattr(optax, name, None)
    if name in NOT_OFFERED:
        raise UserError(f'config.optimizer.name is {name}, which {NOT_OFFERED[name]}; choose another')
    if name not in offered():
        raise unknown('optimizer', name, offered())
    if {'weight_decay', 'mask'} <= set(inspect.signature(factory).parameters):
        return call(factory, 'optimizer', fields, schedule, weight_decay=decay, mask=mask)
    main = call(factory, 'optimizer', fields, schedule)
    return optax.chain(optax.add_decayed_weights(decay, mask), main) if decay else main


def _kernels(params):
    return jax.tree.map(lambda leaf: jnp.ndim(leaf) > 1, params)


def offered() -> dict[str, Callable]:
    """The optimisers that a recipe can name: optax's functions whose first argument is a learning rate."""
    return {
        name: f
        for name, f in inspect.getmembers(optax, inspect.isfunction)
        if next(iter(inspect.signature(f).parameters), '') == 'learning_rate'
        and not name.startswith('_')
        and name not in NOT_OFFERED
    }
