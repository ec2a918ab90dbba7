"""timm's names in the networks that it builds from inverted residual blocks, and how timm prepares images.

MobileNet, MnasNet and EfficientNet share the names. A network whose weights timm took over from TensorFlow is called
`tf_...` there, pads as TensorFlow does and has its epsilon; its arrays have the same names. It is the library 'timm_tf'
here, which no file tells apart from 'timm'.
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


def inverted(fields: dict[str, Any]) -> Callable[[str], Layout]:
    """The layout of an architecture of inverted residual blocks, whose `fields` make it timm's."""

    def timm(arch: str) -> Layout:
        return Layout(rules=INVERTED, fields=fields, transform=usual(arch))

    return timm


def like(entry: Layout | Callable[[str], Layout | None], **fields: Any) -> Callable[[str], Layout | None]:
    """The layout of a network with the names of another library's `entry`, and `fields` of timm's usual transform."""

    def timm(arch: str) -> Layout | None:
        layout = entry(arch) if callable(entry) else entry
        return layout and dataclasses.replace(layout, transform=usual(arch, **fields))

    return timm
