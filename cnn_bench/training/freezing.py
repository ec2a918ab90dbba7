"""Freezing parts of a network: they stay as they are, to the bit.

A frozen parameter has no gradient, no weight decay and no optimiser state: the loss is differentiated only with respect
to the other parameters, so that no backward pass through a frozen base is computed. Batch norm has two switches of its
own, each one of `recipe.BN_SCOPES`:

    bn_update   layers that update their running statistics; the others normalise by them, as in evaluation
    bn_train    layers whose scale and bias are trained

Unless frozen layers update their running statistics (`bn_update='all'`), dropout in frozen modules is off as well: the
frozen base runs in evaluation mode.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from cnn_bench.errors import UserError
from cnn_bench.recipe import BN_SCOPES, patterns

STATISTICS = 'batch_stats'


@dataclass(frozen=True)
class Freezing:
    """The paths that one stage of training freezes."""

    params: frozenset[str] = frozenset()  # 'head/fc/kernel'
    layers: frozenset[str] = frozenset()  # batch norm that uses its running statistics: 'stem/norm'
    no_dropout: tuple[str, ...] = ()  # patterns of modules whose dropout is off

    def split(self, params: Any) -> tuple[Any, dict]:
        """The trained parameters as a tree, and the frozen ones."""
        if not self.params:
            return params, {}
        flat = flatten_dict(params, sep='/')
        trained = {path: leaf for path, leaf in flat.items() if path not in self.params}
        return unflatten_dict(trained, sep='/'), {path: flat[path] for path in sorted(self.params)}

    def join(self, trained: Any, frozen: dict) -> Any:
        """The inverse of `split`."""
        return unflatten_dict({**flatten_dict(trained, sep='/'), **frozen}, sep='/') if frozen else trained

    def keep(self, before: dict, after: dict) -> dict:
        """The variables `after` a step, with the frozen ones as they were `before`."""
        return self._where_frozen(lambda old, new: old, before, after)

    def keep_average(self, before: dict, after: dict, variables: dict) -> dict:
        """`keep` for the average of `variables`: where it equals a frozen variable, it stays equal."""
        return self._where_frozen(lambda old, new, value: jnp.where(old == value, old, new), before, after, variables)

    def _where_frozen(self, choose: Callable, before: dict, after: dict, *more: dict) -> dict:
        if not self.params and not self.layers:
            return after
        return jax.tree_util.tree_map_with_path(
            lambda path, *leaves: choose(*leaves) if self._is_frozen(path) else leaves[1], before, after, *more
        )

    def _is_frozen(self, path: tuple) -> bool:
        collection, *names = (key.key for key in path)
        if collection == STATISTICS:
            return '/'.join(names[:-1]) in self.layers
        return collection == 'params' and '/'.join(names) in self.params

    def in_evaluation(self) -> AbstractContextManager:
        """A context in which frozen layers run in evaluation mode while the network is applied in training mode."""
        return nn.intercept_methods(self._intercept) if self.layers or self.no_dropout else nullcontext()

    def _intercept(self, call: Callable, args: tuple, kwargs: dict, context: Any) -> Any:
        module, path = context.module, '/'.join(context.module.path)
        if context.method_name == '__call__' and path in self.layers:
            fixed = module.clone(parent=None, use_running_average=True)
            return fixed.apply(module.variables, *args, **kwargs)
        if (
            isinstance(module, nn.Dropout)
            and context.method_name == '__call__'
            and patterns.selected(path, self.no_dropout)
        ):
            return args[0]
        return call(*args, **kwargs)


ALL_TRAINED = Freezing()


def make_freezing(freeze: tuple[str, ...], bn_update: str, bn_train: str, shapes: Callable[[], dict]) -> Freezing:
    """The Freezing of a recipe's fields. `shapes()` returns the network's variables; it is called only if needed.

    Raises UserError for a pattern that matches nothing, and if no parameter is left to train.
    """
    for field, value in (('bn_update', bn_update), ('bn_train', bn_train)):
        if value not in BN_SCOPES:
            raise UserError(f'config.{field} is {value!r}; allowed: {", ".join(BN_SCOPES)}')
    if not freeze and 'none' not in (bn_update, bn_train):
        return ALL_TRAINED
    variables = shapes()
    params = flatten_dict(variables['params'], sep='/')
    patterns.check(freeze, params, 'freeze')
    norms = {path.rpartition('/')[0] for path in flatten_dict(variables.get(STATISTICS, {}), sep='/')}

    def is_frozen(path: str) -> bool:
        if path.rpartition('/')[0] in norms and bn_train != 'unfrozen':
            return bn_train == 'none'
        return patterns.selected(path, freeze)

    frozen = frozenset(path for path in params if is_frozen(path))
    if len(frozen) == len(params):
        raise UserError(f'config.freeze is {freeze!r}: it leaves no parameter to train')
    fixed = {'unfrozen': {path for path in norms if patterns.selected(path, freeze)}, 'all': set(), 'none': norms}
    return Freezing(frozen, frozenset(fixed[bn_update]), () if bn_update == 'all' else tuple(freeze))


def parameter_counts(freezing: Freezing, params: Any) -> dict[str, int]:
    """The numbers of trained and of frozen parameters."""
    trained, frozen = (sum(leaf.size for leaf in jax.tree.leaves(part)) for part in freezing.split(params))
    return {'trained_params': trained, 'frozen_params': frozen}
