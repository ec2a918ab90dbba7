"""Modules of Inception v3, v4 and Inception-ResNet, described by tables of branches.

A step is a convolution (features, kernel, stride, padding), the last two optional; 'max', a 3x3 pooling that halves
the resolution; 'max_same' or 'mean', a 3x3 pooling that keeps it; or a tuple of two parallel convolutions whose
outputs are concatenated. A branch is a tuple of steps; a table is a dictionary of branches with the same input.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, require
from cnn_bench.models.layers import avg_pool, identity, no_norm, scale_channels


class Residual(NamedTuple):
    """A table whose concatenated output goes through a 1x1 convolution and, times `scale`, is added to the input."""

    table: Mapping[str, tuple]
    scale: float
    activated: bool = True  # whether an activation follows the sum


Part = tuple | Mapping[str, tuple] | Residual  # a single branch, a table, or a table with a shortcut


def named_convolutions(steps: tuple) -> list[list[tuple[str, tuple]]]:
    """The named convolutions of each step in a branch: conv1, or conv2a and conv2b, or none for a pooling."""
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
    """Paths of all convolutions with normalisation in the part `name`, in the order of its table."""
    if isinstance(part, Residual):
        return convolution_paths(part.table, name)
    branches = {name: part} if isinstance(part, tuple) else {f'{name}/{key}': steps for key, steps in part.items()}
    return [
        f'{path}/{conv}' for path, steps in branches.items() for step in named_convolutions(steps) for conv, _ in step
    ]


def mean_pool(x: jax.Array, pads_counted: bool) -> jax.Array:
    """Mean over 3x3 windows around every pixel, without padding in the mean or with zeros (`pads_counted`)."""
    if pads_counted:
        return avg_pool(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, 1)
    return avg_pool(x, 3, 1, padding=1)


class Branch(nn.Module):
    """A sequence of steps."""

    steps: tuple
    conv_norm_act: Callable
    pools: Mapping[str, Callable]
    width: float

    @nn.compact
    def __call__(self, x):
        for step, convolutions in zip(self.steps, named_convolutions(self.steps), strict=True):
            x = self._parallel(convolutions, x) if convolutions else self.pools[step](x)
        return x

    def _parallel(self, convolutions, x):
        outputs = [
            self.conv_norm_act(scale_channels(features, self.width), *rest, name=name)(x)
            for name, (features, *rest) in convolutions
        ]
        return jnp.concatenate(outputs, axis=-1) if len(outputs) > 1 else outputs[0]


class Branches(nn.Module):
    """Branches with the same input, concatenated in the order of their table."""

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
    """The parts listed by `plan`, global average pool, one dense layer."""

    dropout: float = 0.2
    bn_epsilon: float = 1e-3
    depths: tuple = (1, 1, 1)  # modules at each of the three resolutions
    pads_counted: bool = False  # mean pooling includes the padding, as zeros

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == 3, 'three numbers')

    def plan(self) -> dict[str, Part]:
        """The network's parts by name, from the image to the last feature map."""
        raise NotImplementedError(type(self).__name__)

    @nn.compact
    def features(self, x, train=False):
        for name, part in self.plan().items():
            x = self.part(part, train)(name=name)(x)
        return x

    def part(self, part: Part, train: bool) -> Callable:
        """The module of a part: `part(table, train)(name='reduction_a')(x)`."""
        conv_norm_act = self.conv_norm_act(train)
        pools = {
            'max': partial(self.pool, window=3, stride=2),
            'max_same': partial(self.pool, window=3, stride=1, padding=1),
            'mean': partial(mean_pool, pads_counted=self.pads_counted),
        }
        branch = partial(Branch, conv_norm_act=conv_norm_act, pools=pools, width=self.width)
        if isinstance(part, Residual):
            project = partial(self.conv_norm_act(train, use_bias=True), norm=no_norm, act=identity)
            return partial(ResidualBranches, part, branch, project, self.act)
        return partial(branch if isinstance(part, tuple) else partial(Branches, branch=branch), part)
