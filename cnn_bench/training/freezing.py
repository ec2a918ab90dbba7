"""What of a network is trained and what stays as it is, to the bit.

A frozen parameter gets no gradient, no weight decay and no place in the optimiser's state: the loss is differentiated
with respect to the others alone, so that no backward pass of a frozen base is computed. Batch norm has two switches of
its own, each one of `recipe.BN_SCOPES`:

    bn_update   whose running statistics follow the batches: a layer whose do not normalises by them, as in evaluation
    bn_train    whose scale and bias are trained

Unless running statistics of frozen layers are updated (`bn_update='all'`), dropout in frozen modules is off as well:
the frozen base runs in evaluation mode.
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
    """Paths of what one stage of training leaves as it is."""

    params: frozenset[str] = frozenset()  # 'head/fc/kernel'
    layers: frozenset[str] = frozenset()  # of batch norm that normalise by their running statistics: 'stem/norm'
    quiet: tuple[str, ...] = ()  # patterns of modules whose dropout is off

    def split(self, params: Any) -> tuple[Any, dict]:
        """The trained parameters as a tree, and the frozen ones."""
        if not self.params:
            return params, {}
        flat = flatten_dict(params, sep='/')
        trained = {path: leaf for path, leaf in flat.items() if path not in self.params}
        return unflatten_dict(trained, sep='/'), {path: flat[path] for path in sorted(self.params)}

    def join(self, trained: Any, frozen: dict) -> Any:
        """The parameters that `split` took apart."""
        return unflatten_dict({**flatten_dict(trained, sep='/'), **frozen}, sep='/') if frozen else trained

    def keep(self, before: dict, after: dict) -> dict:
        """Collections of variables `after` a step, but those that are frozen as they were `before`."""
        return self._where_frozen(lambda old, new: old, before, after)

    def keep_average(self, before: dict, after: dict, variables: dict) -> dict:
        """As `keep`, of an average of `variables`: one that is already at its frozen variable stays there."""
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
        """Within it, frozen layers of a network that is applied in training mode compute what they do in evaluation."""
        return nn.intercept_methods(self._intercept) if self.layers or self.quiet else nullcontext()

    def _intercept(self, call: Callable, args: tuple, kwargs: dict, context: Any) -> Any:
        module, path = context.module, '/'.join(context.module.path)
        if context.method_name == '__call__' and path in self.layers:
            fixed = module.clone(parent=None, use_running_average=True)
            return fixed.apply(module.variables, *args, **kwargs)
        if isinstance(module, nn.Dropout) and context.method_name == '__call__' and patterns.selected(path, self.quiet):
            return args[0]
        return call(*args, **kwargs)


ALL_TRAINED = Freezing()


def make_freezing(freeze: tuple[str, ...], bn_update: str, bn_train: str, shapes: Callable[[], dict]) -> Freezing:
    """What the fields of a recipe freeze. `shapes()` gives the network's variables; it is called where needed alone.

    Raises UserError for a pattern that matches nothing, and where nothing would be left to train.
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
    """How many numbers the trained and the frozen parameters hold."""
    trained, frozen = (sum(leaf.size for leaf in jax.tree.leaves(part)) for part in freezing.split(params))
    return {'trained_params': trained, 'frozen_params': frozen}
