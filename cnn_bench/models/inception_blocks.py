"""What Inception networks of versions 3 and 4 are made of: tables of branches, and the modules that they describe.

A step is a convolution (maps, kernel, stride, padding), of which all but the first two may be left out; or 'max', 3x3
pooling that halves the map; or 'max_same' or 'mean', 3x3 pooling that keeps its size; or, in a tuple, two convolutions
side by side whose maps are concatenated. A branch is a tuple of steps, a table a dictionary of branches on one map.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, require
from cnn_bench.models.layers import avg_pool, identity, no_norm, scaled


class Residual(NamedTuple):
    """A table whose concatenated maps go through a 1x1 convolution and, times `scale`, are added to the input."""

    table: Mapping[str, tuple]
    scale: float
    activated: bool = True  # the sum


Part = tuple | Mapping[str, tuple] | Residual  # a branch by itself, a table, or a table with a shortcut


def named_convolutions(steps: tuple) -> list[list[tuple[str, tuple]]]:
    """For each step of a branch its convolutions with their names: conv1, or conv2a and conv2b, or none for a pool."""
    named, number = [], 0
    for step in steps:
        number += not isinstance(step, str)
        if isinstance(step, str):
            named.append([])
        elif isinstance(step[0], tuple):
            named.append([(f'conv{number}{letter}', conv) for letter, conv in zip('ab', step, strict=True)])
        else:
            named.append([(f'conv{number}', step)])
    return named


def convolution_paths(part: Part, name: str) -> list[str]:
    """The paths of all convolutions with normalisation in a part called `name`, in the order of its table."""
    if isinstance(part, Residual):
        return convolution_paths(part.table, name)
    branches = {name: part} if isinstance(part, tuple) else {f'{name}/{key}': steps for key, steps in part.items()}
    return [
        f'{path}/{conv}' for path, steps in branches.items() for made in named_convolutions(steps) for conv, _ in made
    ]


def mean_pool(x: jax.Array, pads_counted: bool) -> jax.Array:
    """Mean over 3x3 windows around every pixel, of what lies inside the map, or with zeros outside it."""
    if pads_counted:
        return avg_pool(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, 1)
    return avg_pool(x, 3, 1, padding=1)


class Branch(nn.Module):
    """Steps one after another."""

    steps: tuple
    unit: Callable
    pools: Mapping[str, Callable]
    width: float

    @nn.compact
    def __call__(self, x):
        for step, convolutions in zip(self.steps, named_convolutions(self.steps), strict=True):
            x = self._side_by_side(convolutions, x) if convolutions else self.pools[step](x)
        return x

    def _side_by_side(self, convolutions, x):
        made = [self.unit(scaled(maps, self.width), *rest, name=name)(x) for name, (maps, *rest) in convolutions]
        return jnp.concatenate(made, axis=-1) if len(made) > 1 else made[0]


class Branches(nn.Module):
    """Branches on one map, concatenated in the order of their table."""

    table: Mapping[str, tuple]
    branch: Callable

    @nn.compact
    def __call__(self, x):
        return jnp.concatenate([self.branch(steps, name=name)(x) for name, steps in self.table.items()], axis=-1)


class ResidualBranches(nn.Module):
    """act(x + scale * project(branches(x))); the projection has a bias and no normalisation."""

    part: Residual
    branch: Callable
    project: Callable
    act: Callable

    @nn.compact
    def __call__(self, x):
        y = [self.branch(steps, name=name)(x) for name, steps in self.part.table.items()]
        x = x + self.part.scale * self.project(x.shape[-1], 1, name='project')(jnp.concatenate(y, axis=-1))
        return self.act(x) if self.part.activated else x


class InceptionNet(Classifier):
    """Parts one after another, as `plan` lists them, global average pool, one dense layer."""

    dropout: float = 0.2
    bn_epsilon: float = 1e-3
    depths: tuple = (1, 1, 1)  # modules at each of the three sizes of the map
    pads_counted: bool = False  # mean pools take in the padding at the edge, as zeros

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == 3, 'three numbers')

    def plan(self) -> dict[str, Part]:
        """The network's parts, from the image to the last map, by name."""
        raise NotImplementedError(type(self).__name__)

    @nn.compact
    def features(self, x, train=False):
        for name, part in self.plan().items():
            x = self.part(part, train)(name=name)(x)
        return x

    def part(self, part: Part, train: bool) -> Callable:
        """A part's module, bound: `part(table, train)(name='reduction_a')(x)`."""
        unit = self.unit(train)
        pools = {
            'max': partial(self.pool, window=3, stride=2),
            'max_same': partial(self.pool, window=3, stride=1, padding=1),
            'mean': partial(mean_pool, pads_counted=self.pads_counted),
        }
        branch = partial(Branch, unit=unit, pools=pools, width=self.width)
        if isinstance(part, Residual):
            project = partial(self.unit(train, use_bias=True), norm=no_norm, act=identity)
            return partial(ResidualBranches, part, branch, project, self.act)
        return partial(branch if isinstance(part, tuple) else partial(Branches, branch=branch), part)
