"""How an image becomes what a network takes: one rule for evaluation, prediction, features and retrieval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]  # (left, top, right, bottom) in pixels


@dataclass(frozen=True)
class Preprocessing:
    """The transform of a network: centre crop, resize, scale to 0..1, normalise per channel.

    `crop_fraction` is the side of the crop relative to the largest centred box with the input's proportions; with 1.0
    an image that has the input's size already stays as it is.
    """

    input_shape: tuple[int, int, int]  # (h, w, c)
    mean: tuple[float, ...]  # the network takes (pixel / 255 - mean) / std per channel
    std: tuple[float, ...]
    interpolation: str = 'bilinear'  # or 'bicubic'; always with antialiasing
    crop_fraction: float = 0.875

    def __post_init__(self):
        """Raise ValueError for what no image can be prepared by, as a damaged record may have it."""
        sides = self.input_shape
        if len(sides) != 3 or not all(isinstance(side, int | np.integer) and side > 0 for side in sides):
            raise ValueError(f'input_shape is {sides!r}; it must be height, width and channels')
        for name in ('mean', 'std'):
            values = getattr(self, name)
            numbers = isinstance(values, tuple) and all(isinstance(each, int | float | np.number) for each in values)
            if not numbers or not values or not np.isfinite(values).all():
                raise ValueError(f'{name} is {values!r}; it must be a number per channel')
        if not isinstance(self.crop_fraction, int | float) or not 0 < self.crop_fraction <= 1:
            raise ValueError(f'crop_fraction is {self.crop_fraction!r}; it must be above 0 and at most 1')

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> 'Preprocessing':
        """The value whose `dataclasses.asdict` was written to JSON."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in record.items()})

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.input_shape[:2]

    def keeps(self, shape: Sequence[int] | None) -> bool:
        """Whether images of `shape` (h, w, c) reach the network with all their pixels unchanged. None: mixed sizes."""
        return shape is not None and tuple(shape[:2]) == self.size and self.crop_fraction == 1

    def crop(self, image: np.ndarray) -> np.ndarray:
        """An image uint8 (h, w, c) of any size, cropped at its centre and resized to the network's height and width."""
        return resize(image, centre_box(image.shape[:2], self.size, self.crop_fraction), self.size, self.interpolation)

    def normalise(self, images: Any, dtype: Any = np.float32) -> Any:
        """(n, h, w, c) from 0 to 255 -> what the network takes, in `dtype`; grey images fill all channels."""
        from cnn_bench.data.augment import normalise

        return normalise(images, self.mean, self.std, dtype)


def centre_box(size: tuple[int, int], target: tuple[int, int], fraction: float) -> Box:
    """The centred box of an image of `size` (h, w) with the proportions of `target` (h, w).

    Its sides are `fraction` times those of the largest such box. Resizing the box is the same as resizing the image and
    cropping its centre, without rounding in between.
    """
    scale = fraction * min(side / wanted for side, wanted in zip(size, target, strict=True))
    height, width = (min(scale * wanted, side) for side, wanted in zip(size, target, strict=True))
    left, top = (size[1] - width) / 2, (size[0] - height) / 2
    return max(left, 0.0), max(top, 0.0), min(left + width, size[1]), min(top + height, size[0])


def resize(image: np.ndarray, box: Box, size: tuple[int, int], interpolation: str = 'bilinear') -> np.ndarray:
    """The part `box` of an image, uint8 (h, w, c), resized to `size` (h, w) with antialiasing."""
    height, width = size
    if box == (0, 0, width, height) == (0, 0, *image.shape[1::-1]):
        return image
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    resized = np.asarray(picture.resize((width, height), Image.Resampling[interpolation.upper()], box=box))
    return resized[:, :, None] if resized.ndim == 2 else resized
