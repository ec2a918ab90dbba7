"""timm's names in the networks that it builds from inverted residual blocks, and how timm prepares images.

MobileNet, MnasNet, EfficientNet and GhostNet share the names. A network whose weights timm took over from TensorFlow is
called `tf_...` there, pads as TensorFlow does and has its epsilon; its arrays have the same names. It is the library
'timm_tf' here, which no file tells apart from 'timm'.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from cnn_bench.models import registry
from cnn_bench.pretrained.layout import TENSORFLOW, Layout, Rule, Transform

CROP = 0.875  # of the resized shorter side, where a set of weights says nothing else
HALVES = {'mean': TENSORFLOW.mean, 'std': TENSORFLOW.std}  # images from -1 to 1
TENSORFLOW_FIELDS = {'padding': 'same', 'bn_epsilon': 1e-3}

_FIRST = {'depthwise': ('dw', 1), 'project': ('pw', 2)}  # the first stage expands nothing
_PLACES = {'expand': ('pw', 1), 'depthwise': ('dw', 2), 'project': ('pwl', 3)}
_FUSED = {'fused': ('conv_exp', 1), 'project': ('conv_pwl', 2)}


def usual(arch: str, **fields: Any) -> Transform:
    """timm's usual transform at the architecture's size, with `fields` of `Transform` set; weight sets differ in it."""
    size = registry.get(arch).size
    return Transform(**{'resize': int(size / CROP), 'interpolation': 'bicubic', **fields})


def _block(stage: int, block: int, layer: str, part: str) -> str:
    convolution, number = (_FIRST if stage == 1 else _PLACES)[layer]
    return f'blocks.{stage - 1}.{block - 1}.' + (f'bn{number}' if part == 'norm' else f'conv_{convolution}')


INVERTED: tuple[Rule, ...] = (
    (r'stem/conv', 'conv_stem'),
    (r'stem/norm', 'bn1'),
    (r'stage(\d)/block(\d+)/(expand|depthwise|project)/(conv|norm)', _block),
    (r'stage(\d)/block(\d+)/se/(\w+)', lambda stage, block, leaf: f'blocks.{stage - 1}.{block - 1}.se.conv_{leaf}'),
    (r'last/conv', 'conv_head'),
    (r'last/norm', 'bn2'),
    (r'head/fc', 'classifier'),
)


def fused(stages: str, alone: tuple[int, ...]) -> tuple[Rule, ...]:
    """Rules of the fused blocks of the `stages`, a pattern with a group; in those of `alone`, they do not project."""

    def block(stage: int, number: int, layer: str, part: str) -> str:
        convolution, norm = ('conv', 1) if stage in alone else _FUSED[layer]
        return f'blocks.{stage - 1}.{number - 1}.' + (f'bn{norm}' if part == 'norm' else convolution)

    return ((rf'{stages}/block(\d+)/(fused|project)/(conv|norm)', block),)


def inverted(fields: dict[str, Any], rules: tuple[Rule, ...] = ()) -> Callable[[str], Layout]:
    """The layout of an architecture of inverted residual blocks, whose `fields` make it timm's.

    Of blocks that have other names, `rules` come first.
    """

    def timm(arch: str) -> Layout:
        return Layout(rules=(*rules, *INVERTED), fields=fields, transform=usual(arch))

    return timm


def like(entry: Layout | Callable[[str], Layout | None], **fields: Any) -> Callable[[str], Layout | None]:
    """The layout of a network with the names of another library's `entry`, and `fields` of timm's usual transform."""

    def timm(arch: str) -> Layout | None:
        layout = entry(arch) if callable(entry) else entry
        return layout and dataclasses.replace(layout, transform=usual(arch, **fields))

    return timm
