"""How an image becomes what a network takes: one rule for evaluation, prediction, features and retrieval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

INTERPOLATIONS = ('nearest', 'bilinear', 'bicubic', 'lanczos')
_LONGEST = 16  # times its width may an image be long, or as wide
Box = tuple[float, float, float, float]  # (left, top, right, bottom) in pixels


@dataclass(frozen=True)
class Preprocessing:
    """The transform of a network: resize, centre crop, scale to 0..1, normalise per channel.

    Sizes and offsets are rounded as torchvision's `Resize` and `CenterCrop` round them, which timm uses too. With
    `resize` None, an image that has the input's size stays as it is.
    """

    input_shape: tuple[int, int, int]  # (h, w, c)
    mean: tuple[float, ...]  # the network takes (pixel / 255 - mean) / std per channel
    std: tuple[float, ...]
    interpolation: str = 'bilinear'  # or another of INTERPOLATIONS; always with antialiasing
    resize: int | None = None  # shorter side of the whole image before the crop; None: that of the input
    squash: bool = False  # the whole image gets the proportions of the input, whatever its own

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
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f'interpolation is {self.interpolation!r}; it must be one of {", ".join(INTERPOLATIONS)}')
        least = min(self.size)
        if self.resize is not None and not (isinstance(self.resize, int | np.integer) and self.resize >= least):
            raise ValueError(f'resize is {self.resize!r}; it must be None or a whole number of at least {least} pixels')

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> 'Preprocessing':
        """The value whose `dataclasses.asdict` was written to JSON.

        Records of earlier versions have the crop's side as a fraction of the image's shorter side instead of `resize`.
        """
        record = {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
        if 'crop_fraction' in record:
            record['resize'] = resize_of_fraction(min(record['input_shape'][:2]), record.pop('crop_fraction'))
        return cls(**record)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.input_shape[:2]

    def keeps(self, shape: Sequence[int] | None) -> bool:
        """Whether images of `shape` (h, w, c) reach the network with all their pixels unchanged. None: mixed sizes."""
        return shape is not None and tuple(shape[:2]) == self.size and self.resize in (None, min(self.size))

    def resized(self, image: np.ndarray, shorter_side: int | None = None) -> np.ndarray:
        """An image uint8 (h, w, c) of any size, resized as a whole before it is cropped.

        Its shorter side becomes `resize`, or `shorter_side` where that is given, which never squashes it. To bound
        memory, only the middle is kept of an image that is more than _LONGEST times as long as wide.
        """
        image = centre(image, _not_too_long(image.shape[:2]))
        size = self.resized_size(image.shape[:2], shorter_side)
        return resize(image, (0, 0, *image.shape[1::-1]), size, self.interpolation)

    def resized_size(self, size: tuple[int, int], shorter_side: int | None = None) -> tuple[int, int]:
        """Height and width of what `resized` makes of an image of `size` (h, w).

        The longer side is cut to whole pixels, as by torchvision's `Resize`. Where the input is no square, the image
        becomes the smallest that covers the input enlarged to that shorter side.
        """
        if self.squash and shorter_side is None:
            side = self.resize or min(self.size)
            return tuple(round(side * own / min(self.size)) for own in self.size)
        size, side = _not_too_long(size), shorter_side or self.resize or min(self.size)
        height, width = (round(side * own / min(self.size)) for own in self.size)
        if size[0] * width <= size[1] * height:
            return height, max(width, int(height * size[1] / size[0]))
        return max(height, int(width * size[0] / size[1])), width

    def crop(self, image: np.ndarray) -> np.ndarray:
        """An image uint8 (h, w, c) of any size, resized and cropped at its centre to the network's height and width."""
        return centre(self.resized(image), self.size)

    def normalise(self, images: Any, dtype: Any = np.float32) -> Any:
        """(n, h, w, c) from 0 to 255 -> what the network takes, in `dtype`; grey images fill all channels."""
        from cnn_bench.data.augment import normalise

        return normalise(images, self.mean, self.std, dtype)


def _not_too_long(size: tuple[int, int]) -> tuple[int, int]:
    height, width = size
    return min(height, _LONGEST * width), min(width, _LONGEST * height)


def centre(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The centre of an image (h, w, c) that is at least of `size` (h, w), at torchvision's `CenterCrop`'s offsets."""
    top, left = (round((side - wanted) / 2) for side, wanted in zip(image.shape[:2], size, strict=True))
    return image[top : top + size[0], left : left + size[1]]


def resize_of_fraction(side: int, fraction: float) -> int | None:
    """The shorter side of the image of which a crop of `side` pixels is `fraction`; None for all of it."""
    return None if fraction == 1 else round(side / fraction)


def resize(image: np.ndarray, box: Box, size: tuple[int, int], interpolation: str = 'bilinear') -> np.ndarray:
    """The part `box` of an image, uint8 (h, w, c), resized to `size` (h, w) with antialiasing."""
    height, width = size
    if box == (0, 0, width, height) == (0, 0, *image.shape[1::-1]):
        return image
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    resized = np.asarray(picture.resize((width, height), Image.Resampling[interpolation.upper()], box=box))
    return resized[:, :, None] if resized.ndim == 2 else resized
