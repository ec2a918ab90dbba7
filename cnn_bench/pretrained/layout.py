"""Layouts: the names that another library gives to the layers of one of our families, and how its networks differ."""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError, unknown
from cnn_bench.models import own, registry

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# A regular expression for the whole path of one of our layers ('stage2/block1/conv1/conv'), and the library's name: a
# template for `re.Match.expand` (r'features.\1'), or a function of the groups, with numbers as int.
Rule = tuple[str, str | Callable[..., str]]


@dataclasses.dataclass(frozen=True)
class Transform:
    """How the library prepared images when the weights were trained: (pixel / 255 - mean) / std for each of R, G, B."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    resize: int | None = None  # shorter side before the centre crop, where the library states it
    interpolation: str = 'bilinear'

    def for_input(self, shape: tuple[int, int, int]) -> Preprocessing:
        """The transform for images of `shape` (h, w, c); without a stated `resize` the crop has 7/8 of the side."""
        return Preprocessing(
            shape, self.mean, self.std, self.interpolation, self.resize or round(min(shape[:2]) * 8 / 7)
        )


CAFFE = Transform(mean=(123.68 / 255, 116.779 / 255, 103.939 / 255), std=(1 / 255,) * 3)  # with `bgr`
TENSORFLOW = Transform(mean=(0.5,) * 3, std=(0.5,) * 3)  # -1 to 1


@dataclasses.dataclass(frozen=True)
class Layout:
    """Rules from our layer paths to the library's names; the first rule that matches counts.

    A rule gives the name of a layer ('features.0') or, where an array has an unusual name, of that array with a slash
    ('block2_sepconv1/pointwise_kernel').
    """

    rules: tuple[Rule, ...]
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # fields of our network that make it theirs
    ignored: tuple[str, ...] = ()  # regular expressions of their arrays that evaluation does not need
    flattened: Mapping[str, int] = dataclasses.field(
        default_factory=dict
    )  # dense layer -> channels of the activation that it flattens
    older: tuple[tuple[str, str], ...] = ()  # names in files of earlier versions: (pattern, template of today's name)
    unscaled: bool = False  # some of their norms have no scale; ours is 1 there
    bgr: bool = False  # their first convolution takes BGR
    transform: Transform = Transform()  # of weights of networks without a published set (see published.py)

    def name(self, path: str) -> str:
        """The library's name of our layer `path`. Raises KeyError where no rule matches."""
        for pattern, target in self.rules:
            if match := re.fullmatch(pattern, path):
                if isinstance(target, str):
                    return match.expand(target)
                return target(*(int(group) if group and group.isdigit() else group for group in match.groups()))
        raise KeyError(path)


def layouts_of(arch: str) -> dict[str, Layout]:
    """The layouts of an architecture by library. Raises UserError where no library is known to have it."""
    family = registry.get(arch).family
    try:
        known = {} if own.is_own(arch) else importlib.import_module(f'cnn_bench.pretrained.layouts.{family}').LAYOUTS
    except ModuleNotFoundError:
        known = {}
    made = {library: entry(arch) if inspect.isfunction(entry) else entry for library, entry in known.items()}
    made = {library: layout for library, layout in made.items() if layout is not None}
    if not made:
        raise UserError(f'no other library is known to have weights of {arch}')
    return made


def layout_of(arch: str, library: str) -> Layout:
    """The layout of an architecture in one library. Raises UserError with the libraries that have the architecture."""
    known = layouts_of(arch)
    if library not in known:
        raise unknown(f'library with weights of {arch}', library, known)
    return known[library]
