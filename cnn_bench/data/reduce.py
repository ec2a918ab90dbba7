"""Making a set's pictures smaller once, when it is prepared, so that training reads and decodes less."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from cnn_bench.data import pictures
from cnn_bench.data.ahead import ahead
from cnn_bench.data.write import Example
from cnn_bench.errors import UserError

QUALITY = 90  # by default


@dataclass(frozen=True)
class Reduction:
    """Pictures whose shorter side is above `shorter_side` are resized to it and stored as JPEG of `quality`.

    The longer side is rounded; the filter is Lanczos with antialiasing, colours are subsampled 4:2:0. Masks take the
    class of the nearest pixel. Other pictures
    are stored as they come.
    """

    shorter_side: int  # pixels
    quality: int = QUALITY  # libjpeg's, 1 to 95

    def __post_init__(self):
        """Raises UserError for values that no picture can be stored with."""
        if self.shorter_side < 1:
            raise UserError(f'--shorter-side is {self.shorter_side}; it must be at least 1')
        if not 1 <= self.quality <= 95:
            raise UserError(f'--quality is {self.quality}; it must be 1 to 95')

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width that a picture of `size` (h, w) is stored with."""
        shorter = min(size)
        if shorter <= self.shorter_side:
            return size
        return tuple(round(side * self.shorter_side / shorter) for side in size)

    def shape(self, shape: tuple[int | None, int | None, int]) -> tuple[int | None, int | None, int]:
        """The shape (h, w, c) that images of `shape` are stored with; h and w None where sizes vary."""
        return (*self.size(shape[:2]), shape[2]) if shape[0] and shape[1] else shape

    def of(self, example: Example) -> Example:
        """The example as it is stored."""
        height, width, channels = example.pixels.shape
        new = self.size((height, width))
        if new == (height, width):
            return example
        picture = Image.fromarray(example.pixels[:, :, 0] if channels == 1 else example.pixels)
        buffer = io.BytesIO()
        picture.resize(new[::-1], Image.Resampling.LANCZOS).save(
            buffer, 'JPEG', quality=self.quality, subsampling='4:2:0'
        )
        encoded = buffer.getvalue()
        label = example.label
        if not isinstance(label, int):  # a mask: classes can't be averaged
            label = np.asarray(Image.fromarray(label).resize(new[::-1], Image.Resampling.NEAREST))
        return replace(example, encoded=encoded, pixels=pictures.decode(encoded), label=label)

    def all(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The examples as they are stored, in their order, made a few ahead in threads."""
        for _, made in ahead(self.of, examples, per_core=2):
            yield made.result()
